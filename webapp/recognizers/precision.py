"""What a version computes in, as its page tells it: what was measured beside fp32, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from training.evaluation.verdicts import in_turn, sentence_of, tried_in
from webapp.recognizers.templatetags.shares import percent_plain

NOT_MEASURED = "–"


@dataclass(frozen=True)
class TriedRow:
    """One precision in words."""

    name: str
    agreement: str
    top1: str
    mean_difference: str
    verdict: str


@dataclass(frozen=True)
class PrecisionTable:
    """`in_turn`: what an engine takes the first of that its processor can do."""

    in_turn: tuple[str, ...]
    num_pictures: int | None
    rows: tuple[TriedRow, ...]


def precision_table(metrics: Mapping[str, Any]) -> PrecisionTable | None:
    """The table from a version's metrics; None for a version that says nothing of it."""
    comparison = metrics.get("precision")
    if not isinstance(comparison, Mapping):
        return None
    rows = tuple(
        TriedRow(
            name=tried["precision"],
            agreement=_percent_reached(tried["agreement"]),
            top1=percent_plain(tried["top1"]),
            mean_difference=_points(tried["mean_difference"]),
            verdict=sentence_of(tried["verdict"], _),
        )
        for tried in tried_in(comparison)
    )
    num = comparison.get("num_pictures")
    return PrecisionTable(tuple(in_turn(comparison)), num if type(num) is int else None, rows)


def _percent_reached(share: float | None) -> str:
    """To a tenth, downwards, as no other share: 98.96 % must not read 99.0 % beside "fewer than 99 %"."""
    if share is None:
        return NOT_MEASURED
    return f"{number_format(int(share * 1000 + 1e-6) / 10, 1)} %"


def _points(share: float | None) -> str:
    if share is None:
        return NOT_MEASURED
    return _("%(points)s points") % {"points": number_format(share * 100, 2)}
