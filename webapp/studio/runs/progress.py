"""How far a run is, for its page: its phases, its times, and what a curator may change about a failure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from webapp.studio.models import TrainingRun
from webapp.studio.runs.guesses import REST, Work, guessed_seconds
from webapp.studio.templatetags.runs import setting_name
from webapp.studio.wording import step_label

State = TrainingRun.State
# Which fields of the form a failure is about.
_KNOBS: Mapping[str, Sequence[str]] = {
    "memory": ("image_size", "backbone", "batch_size"),
    "OutOfMemory.batch": ("batch_size", "image_size"),
    "OutOfMemory.picture": ("image_size", "backbone"),
    "LossNotFinite.diverged": ("learning_rate", "image_size", "weights"),
    "WeightsUnavailable.download": ("weights", "backbone"),
    "WeightsUnavailable.no_file": ("weights",),
    "WeightsUnavailable.misfit": ("weights", "backbone"),
    "ExportRefused.disagrees": ("formats",),
    "ExportRefused.failed": ("formats",),
    "DatasetRefused.no_outliers": ("outliers",),
    "ConfigRefused.fine_tune": ("mode", "weights"),
    "ConfigRefused.scratch": ("mode", "weights"),
}
_ABOUT_PICTURES = ("DatasetRefused", "ListRefused", "FolderRefused")


@dataclass(frozen=True)
class Phase:
    """A step of a run. `seconds`: what it took; None where it has not begun or has said nothing."""

    label: str
    is_done: bool
    is_current: bool
    seconds: float | None


def phases(run: TrainingRun) -> list[Phase]:
    """The steps that the run's settings ask for, in their order."""
    names = [name for name in guessed_seconds(_work(run)) if name != REST]
    now = names.index(run.step) if run.step in names else -1
    if run.state == State.SUCCEEDED:
        now = len(names)
    return [
        Phase(
            label=step_label(name),
            is_done=place < now,
            is_current=place == now and run.state != State.QUEUED,
            seconds=run.figures.get(name) if place <= now else None,
        )
        for place, name in enumerate(names)
    ]


def _work(run: TrainingRun) -> Work:
    return Work(run.config, 0)


@dataclass(frozen=True)
class Times:
    """Seconds of the whole run; `left` is None while nobody knows, `percent` too."""

    elapsed: float | None
    left: float | None
    percent: int | None


def times(run: TrainingRun, now: datetime | None = None) -> Times:
    if run.started_at is None or run.state == State.QUEUED:
        return Times(None, None, None)
    ended_at = run.ended_at or now or timezone.now()
    elapsed = max(0.0, (ended_at - run.started_at).total_seconds())
    left = run.figures.get("seconds_left_all") if run.state == State.RUNNING else None
    if left is None:
        return Times(elapsed, None, None)
    return Times(elapsed, left, min(99, round(100 * elapsed / max(0.1, elapsed + left))))


def knobs(run: TrainingRun) -> list[str]:
    """The fields of the form that the run's failure is about; none where it is about the pictures."""
    code = run.failure_code
    if code == "ConfigRefused.bounds" or code == "ConfigRefused.choice":
        return [str(run.failure_params.get("name", ""))]
    return list(_KNOBS.get(code, ()))


def said(run: TrainingRun) -> dict[str, Any]:
    """What the part of the page that changes shows."""
    names = knobs(run)
    return {
        "run": run,
        "phases": phases(run),
        "times": times(run),
        "knobs": ",".join(names),
        "knob_labels": ", ".join(setting_name(name) for name in names),
        "is_about_pictures": run.failure_code.split(".")[0] in _ABOUT_PICTURES,
    }
