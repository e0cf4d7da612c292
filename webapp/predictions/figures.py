"""Figures of a computation as a page shows them: short, honest at the ends, and adding up."""

import math
from collections.abc import Sequence

from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext as _

# Of a percentage. More are shown where the largest would look like certainty.
FEWEST_DECIMALS, MOST_DECIMALS = 2, 6
MINUS = "−"


def score(value: float) -> str:
    """A logit: "−3.142"."""
    return number_format(round(value, 3), 3).replace("-", MINUS)


def exponential(value: float) -> str:
    """Of 0 to the number of classes: "0.0312", or with a power of ten as HTML where it is smaller."""
    if value == 0:
        return _("too small to write")
    if value >= 0.001:
        return number_format(round(value, 4), 4)
    power = math.floor(math.log10(value))
    mantissa = number_format(round(value / 10.0**power, 2), 2) if power > -300 else "1"
    return format_html("{} · 10<sup>{}{}</sup>", mantissa, MINUS, -power)


def shares(values: Sequence[float]) -> list[str]:
    """Shares of one whole as percentages that add up to 100: each is rounded, and the largest, where it
    shows least, takes what that leaves."""
    decimals = _decimals(max(values))
    whole = 10 ** (2 + decimals)
    units = [round(value * whole) for value in values]
    units[values.index(max(values))] += whole - sum(units)
    return [_percent(u, decimals, value) for u, value in zip(units, values, strict=True)]


def share(value: float) -> str:
    """One that is no part of a whole."""
    decimals = _decimals(value)
    return _percent(round(value * 10 ** (2 + decimals)), decimals, value)


def _decimals(largest: float) -> int:
    """So many that what is not certain does not look so."""
    for decimals in range(FEWEST_DECIMALS, MOST_DECIMALS):
        if largest == 1 or round(largest * 100, decimals) < 100:
            return decimals
    return MOST_DECIMALS


def _percent(units: int, decimals: int, value: float) -> str:
    whole = 10 ** (2 + decimals)
    if units == 0 and value > 0:
        number = number_format(10.0**-decimals, decimals)
        return _("< %(number)s %%") % {"number": number}
    if units >= whole and value < 1:
        number = number_format(100 - 10.0**-decimals, decimals)
        return _("> %(number)s %%") % {"number": number}
    return _("%(number)s %%") % {"number": number_format(units / 10**decimals, decimals)}
