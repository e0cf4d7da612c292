"""classifier.engines.batch_sizes: measured on a clock that a test winds, decided on plain numbers."""

from collections.abc import Callable

import pytest

from classifier.engines.batch_sizes import best_size, measure_sizes
from classifier.errors import EngineError

SIZES = (1, 2, 4, 8, 16, 32)


class Machine:
    """Takes `seconds_for(size)` for a batch, `compiling` seconds more for the first of a size."""

    def __init__(self, seconds_for: Callable[[int], float], compiling: float = 0.0) -> None:
        self.now = 0.0
        self.ran: list[int] = []
        self._seconds_for, self._compiling = seconds_for, compiling

    def run(self, size: int) -> None:
        self.now += self._seconds_for(size) + (0.0 if size in self.ran else self._compiling)
        self.ran.append(size)

    def rates(self, seconds: float = 3.0) -> dict[int, float]:
        return measure_sizes(self.run, SIZES, seconds=seconds, clock=lambda: self.now)


def test_each_size_is_measured_without_what_its_kernels_took_to_compile() -> None:
    rates = Machine(lambda size: 0.004 + 0.001 * size, compiling=10.0).rates()
    assert tuple(rates) == SIZES
    assert rates == pytest.approx({size: size / (0.004 + 0.001 * size) for size in SIZES})


def test_it_stops_at_the_first_batch_that_takes_too_long() -> None:
    machine = Machine(lambda size: 0.1 * size)
    assert tuple(machine.rates()) == (1, 2, 4)
    assert max(machine.ran) == 8


def test_where_one_picture_takes_too_long_there_is_still_an_answer() -> None:
    machine = Machine(lambda size: 2.0 * size)
    assert machine.rates() == {1: 0.5}
    assert set(machine.ran) == {1}
    assert machine.now <= 10


def test_it_ends_in_time() -> None:
    machine = Machine(lambda size: 0.4 if size == 1 else 0.01)
    machine.rates(seconds=1.0)
    assert machine.now <= 2.0


def test_a_moment_when_the_machine_was_busy_does_not_count() -> None:
    calls = iter(range(1000))
    machine = Machine(lambda size: 0.01 * size + (0.2 if next(calls) in (2, 3) else 0.0))
    assert machine.rates() == pytest.approx(dict.fromkeys(SIZES, 100.0))


def test_a_size_that_has_no_room_ends_it() -> None:
    def run(size: int) -> None:
        if size > 2:
            raise EngineError("gpu_memory", num_pictures=size)

    assert tuple(measure_sizes(run, SIZES)) == (1, 2)


def test_no_room_for_a_single_picture_is_told() -> None:
    def run(size: int) -> None:
        raise EngineError("gpu_memory", num_pictures=size)

    with pytest.raises(EngineError):
        measure_sizes(run, SIZES)


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ({1: 100.0}, 1),
        ({1: 96.0, 2: 98.0, 4: 100.0}, 1),
        ({1: 90.0, 2: 95.0, 4: 100.0, 8: 99.0}, 2),
        ({1: 185.0, 8: 281.0, 32: 277.0}, 8),
        ({1: 300.0, 2: 200.0, 4: 100.0}, 1),
    ],
)
def test_the_smallest_size_within_five_percent_of_the_best_is_liked(
    rates: dict[int, float], expected: int
) -> None:
    assert best_size(rates) == expected
