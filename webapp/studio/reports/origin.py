"""Where a version comes from: its rivals, its dataset, its settings, and the files that it is made of."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from classifier.bundle import (
    INT8_GRAPH,
    INT8_WEIGHTS,
    KERAS_MODEL,
    MANIFEST,
    SERVING_GRAPH,
    SERVING_WEIGHTS,
)
from training.bundle_files import EXPORTS
from webapp.recognizers.precision import precision_table
from webapp.recognizers.templatetags.shares import percent
from webapp.studio.notes import line_note, note_text
from webapp.studio.reports import values, wording
from webapp.studio.reports.bundle_files import files_of
from webapp.studio.reports.told import MAX_CLASSES, Told

# The first in the list: what others take away.
MODELS = (
    KERAS_MODEL,
    SERVING_GRAPH,
    SERVING_WEIGHTS,
    INT8_GRAPH,
    INT8_WEIGHTS,
    EXPORTS["onnx"],
    EXPORTS["tflite"],
)


@dataclass(frozen=True)
class FileRow:
    """A file to take away. `num_bytes`: None where it is gone. `agreement`, `difference`: beside the Keras
    model, where that was proved."""

    name: str
    meaning: str
    num_bytes: int | None
    sha256: str
    agreement: str
    difference: str


def choice_section(told: Told) -> dict[str, Any] | None:
    choice = values.part(told.report, "choice")
    candidates = values.rows(choice, "candidates", 5)
    if not candidates:
        return None
    names = [*wording.FIGURES]
    lines = []
    for split in ("val", "test"):
        for name in names:
            found = [values.number(values.part(each, split), name) for each in candidates]
            if any(value is not None for value in found):
                lines.append(
                    {
                        "name": str(wording.FIGURES[name][0]),
                        "split": str(wording.SPLITS[split]),
                        "values": [wording.figure(value, name) for value in found],
                    }
                )
    return {
        "candidates": [
            {
                "name": wording.said(wording.CANDIDATES, values.text(each, "name")),
                "is_kept": each.get("kept") is True,
            }
            for each in candidates
        ],
        "rows": lines,
    }


def learned_section(told: Told) -> dict[str, Any] | None:
    learned = values.part(told.report, "learned_from")
    if not learned and told.run is None:
        return None
    classes = [
        {
            "name": values.text(row, "name"),
            "counts": [
                (values.count(row, name), number_format(values.count(row, name)))
                for name in ("train", "val", "test", "count")
            ],
        }
        for row in values.rows(learned, "classes", MAX_CLASSES)
    ]
    return {
        "run": told.run,
        "version": told.run.dataset_version if told.run else None,
        "fingerprint": values.text(learned, "fingerprint"),
        "num_files": values.count(learned, "num_files"),
        "num_pictures": values.count(learned, "num_pictures"),
        "classes": classes,
        "headers": [*map(str, wording.SPLITS.values()), _("all")],
        "is_audited": isinstance(learned.get("findings"), list),
        "findings": [
            {
                "level": values.text(row, "level"),
                "said": wording.said(wording.LEVELS, values.text(row, "level")),
                "sentence": _finding_sentence(row),
            }
            for row in values.rows(learned, "findings", 50)
        ],
    }


def _finding_sentence(row: Mapping[str, Any]) -> str:
    """In the reader's language; in English where an earlier release has written it."""
    params = values.part(row, "params")
    with suppress(KeyError):
        filled = {name: values.as_text(value) for name, value in params.items()}
        return note_text(line_note(values.text(row, "code"), values.count(row, "num"), filled))
    return values.text(row, "sentence")


def precision_section(told: Told) -> dict[str, Any] | None:
    measured = values.clean(values.part(told.report, "precision"))
    table = precision_table({"precision": measured or told.version.metrics.get("precision")})
    return {"table": table} if table else None


def files_section(told: Told) -> dict[str, Any] | None:
    """The bundle's files, models first, with their digests."""
    if told.manifest is None:
        return None
    proved = _proved(told)
    order = {name: place for place, name in enumerate(MODELS)}
    found = files_of(told.version, told.manifest)
    found.sort(key=lambda file: (order.get(file.name, len(order)), file.name))
    return {
        "manifest": MANIFEST,
        "is_proved": bool(proved),
        "bundle_name": told.version.bundle_name,
        "digest": told.version.bundle_digest,
        "rows": [
            FileRow(
                name=file.name,
                meaning=str(wording.FILES.get(file.name, "")),
                num_bytes=file.num_bytes,
                sha256=file.sha256,
                agreement=percent(values.number(proved.get(file.name, {}), "top1_agreement")),
                difference=wording.decimal(
                    values.number(proved.get(file.name, {}), "largest_difference"), 4
                ),
            )
            for file in found
        ],
    }


def _proved(told: Told) -> dict[str, Mapping[str, Any]]:
    """What was found of each export, by its file's name."""
    return {values.text(row, "file"): row for row in values.rows(told.report, "exports", 20) if row}


def settings_section(told: Told) -> dict[str, Any] | None:
    settings = values.part(told.report, "settings")
    versions = values.part(told.report, "versions")
    seconds = values.part(told.report, "seconds")
    if not settings and not versions and not seconds:
        return None
    return {
        "settings": [
            (str(words), wording.setting(name, settings[name]))
            for name, words in wording.SETTINGS.items()
            if name in settings
        ],
        "versions": sorted(
            (values.as_text(name), values.as_text(value)) for name, value in versions.items()
        )[:50],
        "seconds": [
            (wording.step(name), wording.duration(values.as_number(value)))
            for name, value in list(seconds.items())[:30]
            if name != "total"
        ],
        "total": wording.duration(values.number(seconds, "total")) if "total" in seconds else "",
    }
