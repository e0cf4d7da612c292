"""Recognizers that learn by themselves: after so many corrections, or at night where there is news.

Any number of workers look every minute; the row of the routine says who was first. Starting one is a
single transaction, so that whoever is killed in the middle has started nothing.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from webapp.database import DATABASE_AWAY
from webapp.recognizers.models import Recognizer
from webapp.studio.loop.inbox import reviews_to_take
from webapp.studio.loop.retraining import last_success
from webapp.studio.loop.taking import (
    Copies,
    TakingDelayed,
    TakingRefused,
    corrections_copied,
    corrections_release,
)
from webapp.studio.models import Dataset, DatasetVersion, Routine, TrainingRun
from webapp.studio.services import run_create

logger = logging.getLogger(__name__)

NIGHT_HOUR = 2  # by the machine's own clock
FIRST_NIGHT = timedelta(hours=1)


def routine_set(
    *,
    recognizer: Recognizer,
    dataset: Dataset,
    config: Mapping[str, Any],
    after_corrections: int | None,
    at_night: bool,
    promote: bool,
) -> Routine:
    """How a recognizer learns by itself from now on. Empty settings are those of its last run."""
    routine, _ = Routine.objects.update_or_create(
        recognizer=recognizer,
        defaults={
            "dataset": dataset,
            "config": dict(config),
            "after_corrections": after_corrections,
            "at_night": at_night,
            "promote": promote,
        },
    )
    return routine


def routines_start_due(*, now: datetime | None = None) -> int:
    """Start the trainings that are due; returns how many. Where a recognizer's run is open, its next one
    waits until that has ended."""
    now = now or timezone.now()
    wanted = Q(after_corrections__isnull=False) | Q(at_night=True)
    busy = TrainingRun.objects.filter(state__in=TrainingRun.OPEN_STATES).values("recognizer")
    routines = Routine.objects.filter(wanted, recognizer__archived_at=None)
    routines = routines.exclude(recognizer__in=busy).select_related("recognizer", "dataset")
    num_started = 0
    for routine in routines:
        with _outlived("%s could not begin to learn by itself", routine):
            num_started += _is_due(routine, now) and _start(routine, now)
    return num_started


def look_after() -> None:
    """One round: what owners have taken back goes, and what is due begins."""
    with _outlived("What owners have taken back is still in datasets"):
        corrections_release()
    routines_start_due()


def nightfall(now: datetime, zone: tzinfo) -> datetime:
    """When the last night began, by the clock of that zone."""
    local = now.astimezone(zone)
    night = local.replace(hour=NIGHT_HOUR, minute=0, second=0, microsecond=0)
    return night if night <= local else night - timedelta(days=1)


def machines_zone() -> tzinfo:
    """The zone of the machine: Django's own clock goes by UTC."""
    try:
        with Path("/etc/localtime").open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return UTC


def _is_due(routine: Routine, now: datetime) -> bool:
    if routine.after_corrections:
        waiting = reviews_to_take(routine.recognizer)[: routine.after_corrections]
        if len(waiting) >= routine.after_corrections:
            return True
    if not routine.at_night:
        return False
    night = nightfall(now, machines_zone())
    if routine.last_started_at is None:  # made by day, it waits for its first night
        return now - night < FIRST_NIGHT
    return routine.last_started_at < night  # whoever has slept through it begins when awake


def _start(routine: Routine, now: datetime) -> bool:
    """Take what is decided and queue a run of it. False where another worker was first, or there is
    nothing new."""
    last = last_success(routine.recognizer)
    config = routine.config or (last.config if last else None)
    if not config:
        _claim(routine, now)
        return False
    try:
        with corrections_copied(recognizer=routine.recognizer, dataset=routine.dataset) as copies:
            return _begin(routine, now, copies, last, config)
    except TakingDelayed:
        return False  # the next round asks again
    except TakingRefused as refused:
        logger.warning("%s does not learn by itself: %s", routine, refused)
        _claim(routine, now)
        return False


def _claim(routine: Routine, now: datetime) -> bool:
    """Whether this worker is the first to start it this time."""
    mine = Routine.objects.filter(pk=routine.pk, last_started_at=routine.last_started_at)
    return mine.update(last_started_at=now) > 0


def _begin(
    routine: Routine,
    now: datetime,
    copies: Copies,
    last: TrainingRun | None,
    config: Mapping[str, Any],
) -> bool:
    with transaction.atomic():
        if not _claim(routine, now):
            return False
        version = copies.take().version
        if last is not None and _is_same(last, version, config):
            return False
        run = run_create(
            recognizer=routine.recognizer,
            folder_name=routine.dataset.folder_name,
            config=config,
            requested_by=None,
            version=version,
            # Here is where nobody looks; the operator must have allowed it.
            promote_when_done=routine.promote and settings.AUTO_PROMOTE,
            is_automatic=True,
        )
    logger.info("%s learns by itself: training %s", routine, run.pk)
    return True


def _is_same(run: TrainingRun, version: DatasetVersion, config: Mapping[str, Any]) -> bool:
    """Whether that run has learned from the same with the same settings."""
    return run.dataset_version_id == version.pk and run.config == dict(config)


@contextmanager
def _outlived(sentence: str, *names: object) -> Iterator[None]:
    """What one of many raises is logged, and the others have their turn. A database that is away ends the
    round; the next one comes in a minute."""
    try:
        yield
    except DATABASE_AWAY:
        raise
    except Exception:
        logger.exception(sentence, *names)
