"""How long things take on a machine that has moods."""

import statistics
import time
from collections.abc import Callable

NUM_ROUNDS = 9


def median_seconds(*ways: Callable[[], object]) -> list[float]:
    """What each way takes, the median over rounds in which they take turns, after one that prepares."""
    for way in ways:
        way()  # traces, compiles kernels
    taken: list[list[float]] = [[] for _ in ways]
    for _ in range(NUM_ROUNDS):
        for way, seconds in zip(ways, taken, strict=True):
            started = time.perf_counter()
            way()
            seconds.append(time.perf_counter() - started)
    return list(map(statistics.median, taken))
