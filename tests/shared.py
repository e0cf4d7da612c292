"""Real pictures to measure on, beside the checkout; tests that want them say so when they are not."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"
SHARED_DATA = SHARED / "data"
SHARED_KERAS = SHARED / "keras"

needs_shared_data = pytest.mark.skipif(
    not SHARED_DATA.is_dir(), reason=f"the real pictures are not at {SHARED_DATA}"
)
