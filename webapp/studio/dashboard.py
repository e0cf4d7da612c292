"""The admin's first page, for curators: what answers, what goes on, what waits for them.

In as many queries whatever there is.
"""

import shutil
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest

from webapp.ops.models import WorkerHeartbeat
from webapp.recognizers.models import ModelVersion, Promotion, Recognizer
from webapp.studio.models import Job, TrainingRun
from webapp.studio.pages import CURATE
from webapp.studio.recognizers.summary import MAX_COUNTED, corrections_waiting

NUM_RECOGNIZERS = 20
NUM_WAITING_RUNS = 10
NUM_PROMOTIONS = 5
# Below this share of the disk it is told as a warning; /readyz has a limit of its own.
LITTLE_ROOM = 0.1


@dataclass(frozen=True)
class Line:
    """A recognizer and the version that answers for it."""

    recognizer: Recognizer
    live: ModelVersion | None


@dataclass(frozen=True)
class Disk:
    free_bytes: int
    total_bytes: int

    @property
    def is_nearly_full(self) -> bool:
        return self.free_bytes < LITTLE_ROOM * self.total_bytes


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the page shows, added to what the admin shows; nothing for who is no curator."""
    if not request.user.has_perm(CURATE):
        return context
    lines = _lines()
    runs = list(_open_runs()[: NUM_WAITING_RUNS + 1])
    return {
        **context,
        "lines": lines[:NUM_RECOGNIZERS],
        "has_more_recognizers": len(lines) > NUM_RECOGNIZERS,
        "running": next((run for run in runs if run.state == TrainingRun.State.RUNNING), None),
        "waiting": [run for run in runs if run.state == TrainingRun.State.QUEUED],
        "jobs": list(
            Job.objects.filter(state__in=Job.OPEN_STATES)
            .select_related("dataset", "version__recognizer")
            .defer("version__class_names", "version__metrics", "result")
            .order_by("id")[:NUM_WAITING_RUNS]
        ),
        "num_corrections": corrections_waiting(),
        "max_counted": MAX_COUNTED,
        "num_workers": WorkerHeartbeat.objects.alive().count(),
        "disk": _disk(),
        "promotions": list(
            Promotion.objects.select_related("version__recognizer", "by")
            .defer("version__class_names", "version__metrics", "figures")
            .order_by("-id")[:NUM_PROMOTIONS]
        ),
        "is_curators": True,
    }


def _lines() -> list[Line]:
    """Those that are not archived, by name, and one more than are shown."""
    live = ModelVersion.objects.filter(
        recognizer=OuterRef("pk"), state=ModelVersion.State.LIVE
    ).order_by()
    recognizers = list(
        Recognizer.objects.active()
        .annotate(live_id=Subquery(live.values("pk")[:1]))
        .order_by("name")[: NUM_RECOGNIZERS + 1]
    )
    # The annotation is no attribute that the type checker knows.
    ids = {each.pk: getattr(each, "live_id", None) for each in recognizers}
    versions = ModelVersion.objects.filter(pk__in=[pk for pk in ids.values() if pk])
    by_id = {version.pk: version for version in versions.defer("class_names")}
    return [Line(each, by_id.get(ids[each.pk] or 0)) for each in recognizers]


def _open_runs() -> Any:
    runs = TrainingRun.objects.filter(state__in=TrainingRun.OPEN_STATES)
    return runs.select_related("recognizer", "dataset").order_by("id")


def _disk() -> Disk | None:
    """None where the data folder is away."""
    try:
        usage = shutil.disk_usage(settings.DATA_DIR)
    except OSError:
        return None
    return Disk(usage.free, usage.total)
