"""What writes training runs, and the recognizers that they are for."""

import logging
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NotRequired, TypedDict, Unpack

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.text import slugify

from training.sources.folder import is_text
from webapp.accounts.models import User
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.studio.datasets.services import dataset_get_or_create, manifest_digest
from webapp.studio.gone import SubjectGone
from webapp.studio.models import RESUMABLE, DatasetVersion, TrainingRun
from webapp.studio.notes import Note
from webapp.studio.tasks import nudge_training

logger = logging.getLogger(__name__)
State = TrainingRun.State
SAME_FORM_SECONDS = 60


def dataset_folders() -> list[str]:
    """The names of the folders that can be trained on, without what leads out of the data folder."""
    root = Path(settings.DATASETS_DIR)
    if not root.is_dir():
        return []
    return sorted(
        entry.name
        for entry in root.iterdir()
        if entry.is_dir()
        and not entry.is_symlink()
        and not entry.name.startswith(".")
        and is_text(entry.name)
    )


def recognizer_get_or_create(*, name: str) -> Recognizer:
    """The recognizer of that name, new if there is none."""
    same = Recognizer.objects.filter(name__iexact=name)
    if existing := same.first():
        return existing
    base = slugify(name, allow_unicode=False) or "recognizer"
    slug, number = base, 1
    while Recognizer.objects.filter(slug=slug).exists():
        number += 1
        slug = f"{base}-{number}"
    recognizer = Recognizer(name=name, slug=slug)
    try:
        with transaction.atomic():
            recognizer.full_clean()
            recognizer.save()
    except (ValidationError, IntegrityError):
        if made_meanwhile := same.all().first():  # the same form, sent at the same moment
            return made_meanwhile
        raise
    return recognizer


class Asked(TypedDict):
    """What somebody asks for; see `run_request`."""

    recognizer: Recognizer
    folder_name: str
    config: Mapping[str, Any]
    requested_by: User | None
    fallback_config: NotRequired[Mapping[str, Any] | None]
    promote_when_done: NotRequired[bool]
    version: NotRequired[DatasetVersion | None]
    estimated_seconds: NotRequired[float | None]
    is_automatic: NotRequired[bool]


def run_create(**asked: Unpack[Asked]) -> TrainingRun:
    """What `run_request` gives, for a caller to whom it is all the same whether it is new."""
    return run_request(**asked)[0]


def run_request(
    *,
    recognizer: Recognizer,
    folder_name: str,
    config: Mapping[str, Any],
    requested_by: User | None,
    fallback_config: Mapping[str, Any] | None = None,
    promote_when_done: bool = False,
    version: DatasetVersion | None = None,
    estimated_seconds: float | None = None,
    is_automatic: bool = False,
) -> tuple[TrainingRun, bool]:
    """A queued run on a folder below the datasets' folder, and whether it is new; the trainer is told
    after the commit.

    `version`: of that dataset; where none is given, the dataset as it is when the run's turn comes.
    `is_automatic`: nobody has asked for it; said of a new one only.

    One with the same settings that waits, or was asked for a moment ago, is that run: a form sent
    twice makes one, and so do two people who ask for the same at the same moment. Raises SubjectGone
    where the recognizer or the version was deleted meanwhile.
    """
    with transaction.atomic():
        # Whoever asks for the same recognizer at the same moment waits here.
        _expect_there(Recognizer.objects.filter(pk=recognizer.pk))
        if version is not None:  # before a dataset is made anew of the folder of one that is gone
            _expect_there(DatasetVersion.objects.filter(pk=version.pk))
        dataset = dataset_get_or_create(folder_name=folder_name, created_by=requested_by)
        a_moment_ago = timezone.now() - timedelta(seconds=SAME_FORM_SECONDS)
        is_same = Q(state=State.QUEUED) | Q(state=State.RUNNING, created_at__gt=a_moment_ago)
        asked = TrainingRun.objects.filter(is_same, recognizer=recognizer, dataset=dataset)
        for same in asked.select_related("requested_by", "dataset", "dataset_version"):
            if same.config == dict(config) and _learns_from(same, version):
                return same, False
        run = TrainingRun(
            recognizer=recognizer,
            dataset=dataset,
            dataset_version=version,
            config=dict(config),
            fallback_config=dict(fallback_config) if fallback_config else None,
            requested_by=requested_by,
            promote_when_done=promote_when_done,
            estimated_seconds=estimated_seconds,
            is_automatic=is_automatic,
        )
        run.full_clean()
        run.save()
        transaction.on_commit(nudge_training)
    return run, True


def run_claim() -> TrainingRun | None:
    """The oldest queued run, now running under a new lease; None when none waits or one runs."""
    run = TrainingRun.objects.filter(state=State.QUEUED).order_by("id").first()
    if run is None:
        return None
    lease = uuid.uuid4()
    try:
        with transaction.atomic():
            num_claimed = TrainingRun.objects.filter(pk=run.pk, state=State.QUEUED).update(
                state=State.RUNNING,
                lease=lease,
                lease_expires_at=_lease_end(),
                started_at=timezone.now(),
            )
    except IntegrityError:
        return None  # another one is running
    if num_claimed != 1:
        return None  # another trainer was first
    run.refresh_from_db()
    return run


