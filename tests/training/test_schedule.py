"""training.layers.schedule: how fast to learn and when to stop, from plain numbers."""

import math

import numpy as np
import pytest

from training.layers.schedule import best_epoch, is_enough, warmup_and_cosine


@pytest.mark.parametrize("warmup_share", [0.1, 0.2])
def test_the_learning_rate_rises_to_its_peak_once_and_falls_to_nothing(warmup_share: float) -> None:
    rates = [warmup_and_cosine(number / 1_000, warmup_share) for number in range(1_001)]
    peak = int(np.argmax(rates))
    assert rates[peak] == pytest.approx(1.0)
    assert peak == pytest.approx(1_000 * warmup_share, abs=1)
    assert 0 < rates[0] < 0.1
    assert rates[-1] == pytest.approx(0.0, abs=1e-6)
    assert (np.diff(rates[: peak + 1]) > 0).all()
    assert (np.diff(rates[peak:]) <= 0).all()


@pytest.mark.parametrize(
    ("losses", "best"),
    [
        ([], 0),
        ([0.5], 1),
        ([0.5, 0.4, 0.6], 2),
        ([0.5, 0.4, 0.4], 2),
        ([math.nan, 0.4], 2),
        ([0.4, math.nan, math.inf], 1),
    ],
)
def test_the_best_epoch_is_the_earliest_with_the_least_loss(losses: list[float], best: int) -> None:
    assert best_epoch(losses) == best


@pytest.mark.parametrize(
    ("losses", "patience", "enough"),
    [
        ([], 1, False),
        ([0.5], 1, False),
        ([0.5, 0.6], 1, True),
        ([0.5, 0.6], 2, False),
        ([0.5, 0.6, 0.7], 2, True),
        ([0.5, 0.6, 0.4], 2, False),
        ([0.5, 0.6, 0.4, 0.4, 0.41], 2, True),
        ([0.5, 0.4, 0.3, 0.2], 1, False),
    ],
)
def test_it_is_enough_after_so_many_epochs_without_a_better_one(
    losses: list[float], patience: int, enough: bool
) -> None:
    assert is_enough(losses, patience) is enough
