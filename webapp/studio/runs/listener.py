"""Writes a run's events into its row and its lines, and stops it when it is lost or unwanted."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from training.errors import TrainingCancelled
from training.events import Event
from webapp.database import DATABASE_ERRORS, drop_dead_connection
from webapp.studio.lease import Hold, LeaseLost
from webapp.studio.models import TrainingRun
from webapp.studio.runs.lines import Lines, LogHandler
from webapp.studio.runs.memory import resident_megabytes
from webapp.studio.runs.pace import Pace
from webapp.studio.services import run_progress

logger = logging.getLogger(__name__)
PROGRESS_EVERY_SECONDS = 1.0
# Whose warnings belong into the log of a run.
LOGGERS = ("training", "classifier", "webapp.studio.trainer")


class Listener:
    """To be handed to a training as `on_event`; it writes at most once a second."""

    def __init__(self, run: TrainingRun, hold: Hold) -> None:
        self.notes: list[str] = []
        self.lines = Lines(run)
        self.pace = Pace()
        self.most_megabytes = 0
        self._run = run
        self._hold = hold
        self._last_step = ""
        self._last_time = 0.0
        self._epoch: Event | None = None

    def __call__(self, event: Event) -> None:
        if self._hold.shall_stop.is_set():
            raise LeaseLost if self._hold.is_lost else TrainingCancelled("cancelled")
        self._note_epoch(event)
        is_new = event.step != self._last_step
        if is_new:
            self._note_step(event.step)
        self.pace.add(event)
        now = time.monotonic()
        if not is_new and now - self._last_time < PROGRESS_EVERY_SECONDS:
            return
        self._last_step, self._last_time = event.step, now
        megabytes = resident_megabytes()
        self.most_megabytes = max(self.most_megabytes, megabytes)
        try:
            drop_dead_connection()
            run_progress(
                run=self._run,
                step=event.step,
                fraction=event.fraction,
                figures={**self.pace.figures(event), "megabytes": megabytes},
            )
            self.lines.write()
        except DATABASE_ERRORS:
            # Hours of training are worth more than a figure on a page.
            logger.exception("The progress of %s could not be noted", self._run)

    def close(self) -> None:
        """Write what was said last. A run that was taken away is another's to speak of."""
        if self._hold.is_lost:
            return
        self._end_epoch()
        try:
            drop_dead_connection()
            self.lines.write()
        except DATABASE_ERRORS:
            logger.exception("The last lines of %s could not be noted", self._run)

    def _note_step(self, step: str) -> None:
        if self._last_step:
            took = round(self.pace.seconds.get(self._last_step, 0.0), 1)
            self.lines.say("ended", step=self._last_step, seconds=took)
        self.lines.say("began", step=step)

    def _note_epoch(self, event: Event) -> None:
        """An epoch is told of after each of its steps; the last word on it is kept."""
        if "fold" in event.figures:
            self.lines.epoch(event.step, int(event.figures["fold"]), event.figures)
            return
        earlier = self._epoch
        if "epoch" not in event.figures:
            self._end_epoch()
            return
        if earlier and earlier.figures["epoch"] != event.figures["epoch"]:
            self._end_epoch()
        self._epoch = event

    def _end_epoch(self) -> None:
        event, self._epoch = self._epoch, None
        if event is None:
            return
        figures = dict(event.figures)
        if event.figures.get("step") != event.figures.get("num_steps"):
            return  # stopped in the middle
        self.lines.epoch(event.step, int(figures["epoch"]), figures)


@contextmanager
def listening(run: TrainingRun, hold: Hold) -> Iterator[Listener]:
    """A run's listener, which also hears what the training's libraries warn of."""
    listener = Listener(run, hold)
    handler = LogHandler(listener.lines)
    loggers = [logging.getLogger(name) for name in LOGGERS]
    for each in loggers:
        each.addHandler(handler)
    try:
        yield listener
    finally:
        for each in loggers:
            each.removeHandler(handler)
        listener.close()
