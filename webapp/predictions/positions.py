"""Positions in an upload as an address says them: "0-2,7". A page that asks again says so what it still
waits for, and gets what has changed of that and no more."""

from collections.abc import Iterable


def in_ranges(positions: Iterable[int]) -> str:
    """Ascending positions, neighbours drawn together."""
    ranges: list[tuple[int, int]] = []
    for position in positions:
        if ranges and position == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], position)
        else:
            ranges.append((position, position))
    return ",".join(f"{low}-{high}" if high > low else f"{low}" for low, high in ranges)


def named_in(ranges: str, positions: Iterable[int]) -> set[int]:
    """Those of the positions that the ranges name. What is no range names none."""
    bounds = [_bounds(part) for part in ranges[:4000].split(",")]
    return {each for each in positions if any(low <= each <= high for low, high in bounds)}


def _bounds(part: str) -> tuple[int, int]:
    low, _, high = part.partition("-")
    try:
        return int(low), int(high or low)
    except ValueError:
        return 1, 0
