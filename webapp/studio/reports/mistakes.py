"""The worst mistakes: the picture, what it is, what was said, and where the model looked."""

from base64 import b64decode
from dataclasses import dataclass
from typing import Any

from classifier.bundle import Manifest
from training.bundle_files import EVIDENCE
from webapp.predictions.maps import overlay
from webapp.recognizers.models import ModelVersion
from webapp.recognizers.templatetags.shares import percent
from webapp.studio.models import Example
from webapp.studio.reports import values
from webapp.studio.reports.bundle_files import FileDamaged, json_of, manifest_of
from webapp.studio.reports.examples import examples_by_path
from webapp.studio.reports.told import Told, dataset_of

MAX_MISTAKES = 24
MAX_SIDE = 100_000  # pixels; only the proportions count
MAX_CELLS = 64 * 64
# What a map may be asked of: the answer that was given, and the right one.
SAID, RIGHT = "said", "right"


@dataclass(frozen=True)
class Mistake:
    """`row`: by which its maps are found. `example`: None where the picture is gone. `has_said_map`,
    `has_right_map`: whether the bundle says where something spoke for the answer and the right class."""

    row: int
    path: str
    given: str
    predicted: str
    about: str
    probability: str
    example: Example | None
    has_said_map: bool
    has_right_map: bool


def mistakes_section(told: Told) -> dict[str, Any] | None:
    rows = values.rows(told.evaluation, "mistakes", MAX_MISTAKES)
    if not rows:
        return None
    paths = [row["path"] for row in rows if isinstance(row.get("path"), str)]
    examples = examples_by_path(dataset_of(told.version), paths)
    evidence = _evidence(told.version, told.manifest)
    mistakes = []
    for row in rows:
        maps = evidence.get(values.count(row, "row"), {}).get("maps", {})
        path, given = row.get("path"), values.texts(row, "given", 20)
        mistakes.append(
            Mistake(
                row=values.count(row, "row"),
                path=values.as_text(path),
                given=", ".join(given),
                predicted=", ".join(values.texts(row, "predicted", 20)),
                about=values.text(row, "about"),
                probability=percent(values.number(row, "probability")),
                example=examples.get(path) if isinstance(path, str) else None,
                has_said_map=row.get("about") in maps,
                has_right_map=_right_class(row) in maps,
            )
        )
    return {
        "mistakes": mistakes,
        "is_sigmoid": told.is_sigmoid,
        "has_pictures": any(mistake.example for mistake in mistakes),
        "has_said_maps": any(mistake.has_said_map for mistake in mistakes),
        "has_right_maps": any(mistake.has_right_map for mistake in mistakes),
    }


def mistake_map(version: ModelVersion, row: int, of: str) -> bytes | None:
    """A PNG to lay over the picture of the mistake of this row; None where the bundle does not say.

    Raises BundleError.
    """
    evidence = _evidence(version, manifest_of(version)).get(row, {})
    try:
        maps = [*evidence["maps"].values()]  # the class that it is about, and the right one
        levels = b64decode(maps[0 if of == SAID else 1], validate=True)
        columns, (width, height) = int(evidence["num_columns"]), map(int, evidence["picture_size"])
        if not 0 < columns <= len(levels) <= MAX_CELLS or len(levels) % columns:
            return None
        if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
            return None
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        return None
    return overlay(levels, columns, (width, height))


def _evidence(version: ModelVersion, manifest: Manifest | None) -> dict[int, dict[str, Any]]:
    """What the bundle keeps of where the model looked, by the mistake's row; empty for older ones."""
    if manifest is None:
        return {}
    try:
        content = json_of(version, manifest, EVIDENCE)
    except (FileNotFoundError, FileDamaged):
        return {}
    if not isinstance(content, list):
        return {}
    return {
        each["row"]: each
        for each in content[:MAX_MISTAKES]
        if isinstance(each, dict)
        and isinstance(each.get("row"), int)
        and isinstance(each.get("maps"), dict)
    }


def _right_class(row: Any) -> str | None:
    """The class that the picture is, where that is one and another than what the mistake is about."""
    given = row.get("given")
    if not isinstance(given, list) or len(given) != 1 or given[0] == row.get("about"):
        return None
    return given[0] if isinstance(given[0], str) else None