def run_renew(*, run: TrainingRun) -> bool:
    """Extend the lease; False when the run is no longer this trainer's."""
    return _ours(run).update(lease_expires_at=_lease_end()) == 1


def run_shall_stop(*, run: TrainingRun) -> bool:
    """Whether a curator wants the run cancelled."""
    return TrainingRun.objects.filter(pk=run.pk, cancel_requested=True).exists()


def run_progress(
    *, run: TrainingRun, step: str, fraction: float, figures: Mapping[str, float]
) -> None:
    """Note how far a run is, if it is still this trainer's."""
    _ours(run).update(step=step, fraction=fraction, figures=dict(figures))


def run_expect(*, run: TrainingRun, seconds: float) -> None:
    """Note how long a run is expected to take, if it is still this trainer's."""
    if _ours(run).update(estimated_seconds=seconds):
        run.estimated_seconds = seconds


def run_fall_back(*, run: TrainingRun) -> None:
    """Go on with the settings without pretrained weights: what the row shows is what was trained."""
    run.config, run.fallback_config = run.fallback_config, None
    _ours(run).update(config=run.config, fallback_config=None)


def run_fix_version(*, run: TrainingRun, version: DatasetVersion) -> None:
    """Note which version of its dataset a run learns from, if it is still this trainer's."""
    if _ours(run).update(dataset_version=version):
        run.dataset_version = version


def run_keep(
    *,
    run: TrainingRun,
    version: ModelVersion,
    notes: Sequence[Note],
    figures: Mapping[str, Any],
) -> bool:
    """Note what a run has learned, if it is still this trainer's; False when it was taken away."""
    notes, figures = list(notes), dict(figures)
    if _ours(run).update(version=version, notes=notes, figures=figures) != 1:
        return False
    run.version, run.notes, run.figures = version, notes, figures
    return True


def run_end(*, run: TrainingRun, state: str, **fields: Any) -> bool:
    """End a run, if it is still this trainer's; False when it was taken away meanwhile."""
    num_ended = _ours(run).update(
        state=state, ended_at=timezone.now(), lease=None, lease_expires_at=None, **fields
    )
    if num_ended != 1:
        logger.warning("Training run %s was taken away before it ended as %s", run.pk, state)
    return num_ended == 1


def run_cancel(*, run: TrainingRun) -> None:
    """Cancel a queued run at once, a running one at its next event."""
    queued = TrainingRun.objects.filter(pk=run.pk, state=State.QUEUED)
    if not queued.update(state=State.CANCELLED, ended_at=timezone.now()):
        TrainingRun.objects.filter(pk=run.pk, state=State.RUNNING).update(cancel_requested=True)


def run_resume(*, run: TrainingRun) -> bool:
    """Queue again what was interrupted or lacked room; it goes on from its last checkpoint. False when it is not.

    One that has learned already, and was interrupted while it was promoted, goes on from there.
    """
    with transaction.atomic():
        num_queued = TrainingRun.objects.filter(RESUMABLE, pk=run.pk).update(
            state=State.QUEUED,
            failure_code="",
            failure_params={},
            ended_at=None,
            cancel_requested=False,
            step="",
            fraction=0,
            figures={},
        )
        if not num_queued:
            return False
        transaction.on_commit(nudge_training)
    return True


def runs_mark_interrupted(*, of_anybody: bool = False) -> int:
    """Mark runs whose trainer has stopped renewing; returns how many.

    `of_anybody`: also those whose lease goes on, for a caller who knows that no trainer lives.
    """
    latest = timezone.now() + timedelta(days=1 if of_anybody else 0)
    lost = TrainingRun.objects.filter(state=State.RUNNING, lease_expires_at__lt=latest)
    num_interrupted = 0
    for run in lost:
        # Asked for and then killed is what the curator wanted.
        state = State.CANCELLED if run.cancel_requested else State.INTERRUPTED
        num_interrupted += TrainingRun.objects.filter(
            pk=run.pk,
            lease=run.lease,
            state=State.RUNNING,
            lease_expires_at__lt=latest,
        ).update(state=state, ended_at=timezone.now(), lease=None, lease_expires_at=None)
    if num_interrupted:
        logger.warning("%d training runs were interrupted", num_interrupted)
    return num_interrupted


def _expect_there(rows: QuerySet[Any]) -> None:
    """The row, locked until the end of the transaction. Raises SubjectGone."""
    if rows.select_for_update().order_by().first() is None:
        raise SubjectGone


def _learns_from(run: TrainingRun, version: DatasetVersion | None) -> bool:
    """Whether an open run has the version that is asked for, or None: the dataset as it is."""
    if run.dataset_version == version:
        return True
    if version is not None or run.dataset_version is None or run.state != State.RUNNING:
        return False
    # One that runs was given a version when its turn came. All rows are read, of few runs: those that
    # somebody asks for twice within a minute.
    return run.dataset_version.digest == manifest_digest(run.dataset)


def _ours(run: TrainingRun) -> QuerySet[TrainingRun]:
    """The run's row, if it is still held under the lease that the caller knows; else none."""
    return TrainingRun.objects.filter(pk=run.pk, lease=run.lease, state=State.RUNNING)


def _lease_end() -> datetime:
    return timezone.now() + timedelta(seconds=settings.TRAINING_LEASE_SECONDS)
