"""training.layers.progress: counting steps and telling how far they are."""

import math

import numpy as np
import pytest

from training.layers.plan import Plan
from training.layers.progress import Progress, Tally

PLAN = Plan(num_pictures=10, num_epochs=2, batch_size=4, seed=0)


def test_the_plan_has_whole_batches_and_another_order_each_epoch() -> None:
    assert (PLAN.num_steps, PLAN.num_all) == (3, 6)
    batches = list(PLAN.batches())
    assert [number for number, _ in batches] == list(range(6))
    assert {places.shape for _, places in batches} == {(4,)}
    first = np.concatenate([places for _, places in batches[:3]])
    second = np.concatenate([places for _, places in batches[3:]])
    assert sorted(first[:10]) == sorted(second[:10]) == list(range(10))
    assert first[10:].tolist() == first[:2].tolist()
    assert first.tolist() != second.tolist()


@pytest.mark.parametrize("first", range(7))
def test_the_plan_can_be_taken_up_at_any_step(first: int) -> None:
    everything = [(number, places.tolist()) for number, places in PLAN.batches()]
    assert [(n, places.tolist()) for n, places in PLAN.batches(first)] == everything[first:]


def test_figures_are_means_over_the_epoch_so_far() -> None:
    progress = Progress("fine-tune", PLAN, Tally.fresh())
    for loss in (3.0, 2.0, 1.0):
        assert not progress.epoch_waits
        progress.add(loss, 0.5)
    figures = progress.figures()
    assert (figures.epoch, figures.step, figures.loss, figures.accuracy) == (1, 3, 2.0, 0.5)
    assert math.isnan(figures.val_loss)
    assert progress.epoch_waits
    progress.end_epoch(0.7, 0.9)
    assert not progress.epoch_waits
    ended = progress.figures()
    assert (ended.epoch, ended.step, ended.loss, ended.val_loss) == (1, 3, 2.0, 0.7)
    progress.add(5.0, 1.0)
    later = progress.figures()
    assert (later.epoch, later.step, later.loss, later.accuracy) == (2, 1, 5.0, 1.0)
    assert (later.val_loss, later.val_accuracy) == (0.7, 0.9)
    assert not progress.is_done


def test_the_time_left_is_known_from_the_second_step_on(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("training.layers.progress.time.monotonic", lambda: now)
    progress = Progress("scratch", PLAN, Tally.fresh())

    def step(seconds: float) -> None:
        nonlocal now
        now += seconds
        progress.add(1.0, 1.0)

    step(30)  # builds the graph
    assert progress.figures().seconds_left == math.inf
    assert progress.figures().pictures_per_second == 0
    step(2)
    assert progress.figures().pictures_per_second == pytest.approx(2)
    assert progress.figures().seconds_left == pytest.approx(4 * 2)
    step(2)
    now += 10
    progress.end_epoch()
    # Another three steps and another validation.
    assert progress.figures().seconds_left == pytest.approx(3 * 2 + 10)
    for _ in range(3):
        step(2)
    progress.end_epoch()
    assert progress.is_done
    assert progress.figures().seconds_left == 0
    assert [record.seconds for record in progress.tally.history] == pytest.approx([44, 6])
