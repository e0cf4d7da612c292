"""The job that audits a dataset: what a training would find in it now. Brings numpy: the worker's alone."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings

from classifier.errors import ClassifierError
from training.auditing import audit_source
from training.config import TrainingConfig
from training.dataset.audit import Audit
from training.dataset.findings import Finding, refused
from training.errors import DatasetRefused
from training.events import Event
from webapp.studio.audits.keeping import Pictures, packed
from webapp.studio.audits.services import confirmed_labels, missing_files_exclude
from webapp.studio.datasets.services import manifest_rows, write_manifest
from webapp.studio.datasets.told import for_curator
from webapp.studio.jobs.worker import Tell
from webapp.studio.models import Dataset, Example, Job, TrainingRun

# Of a run's settings, those on which depends what an audit sees, and what it can keep for the next run.
AUDITED = (
    "backbone",
    "weights",
    "image_size",
    "val_fraction",
    "test_fraction",
    "mirrored",
    "crops",
    "seed",
)
LIGHT: dict[str, Any] = {"backbone": "mobilenet_v2", "weights": "imagenet", "image_size": 224}
# What a curator has done to the dataset, and may undo; whatever else a list is refused for is no finding.
BLOCKS_AS_A_LIST = ("case", "no_labels")
ROWS_AT_ONCE = 2000


def run(job: Job, tell: Tell) -> Mapping[str, Any]:
    """What was found, as `keeping.packed` writes it. Nothing of the dataset is changed, but that
    pictures whose files are gone are left out."""
    dataset = job.dataset
    assert dataset is not None  # noqa: S101 - of this kind all have one
    tell("read", 0.0)
    gone = missing_files_exclude(dataset=dataset, on_progress=lambda: tell("read", 0.0))
    with _own_folder(job) as folder:
        manifest = folder / "manifest.csv"
        counts, digest = write_manifest(dataset, manifest)
        config = _config(dataset, manifest, folder)
        found, audit = _audited(config, dataset, num=counts.total(), tell=tell)
        pictures = _pictures_by_row(dataset, manifest, found)
    return {
        **packed(found, pictures, confirmed_labels(dataset=dataset)),
        "digest": digest,
        "num_pictures": counts.total(),
        "num_learned": len(audit.examples) if audit else 0,
        "gone": gone[:20],
        "num_gone": len(gone),
        "backbone": config.backbone,
    }


def _audited(
    config: TrainingConfig, dataset: Dataset, *, num: int, tell: Tell
) -> tuple[Sequence[Finding], Audit | None]:
    """The findings; also what makes a list unreadable, where that lies with a curator."""

    def on_event(event: Event) -> None:
        tell(event.step, event.fraction)

    try:
        audit = audit_source(config, on_event)
    except ClassifierError as error:
        told = for_curator(error, dataset, num_listed=num)
        if isinstance(told, DatasetRefused) and error.code in BLOCKS_AS_A_LIST:
            names = [str(told.params[name]) for name in ("other", "name") if error.code == "case"]
            return [refused(told, *names)], None
        raise told from error
    return [_told(finding, dataset, num) for finding in audit.findings], audit


def _told(finding: Finding, dataset: Dataset, num: int) -> Finding:
    """As a curator understands it, who sees no list."""
    if finding.refusal is None:
        return finding
    told = for_curator(finding.refusal, dataset, num_listed=num)
    assert isinstance(told, DatasetRefused)  # noqa: S101 - for the type checker
    return replace(finding, refusal=told, params=told.params)


def _config(dataset: Dataset, manifest: Path, folder: Path) -> TrainingConfig:
    """As the newest run on this dataset had it: what is computed now, the next one need not compute.

    A backbone that was never taught sees nothing; then the light one with pretrained weights looks.
    """
    newest = TrainingRun.objects.filter(dataset=dataset).order_by("-id").first()
    values = (
        {name: newest.config[name] for name in AUDITED if name in newest.config} if newest else {}
    )
    if not values or values.get("weights") == "none":
        values = {**values, **LIGHT}
    places = {
        "folder": manifest,
        "root": Path(settings.DATA_DIR),
        "out": folder / "nothing",
        "cache": Path(settings.CACHE_DIR),
        "work": folder / "work",
    }
    return TrainingConfig.from_dict({**values, **places})


@contextmanager
def _own_folder(job: Job) -> Iterator[Path]:
    """A folder that this attempt has to itself; those of attempts that were killed go, too."""
    root = Path(settings.CACHE_DIR) / "audits"
    root.mkdir(parents=True, exist_ok=True)
    held = Job.objects.filter(kind=Job.Kind.AUDIT, state=Job.State.RUNNING)
    names = {f"{pk}-{attempts}" for pk, attempts in held.values_list("pk", "attempts")}
    folder = root / f"{job.pk}-{job.attempts}"
    for left in root.iterdir():
        if left == folder or left.name not in names:
            shutil.rmtree(left, ignore_errors=True)
    folder.mkdir(exist_ok=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _pictures_by_row(dataset: Dataset, manifest: Path, found: Sequence[Finding]) -> Pictures:
    """The number of each picture that is spoken of, by its row, whatever its path was spelled as."""
    wanted = {row for finding in found for item in finding.items for row in item.rows}
    if not wanted:
        return {}
    lines = enumerate(manifest_rows(manifest))
    paths = {path: row for row, (path, _, _) in lines if row in wanted}
    numbers: dict[int, int] = {}
    names = list(paths)
    for start in range(0, len(names), ROWS_AT_ONCE):
        rows = Example.objects.filter(dataset=dataset, path__in=names[start : start + ROWS_AT_ONCE])
        numbers.update({paths[path]: pk for pk, path in rows.values_list("pk", "path")})
    return numbers
