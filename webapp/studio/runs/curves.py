"""What a run has said, as its page asks for it again and again: only what is new since."""

from collections.abc import Sequence
from typing import Any

from django.utils import formats, timezone

from webapp.studio.models import RunLine, TrainingRun
from webapp.studio.runs.lines import CURVES
from webapp.studio.runs.sentences import log_sentence
from webapp.studio.wording import step_label

NUM_LINES = 500
NUM_SHOWN = 200


def news_of(run: TrainingRun, after: int) -> dict[str, Any]:
    """Points of the curves and lines of the log behind the line `after`; `last` is to be asked with next.

    Of many, the first ones: `has_more` says that there are others.
    """
    rows = list(RunLine.objects.filter(run=run, pk__gt=after).order_by("pk")[: NUM_LINES + 1])
    has_more, rows = len(rows) > NUM_LINES, rows[:NUM_LINES]
    return {
        "is_open": run.is_open,
        "has_more": has_more,
        "last": rows[-1].pk if rows else after,
        "points": [point(row) for row in rows if row.kind == RunLine.Kind.EPOCH],
        "lines": [log_line(row) for row in rows if row.kind == RunLine.Kind.LOG],
    }


def point(row: RunLine) -> dict[str, Any]:
    """A point of the curves: `number` is that of the epoch, or of the fold that was held out."""
    figures = {name: row.figures[name] for name in CURVES if name in row.figures}
    return {
        "step": row.step,
        "step_label": step_label(row.step),
        "number": row.figures.get("number", 0),
        **figures,
    }


def log_line(row: RunLine) -> dict[str, str]:
    at = formats.time_format(timezone.localtime(row.at), "H:i:s")
    return {"at": at, "text": row.text or log_sentence(row.figures.get("code", ""), row.figures)}


def log_tail(run: TrainingRun) -> Sequence[dict[str, str]]:
    """The last lines of a run's log, in their order: for who has no JavaScript."""
    rows = RunLine.objects.filter(run=run, kind=RunLine.Kind.LOG).order_by("-pk")[:NUM_SHOWN]
    return [log_line(row) for row in reversed(rows)]


def points_of(run: TrainingRun) -> list[dict[str, Any]]:
    """All points of a run's curves so far, by step and number."""
    rows = RunLine.objects.filter(run=run, kind=RunLine.Kind.EPOCH).order_by("pk")
    return [point(row) for row in rows]


def last_line(run: TrainingRun) -> int:
    """The number of the last line; 0 where there is none."""
    return RunLine.objects.filter(run=run).order_by("-pk").values_list("pk", flat=True).first() or 0
