"""What the benches show at length, in short: uploads at full speed over the API."""

import pytest

from bench.promotion import switch_under_load
from bench.soak import soak
from bench.systems import Ours
from tests.bundles import colour_bundle
from tests.stack import Stack

NUM_UPLOADS = 300


@pytest.mark.slow
@pytest.mark.on_postgres
def test_hundreds_of_uploads_are_answered_once_each_and_leave_no_file_over(stack: Stack) -> None:
    colour_bundle(stack.data_dir / "bundles" / "colours")
    figures = soak(Ours.install(stack, "colours"), NUM_UPLOADS)
    assert figures["rows"] == figures["done"] == figures["answers"] == NUM_UPLOADS
    assert figures["claimed_once"] == figures["different_pictures"] == NUM_UPLOADS
    assert figures["left_over"] == []
    assert figures["pictures_missing"] == 0


@pytest.mark.slow
def test_switching_the_live_version_under_load_fails_nothing_and_no_retired_one_answers(
    stack: Stack,
) -> None:
    sizes = (64, 72, 80)  # which make three bundles of the same classes
    for size in sizes:
        colour_bundle(stack.data_dir / "bundles" / f"colours-{size}", image_size=size)
    ours = Ours.install(stack, *(f"colours-{size}" for size in sizes))
    figures = switch_under_load(ours, seconds=10, num_switches=2)
    assert figures["failures"] == 0
    assert figures["rows"] == figures["uploads"]
    assert figures["by_a_version_not_live"] == []
    assert set(figures["answers_by_version"]) == {"1", "2", "3"}
