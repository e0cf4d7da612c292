"""How good a version is: the verdict, its figures, and class by class."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from webapp.recognizers.templatetags.shares import percent
from webapp.studio.reports import values, wording
from webapp.studio.reports.told import MAX_CLASSES, Told

FEW_PICTURES = 100


@dataclass(frozen=True)
class Verdict:
    """`figure`: how good it is. `sentence`: on what that was measured. `certainty`: how far chance may
    have moved it; empty where that is unknown. `cautions`: what keeps it from meaning as much as it
    seems to."""

    figure: str
    sentence: str
    certainty: str
    cautions: tuple[str, ...]


@dataclass(frozen=True)
class FigureRow:
    """A figure in words. `place`, `low`, `high`: 0 to 100 on a line; None where it is no share."""

    name: str
    meaning: str
    value: str
    interval: str
    place: float | None
    low: float
    high: float


@dataclass(frozen=True)
class ClassRow:
    """One class in the table. The numbers beside the words are what a column is sorted by."""

    index: int | None
    name: str
    count: int
    count_said: str
    columns: tuple[tuple[float | None, str], ...]
    has_missed: bool
    has_wrong: bool


def verdict(told: Told) -> Verdict | None:
    """None for a report without figures."""
    figures = values.part(told.evaluation, "figures")
    name = "top1" if "top1" in figures else "mean_average_precision"
    value = values.number(figures, name)
    if value is None:
        return None
    num = values.count(told.evaluation, "num_pictures")
    pictures = wording.num_pictures(num, told.measured_on)
    if name == "top1":
        sentence = _("of %(pictures)s, which it did not learn from, are answered right.")
    else:
        sentence = _("mean average precision on %(pictures)s, which it did not learn from.")
    return Verdict(
        figure=percent(value),
        sentence=sentence % {"pictures": pictures},
        certainty=wording.between(_interval(told, name), name),
        cautions=tuple(_cautions(told, num)),
    )


def _cautions(told: Told, num: int) -> Iterator[str]:
    if told.measured_on == "val":
        yield _(
            "There is no test split. These figures were measured on the validation pictures, which "
            "also chose the temperature and the threshold: expect a little less on new pictures."
        )
    if 0 < num < FEW_PICTURES:
        yield _(
            "Measured on few pictures: one more mistake would move the figures by %(share)s."
        ) % {"share": percent(1 / num)}


def figures_section(told: Told) -> dict[str, Any] | None:
    rows = list(_figure_rows(told))
    return {"rows": rows, "folds": _folds(told)} if rows else None


def _figure_rows(told: Told) -> Iterator[FigureRow]:
    """Of five classes, five are always right, which is no figure."""
    figures = values.part(told.evaluation, "figures")
    for name, (called, means) in wording.FIGURES.items():
        value = values.number(figures, name)
        if value is None or (name == "top5" and len(told.class_names) <= 5):
            continue
        meaning = str(means)
        before = values.number(figures, "ece_before")
        if name == "ece" and before is not None:
            meaning = _("%(meaning)s; %(share)s before the temperature") % {
                "meaning": meaning,
                "share": percent(before),
            }
        interval = _interval(told, name)
        low, high = interval or (value, value)
        is_share = name not in wording.NOT_SHARES and 0 <= low <= value <= high <= 1
        yield FigureRow(
            name=str(called),
            meaning=meaning,
            value=wording.figure(value, name),
            interval=wording.between(interval, name),
            place=round(100 * value, 2) if is_share and interval else None,
            low=round(100 * low, 2),
            high=round(100 * high, 2),
        )


def _interval(told: Told, name: str) -> tuple[float, float] | None:
    ends = values.part(told.evaluation, "intervals").get(name)
    if not isinstance(ends, list) or len(ends) != 2:
        return None
    low, high = map(values.as_number, ends)
    return None if low is None or high is None else (low, high)


def _folds(told: Told) -> dict[str, Any] | None:
    folds = values.part(told.report, "folds")
    mean, deviation = values.number(folds, "mean"), values.number(folds, "deviation")
    kept = folds.get("values")
    if mean is None or not isinstance(kept, list):
        return None
    each = [percent(value) for value in map(values.as_number, kept[:50]) if value is not None]
    return {
        "mean": percent(mean),
        "deviation": percent(deviation),
        "values": each,
        "num": len(each),
        "name": wording.said(
            {name: called for name, (called, _meaning) in wording.FIGURES.items()},
            values.text(folds, "figure"),
        ),
        "num_pictures": number_format(values.count(folds, "num_pictures")),
    }


def classes_section(told: Told) -> dict[str, Any] | None:
    """The classes, the weakest first: that is where more pictures help."""
    rows = values.rows(told.evaluation, "classes", MAX_CLASSES)
    if not rows:
        return None
    names = ["precision", "recall", "f1"]
    headers = [_("Precision"), _("Recall"), _("F1")]
    if told.is_sigmoid:
        names += ["average_precision", "threshold"]
        headers += [_("Average precision"), _("Threshold")]
    places = {name: place for place, name in enumerate(told.class_names)}

    def weakest(row: Any) -> tuple[bool, float]:
        f1 = values.number(row, "f1")
        return f1 is None, f1 or 0.0

    def shown(name: str, value: float | None) -> tuple[float | None, str]:
        return value, wording.decimal(value, 2) if name == "threshold" else percent(value)

    return {
        "headers": headers,
        "is_sigmoid": told.is_sigmoid,
        "has_links": told.has_outcomes,
        "rows": [
            ClassRow(
                index=places.get(values.text(row, "name")),
                name=values.text(row, "name"),
                count=values.count(row, "count"),
                count_said=number_format(values.count(row, "count")),
                columns=tuple(shown(name, values.number(row, name)) for name in names),
                has_missed=told.has_outcomes and _is_below_one(row, "recall"),
                has_wrong=told.has_outcomes and _is_below_one(row, "precision"),
            )
            for row in sorted(rows, key=weakest)
        ],
    }


def _is_below_one(row: Any, name: str) -> bool:
    value = values.number(row, name)
    return value is not None and value < 1
