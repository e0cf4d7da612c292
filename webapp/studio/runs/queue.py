"""Who waits before whom: one training runs at a time."""

from collections.abc import Sequence

from webapp.studio.models import TrainingRun

State = TrainingRun.State


def open_runs() -> list[TrainingRun]:
    """The running one first, then those that wait, in their order."""
    runs = TrainingRun.objects.filter(state__in=TrainingRun.OPEN_STATES)
    rows = runs.select_related("recognizer", "dataset", "requested_by").order_by("id")
    return sorted(rows, key=lambda run: run.state != State.RUNNING)


def ahead_of(run: TrainingRun, queue: Sequence[TrainingRun]) -> list[TrainingRun]:
    """Those of the queue that a waiting run waits for."""
    return [other for other in queue if other.state == State.RUNNING or other.pk < run.pk]


def seconds_until_free(runs: Sequence[TrainingRun]) -> float | None:
    """How long these runs will take, as far as is known of each; None where it is not of one."""
    left = [_seconds_left(run) for run in runs]
    known = [seconds for seconds in left if seconds is not None]
    return sum(known) if len(known) == len(left) else None


def _seconds_left(run: TrainingRun) -> float | None:
    if run.state == State.RUNNING:
        left = run.figures.get("seconds_left_all")
        return None if left is None else float(left)
    return run.estimated_seconds
