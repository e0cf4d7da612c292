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
from webapp.studio.notes import Note
from webapp.studio.runs.lines import CURVES, Lines, LogHandler
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
        self.notes: list[Note] = []
        self.lines = Lines(run)
        self.pace = Pace()
        self.most_megabytes = 0
        self._run = run
        self._hold = hold
        self._last_step = ""
        self._last_time = 0.0
        self._epoch = 0
        self._point: dict[str, float] = {}
        self._val: dict[str, float] = {}
        self._val_before: dict[str, float] = {}

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
        self._write()

    def _note_step(self, step: str) -> None:
        if self._last_step:
            took = round(self.pace.seconds.get(self._last_step, 0.0), 1)
            self.lines.say("ended", step=self._last_step, seconds=took)
        self.lines.say("began", step=step)

    def _note_epoch(self, event: Event) -> None:
        """Of each epoch the last word is kept, written at once: a checkpoint may follow, and after that
        the epoch is not trained again."""
        figures = event.figures
        if "fold" in figures:
            self.lines.epoch(event.step, int(figures["fold"]), figures)
            return
        if "epoch" not in figures or figures.get("step") != figures.get("num_steps"):
            return
        number = int(figures["epoch"])
        point = {name: figures[name] for name in CURVES if name in figures}
        if number != self._epoch:
            self._epoch, self._val_before = number, self._val
        # Until its own validation has ended, an epoch is told of with that of the one before.
        self._val = {name: point[name] for name in point if name.startswith("val_")}
        if self._val == self._val_before:
            point = {name: point[name] for name in point.keys() - self._val.keys()}
        if point == self._point:
            return
        self._point = point
        self.lines.epoch(event.step, number, point)
        self._write()

    def _write(self) -> None:
        try:
            drop_dead_connection()
            self.lines.write()
        except DATABASE_ERRORS:
            logger.exception("What %s said could not be noted", self._run)


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
