"""What is taken for what: a table of the classes while it can be read, the most frequent mix-ups beyond."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format

from training.pages.plots import confusion_shapes, shade
from webapp.recognizers.templatetags.shares import percent
from webapp.studio.reports import values
from webapp.studio.reports.told import Told

MAX_TABLE_CLASSES = 40
MAX_CONFUSED = 50


@dataclass(frozen=True)
class Cell:
    """`num` pictures of one class got `predicted`; `look` grows with their share of the class."""

    num: int
    said: str
    look: str
    predicted: int
    name: str
    is_right: bool


@dataclass(frozen=True)
class MatrixRow:
    given: int
    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class MixUp:
    """`given` and `predicted`: places in the class names; None for a class that is not among them."""

    given: int | None
    given_name: str
    predicted: int | None
    predicted_name: str
    num: int
    num_said: str
    share: str


def confusion_section(told: Told) -> dict[str, Any] | None:
    """None with a sigmoid head, which takes nothing for something else."""
    if told.is_sigmoid:
        return None
    names = told.class_names
    matrix = matrix_of(told)
    confused = mix_ups(told)
    if matrix is None and not confused:
        return None
    is_table = matrix is not None and len(names) <= MAX_TABLE_CLASSES
    return {
        "names": names,
        "num_classes": len(names),
        "has_links": told.has_outcomes,
        "rows": _rows(names, matrix) if matrix is not None and is_table else [],
        "shapes": confusion_shapes(matrix) if matrix is not None and not is_table else [],
        "confused": [] if is_table else confused,
    }


def matrix_of(told: Told) -> list[list[int]] | None:
    """The counts `[C][C]`; None where there are none, or none that are."""
    matrix, num = told.evaluation.get("confusion"), len(told.class_names)
    if not num or not isinstance(matrix, list) or len(matrix) != num:
        return None
    for row in matrix:
        if not isinstance(row, list) or len(row) != num:
            return None
        if not all(type(count) is int and count >= 0 for count in row):
            return None
    return matrix


def mix_ups(told: Told) -> list[MixUp]:
    """The most frequent first."""
    places = {name: place for place, name in enumerate(told.class_names)}
    counts = {
        values.text(row, "name"): values.count(row, "count")
        for row in values.rows(told.evaluation, "classes", len(places))
    }
    found = []
    for row in values.rows(told.evaluation, "confused", MAX_CONFUSED):
        given, predicted = values.text(row, "given"), values.text(row, "predicted")
        num, total = values.count(row, "num"), counts.get(given, 0)
        found.append(
            MixUp(
                given=places.get(given),
                given_name=given,
                predicted=places.get(predicted),
                predicted_name=predicted,
                num=num,
                num_said=number_format(num),
                share=percent(min(1.0, num / total) if total else None),
            )
        )
    return found


def _rows(names: Sequence[str], matrix: Sequence[Sequence[int]]) -> list[MatrixRow]:
    rows = []
    for given, counts in enumerate(matrix):
        total = sum(counts) or 1
        cells = tuple(
            Cell(
                num=num,
                said=number_format(num),
                look=f"{'right' if given == predicted else 'wrong'}-{shade(num / total)}",
                predicted=predicted,
                name=names[predicted],
                is_right=given == predicted,
            )
            for predicted, num in enumerate(counts)
        )
        rows.append(MatrixRow(given, names[given], cells))
    return rows
