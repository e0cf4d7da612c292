"""What a run says on the way, put by until it is written: lines of its log, and figures of its epochs."""

import logging
import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from webapp.studio.models import RunLine, TrainingRun
from webapp.told import without_places

MAX_LOG_LINES = 2000
MAX_CHARACTERS = 1000
CURVES = ("loss", "accuracy", "val_loss", "val_accuracy")


class Lines:
    """A run's lines, from any thread; written by the one that calls `write`."""

    def __init__(self, run: TrainingRun) -> None:
        self._run = run
        self._waiting: deque[RunLine] = deque()
        self._num_logged = RunLine.objects.filter(run=run, kind=RunLine.Kind.LOG).count()

    def say(self, code: str, **figures: Any) -> None:
        """A line of the log. `code`: one that `sentences.py` has a sentence for."""
        self._log(RunLine(run=self._run, figures={"code": code, **figures}))

    def repeat(self, text: str) -> None:
        """A line of the log in the words of a library."""
        self._log(RunLine(run=self._run, text=without_places(text)[:MAX_CHARACTERS]))

    def epoch(self, step: str, number: int, figures: Mapping[str, float]) -> None:
        """A point of the curves; what is not a finite number is left out."""
        kept = {
            name: figures[name] for name in CURVES if math.isfinite(figures.get(name, math.nan))
        }
        line = RunLine(run=self._run, kind=RunLine.Kind.EPOCH, step=step, text=str(number))
        line.figures = {"number": number, **kept}
        self._waiting.append(line)

    def write(self) -> None:
        """Write what waits. What a database refuses waits on."""
        lines = list(self._waiting)
        if not lines:
            return
        lines_write(run=self._run, lines=lines)
        for _ in lines:
            self._waiting.popleft()

    def _log(self, line: RunLine) -> None:
        self._num_logged += 1
        if self._num_logged <= MAX_LOG_LINES:
            self._waiting.append(line)
        elif self._num_logged == MAX_LOG_LINES + 1:
            line.text, line.figures = "", {"code": "cut", "limit": MAX_LOG_LINES}
            self._waiting.append(line)


def lines_write(*, run: TrainingRun, lines: Sequence[RunLine]) -> None:
    """Write a run's lines. An epoch that is trained again, after the run was interrupted, takes the place
    of what it was."""
    points = {(line.step, line.text): line for line in lines if line.kind == RunLine.Kind.EPOCH}
    last_words = [line for line in lines if points.get((line.step, line.text), line) is line]
    with transaction.atomic():
        for step in {step for step, _ in points}:
            numbers = [line.text for line in lines if line.step == step]
            earlier = RunLine.objects.filter(run=run, kind=RunLine.Kind.EPOCH, step=step)
            earlier.filter(text__in=numbers).delete()
        RunLine.objects.bulk_create(last_words)


class LogHandler(logging.Handler):
    """Puts what the training's libraries warn of into the run's own log."""

    def __init__(self, lines: Lines) -> None:
        super().__init__(logging.WARNING)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._lines.repeat(record.getMessage())
        except Exception:
            self.handleError(record)
