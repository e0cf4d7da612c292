"""Which batch size an engine likes best: measured, as no rule foretells it for every processor."""

import time
from collections.abc import Callable, Mapping, Sequence

from classifier.errors import EngineError

# A picture that comes while such a batch is computed waits for all of it.
LONGEST_BATCH_SECONDS = 0.5
NUM_ROUNDS = 4
NEARLY_BEST = 0.95


def measure_sizes(
    run: Callable[[int], object],
    sizes: Sequence[int],
    *,
    seconds: float = 3.0,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[int, float]:
    """Pictures per second at each of `sizes`, ascending, up to the first whose batch takes too long.

    `run(n)` computes a batch of n. The sizes take turns and the quickest counts, so that what else
    the machine does meets all of them. After `seconds` no further round begins.
    """

    def timed(size: int) -> float:
        started = clock()
        run(size)
        return clock() - started

    began = clock()
    quickest: dict[int, float] = {}
    for size in sizes:
        try:
            timed(size)  # compiles kernels for it, too
            taken = timed(size)
        except EngineError:  # no room on the GPU for so many
            if not quickest:
                raise
            break
        if taken <= LONGEST_BATCH_SECONDS or not quickest:
            quickest[size] = taken
        if taken > LONGEST_BATCH_SECONDS:
            break
    for _ in range(NUM_ROUNDS):
        quickest = {size: min(taken, timed(size)) for size, taken in quickest.items()}
        if clock() - began > seconds:
            break
    return {size: size / max(taken, 1e-9) for size, taken in quickest.items()}


def best_size(pictures_per_second: Mapping[int, float]) -> int:
    """The smallest size within 5 % of the most pictures per second."""
    enough = NEARLY_BEST * max(pictures_per_second.values())
    return min(size for size, rate in pictures_per_second.items() if rate >= enough)
