from collections.abc import Iterator
from pathlib import Path

import pytest

from training.cache import Cache
from training.workplace import Workplace


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workplace]:
    """Where a training keeps what it makes, with nothing in it."""
    cache = Cache(tmp_path / "cache")
    yield Workplace(cache, tmp_path / "source", tmp_path / "checkpoints")
    cache.close()
