"""Before a run: how long it will take on this machine, and how much room on the disk."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from webapp.studio.models import Dataset, DatasetVersion, Example, TrainingRun
from webapp.studio.runs.guesses import REST, Work, bytes_needed, guessed_seconds
from webapp.studio.runs.speed import factor_of, factor_of_machine, measured_runs

# For so long a page may count the files of a folder that was never read.
COUNTING_SECONDS = 0.5


@dataclass(frozen=True)
class Estimate:
    """`steps`: seconds of each, in their order, and of the rest. `num_known`: of `num_pictures`, those that an
    earlier run has looked at; `num_runs`: how many runs of this machine say so."""

    steps: Mapping[str, float]
    num_pictures: int
    num_known: int
    num_runs: int
    needed_bytes: int

    @property
    def seconds(self) -> float:
        return sum(self.steps.values())

    def seconds_after(self, step: str) -> float:
        """Seconds of all that follows a step."""
        names = list(self.steps)
        after = names.index(step) + 1 if step in names else 0
        return sum(self.steps[name] for name in names[after:] if name != REST)


def estimate_of(
    *,
    config: Mapping[str, Any],
    dataset: Dataset | None,
    folder_name: str = "",
    version: DatasetVersion | None = None,
) -> Estimate:
    """What a run with these settings will take. `folder_name`: where its folder is no dataset yet."""
    num_pictures = _num_pictures(dataset, folder_name, version)
    num_known, has_graph = _known(config, dataset)
    work = Work(config, num_pictures, min(num_pictures, num_known), has_graph)
    runs = measured_runs()
    machine = factor_of_machine(runs)
    steps = {
        step: seconds * (factor_of(step, work, runs) or machine)
        for step, seconds in guessed_seconds(work).items()
    }
    return Estimate(steps, num_pictures, work.num_known, len(runs), bytes_needed(work))


def _num_pictures(dataset: Dataset | None, folder_name: str, version: DatasetVersion | None) -> int:
    if version is not None:
        return version.num_examples
    if dataset is not None and dataset.state == Dataset.State.READY:
        return Example.objects.filter(dataset=dataset).included().count()
    name = dataset.folder_name if dataset else folder_name
    return _num_files(Path(settings.DATASETS_DIR) / name)


def _num_files(folder: Path) -> int:
    """Files below a folder; of a huge one those that are found within a moment."""
    until, number = time.monotonic() + COUNTING_SECONDS, 0
    for _, _, names in os.walk(folder):
        number += len(names)
        if time.monotonic() > until:
            break
    return number


def _known(config: Mapping[str, Any], dataset: Dataset | None) -> tuple[int, bool]:
    """How many of its pictures an earlier run has looked at through the same eyes, and whether any run
    has prepared that backbone. A network that learned from scratch is nobody else's."""
    cache = Path(settings.CACHE_DIR)
    work = Work(config, 0)
    if work.mode == "scratch" or not (cache / "features.sqlite").is_file():
        return 0, False
    same = [
        (of, num or 0)
        for of, num, earlier in TrainingRun.objects.filter(state=TrainingRun.State.SUCCEEDED)
        .order_by("-id")
        .values_list("dataset", "dataset_version__num_examples", "config")[:200]
        if _eyes(earlier) == _eyes(config)
    ]
    num_known = max((num for of, num in same if dataset and of == dataset.pk), default=0)
    return num_known, bool(same) and (cache / "graphs").is_dir()


def _eyes(config: Mapping[str, Any]) -> tuple[object, ...]:
    """What a picture's features depend on."""
    defaults = {"backbone": "resnet50", "weights": "imagenet", "image_size": 224}
    return tuple(config.get(name, default) for name, default in defaults.items())
