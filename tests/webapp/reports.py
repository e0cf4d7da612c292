"""Versions with a report in their bundle, and the pictures that it speaks of."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from classifier.bundle import MANIFEST, Bundle, Draft
from tests.bundles import COLOURS, colour_bundle
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.recognizers.services import version_create
from webapp.studio.models import Dataset, DatasetVersion, Example, TrainingRun

JSON = Mapping[str, Any] | Sequence[Any]


def reported_version(
    recognizer: Recognizer,
    path: Path,
    *,
    class_names: tuple[str, ...] = COLOURS,
    files: Mapping[str, bytes],
    **options: Any,
) -> ModelVersion:
    """A candidate whose bundle at `path` holds these files beside its model."""
    manifest = colour_bundle(path, **options).manifest
    (path / MANIFEST).unlink()
    for name, content in files.items():
        (path / name).write_bytes(content)
    Draft(path).seal(replace(manifest, class_names=class_names, files={}))
    return version_create(recognizer=recognizer, bundle=Bundle.load(path))


def as_json(content: JSON) -> bytes:
    return json.dumps(content).encode()


def as_lines(
    outcomes: Sequence[Mapping[str, Any]],
    class_names: Sequence[str] = COLOURS,
    head: str = "softmax",
) -> bytes:
    """An `outcomes.jsonl`."""
    header = {"measured_on": "test", "head": head, "class_names": list(class_names)}
    return b"".join(json.dumps(line).encode() + b"\n" for line in (header, *outcomes))


def outcome(path: str, labels: list[int], predicted: list[int], **more: Any) -> dict[str, Any]:
    line = {"sha256": "ab" * 32, "path": path, "labels": labels, "predicted": predicted}
    return {**line, "confidence": 0.875, "is_outlier": False, **more}


def learned_from(version: ModelVersion, folder: Path, paths: Sequence[str]) -> Dataset:
    """The dataset of a finished run that the version came of, with a row and a file for each path below
    the data folder `folder`."""
    dataset = Dataset.objects.create(name="Colours", folder_name="colours", state="ready")
    for place, path in enumerate(paths):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 48), (200, 40 * place % 255, 30)).save(folder / path)
        Example.objects.create(dataset=dataset, path=path, label="red", given_label="red")
    frozen = DatasetVersion.objects.create(
        dataset=dataset, number=3, manifest_name="3.csv", digest="cd" * 32, num_examples=len(paths)
    )
    TrainingRun.objects.create(
        recognizer=version.recognizer,
        dataset=dataset,
        dataset_version=frozen,
        config={},
        state=TrainingRun.State.SUCCEEDED,
        version=version,
    )
    return dataset
