"""How far chance may have moved a figure: 95 % intervals."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

NUM_RESAMPLES = 1000
# Where resamples are expensive there are fewer of them; percentiles of 200 are still good to a digit.
MIN_RESAMPLES = 200
MAX_DRAWS = 200_000_000
SEED = 0
# How many draws are held in memory at a time.
CHUNK = 4_000_000

# Of counts `[B, K]`, how often each of K kinds of pictures is in each of B resamples, the figure `[B]`.
Statistic = Callable[[NDArray[np.float32]], NDArray[np.float64]]


def wilson(num_right: int, num: int) -> tuple[float, float]:
    """The interval of a share of pictures: Wilson 1927, which holds for few pictures and near 0 and 1."""
    interval = binomtest(num_right, num).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def bootstrap(
    value: float | None,
    kinds: NDArray[np.int64],
    statistic: Statistic,
    *,
    highest: float = 1.0,
    cost: int = 1,
) -> tuple[float, float] | None:
    """The interval, within 0 to `highest`, of a figure that is `value` on N pictures.

    `kinds` int64 `[N]`, 0 ... K-1: pictures of a kind count the same to the statistic. `cost`: how much
    more work a picture is to it than a draw. None where resamples tell nothing: of an undefined figure,
    of one picture, of pictures that are all alike to it (all right, say).

    Percentiles of the figure on resamples (Efron 1979), moved so that their mean is the figure
    itself. A calibration error is larger on a resample than on what it was drawn from, and plain
    percentiles would leave the figure out of its own interval.
    """
    num = len(kinds)
    if value is None or num < 2:
        return None
    num_kinds = int(kinds.max()) + 1
    num_resamples = int(np.clip(MAX_DRAWS // (num * cost), MIN_RESAMPLES, NUM_RESAMPLES))
    size = max(1, CHUNK // max(num, num_kinds))
    rng = np.random.default_rng(SEED)
    parts = []
    for start in range(0, num_resamples, size):
        here = min(size, num_resamples - start)
        drawn = kinds[rng.integers(num, size=(here, num), dtype=np.int32)]
        drawn += num_kinds * np.arange(here)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=here * num_kinds)
        parts.append(statistic(counts.reshape(here, num_kinds).astype(np.float32)))
    found = np.concatenate(parts)
    found = found[np.isfinite(found)]
    if not len(found) or np.ptp(found) < 1e-9:
        return None
    moved = np.percentile(found, [2.5, 97.5]) - found.mean() + value
    low, high = (float(end) for end in np.clip(moved, 0, highest))
    return min(low, value), max(high, value)
