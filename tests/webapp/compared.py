"""Versions that can be compared: labelled colours on the disk, and bundles that say what they answered."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.bundles import COLOURS
from webapp.accounts.models import User
from webapp.recognizers.models import ModelVersion
from webapp.studio.comparing import job as comparing
from webapp.studio.jobs.services import job_create, job_end
from webapp.studio.models import Job


@dataclass(frozen=True)
class Labelled:
    """A picture in a dataset's folder. `path`: below the data folder."""

    path: str
    label: str
    sha256: str

    def outcome(self, predicted: str, class_names: Sequence[str] = COLOURS) -> dict[str, object]:
        """What a version says of it, as its bundle keeps it."""
        return {
            "sha256": self.sha256,
            "path": self.path,
            "labels": [class_names.index(self.label)],
            "predicted": [class_names.index(predicted)],
            "confidence": 0.75,
            "is_outlier": False,
        }


def label_colours(data_dir: Path, number: int) -> list[Labelled]:
    """So many pictures of each colour, below `datasets/colours`; no two of them alike."""
    found = []
    for channel, colour in ((2, "blue"), (1, "green"), (0, "red")):
        folder = data_dir / "datasets" / "colours" / colour
        folder.mkdir(parents=True, exist_ok=True)
        for i in range(number):
            tone = [i, i, i]
            tone[channel] = 250
            file = folder / f"{i:02}.png"
            Image.new("RGB", (64, 64), tuple(tone)).save(file)  # type: ignore[arg-type]
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            found.append(Labelled(file.relative_to(data_dir).as_posix(), colour, digest))
    return found


def right(pictures: Sequence[Labelled]) -> list[dict[str, object]]:
    """The outcomes of a version that knows them all."""
    return [picture.outcome(picture.label) for picture in pictures]


def wrong(pictures: Sequence[Labelled]) -> list[dict[str, object]]:
    """The outcomes of a version that takes each for another colour."""
    others = {"blue": "green", "green": "red", "red": "blue"}
    return [picture.outcome(others[picture.label]) for picture in pictures]


def compare_now(
    version: ModelVersion, champion: ModelVersion, *, by: User | None = None
) -> Mapping[str, Any]:
    """The result of the job that compares them, done here."""
    job, _ = job_create(
        kind=Job.Kind.COMPARE, version=version, other_version=champion, requested_by=by
    )
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING)
    job.refresh_from_db()
    result = comparing.run(job, lambda step, fraction: None)
    job_end(job=job, state=Job.State.SUCCEEDED, result=result)
    return result


def stay_nice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job makes its process give way to all others; this one goes on with other tests."""
    monkeypatch.setattr("webapp.studio.background.os.nice", lambda by: by)
