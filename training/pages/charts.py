"""Plots as plain SVG geometry: the template draws what stands here and computes nothing."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

# Units of a chart's own; a telephone shows it about as large, so that its text stays readable.
WIDTH, HEIGHT = 360, 230
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 10, 38


@dataclass(frozen=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True)
class Shape:
    """A path and the class of the stylesheet that says how it looks."""

    look: str
    path: str


@dataclass(frozen=True)
class Chart:
    """One plot: `says` is its content in words, for who cannot see it. `notes`: text at a place."""

    title: str
    says: str
    x_name: str
    y_name: str
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    shapes: Sequence[Shape]
    legend: Sequence[tuple[str, str]] = ()
    notes: Sequence[tuple[float, float, str]] = ()
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    top: int = TOP
    right: int = field(default=WIDTH - RIGHT)
    bottom: int = field(default=HEIGHT - BOTTOM)


@dataclass(frozen=True)
class Axes:
    """Places of values on the paper of a chart."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float

    def x(self, value: float) -> float:
        share = (value - self.x_low) / ((self.x_high - self.x_low) or 1)
        return round(LEFT + share * (WIDTH - RIGHT - LEFT), 1)

    def y(self, value: float) -> float:
        share = (value - self.y_low) / ((self.y_high - self.y_low) or 1)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP), 1)

    def line(self, points: Sequence[tuple[float, float | None]]) -> str:
        """A path through the points; where a value is missing it is interrupted."""
        parts, pen = [], "M"
        for x, y in points:
            if y is None:
                pen = "M"
                continue
            parts.append(f"{pen}{self.x(x)} {self.y(y)}")
            pen = "L"
        return "".join(parts)

    def dots(self, points: Sequence[tuple[float, float | None]]) -> str:
        """A dot a point: lines of no length, which round ends make visible."""
        return "".join(f"M{self.x(x)} {self.y(y)}h0" for x, y in points if y is not None)

    def box(self, left: float, right: float, top: float, bottom: float = 0.0) -> str:
        """A rectangle between these values."""
        return f"M{self.x(left)} {self.y(bottom)}V{self.y(top)}H{self.x(right)}V{self.y(bottom)}Z"

    def upright(self, value: float) -> str:
        return f"M{self.x(value)} {TOP}V{HEIGHT - BOTTOM}"

    def x_ticks(self, values: Sequence[float], say: Callable[[float], str]) -> list[Tick]:
        return [Tick(self.x(value), say(value)) for value in values]

    def y_ticks(self, values: Sequence[float], say: Callable[[float], str]) -> list[Tick]:
        return [Tick(self.y(value), say(value)) for value in values]


def round_values(low: float, high: float, num: int = 4) -> list[float]:
    """About `num` round numbers from `low` to `high`, the ends of a scale that holds both among them."""
    span = (high - low) or abs(high) or 1.0
    rough = span / num
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * i, 12) for i in range(first, max(last, first + 1) + 1)]
