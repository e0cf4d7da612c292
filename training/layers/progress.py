"""How far a training is, and the figures it tells on the way."""

import math
import time
from dataclasses import dataclass
from typing import Literal

from training.layers.plan import Plan

Phase = Literal["scratch", "fine-tune"]


@dataclass(frozen=True)
class EpochFigures:
    """How far a training is; `epoch` and `step` count from 1, `loss` and `accuracy` are the epoch's so far.

    `val_loss` and `val_accuracy` are those of the last epoch that ended, NaN before. `seconds_left`
    is infinite after the first step of a process, whose time says nothing about the others.
    """

    phase: Phase
    epoch: int
    num_epochs: int
    step: int
    num_steps: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    pictures_per_second: float
    seconds_left: float


@dataclass(frozen=True)
class EpochRecord:
    """What an epoch came to; `val_loss` and `val_accuracy` are NaN where nothing was set aside.

    `loss` and `accuracy` are means over its steps, of augmented pictures and smoothed targets.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


@dataclass
class Tally:
    """What has been counted so far; with the weights, all that a training goes on from.

    `losses`, `accuracies`: sums over the steps of the epoch that goes on; `seconds`: of that epoch.
    """

    num_done: int
    losses: float
    accuracies: float
    seconds: float
    history: list[EpochRecord]

    @classmethod
    def fresh(cls) -> "Tally":
        return cls(0, 0.0, 0.0, 0.0, [])


class Progress:
    """The running figures of a training."""

    def __init__(self, phase: Phase, plan: Plan, tally: Tally) -> None:
        self.tally = tally
        self._phase = phase
        self._plan = plan
        self._num_before = tally.num_done
        self._last_time = time.monotonic()
        # Steps of this process and their seconds without the first, which builds the graph.
        self._num_timed = 0
        self._timed_seconds = 0.0
        self._val_seconds = 0.0

    @property
    def epoch_waits(self) -> bool:
        """Whether all steps of an epoch are done and it has no record yet."""
        return self.tally.num_done == (len(self.tally.history) + 1) * self._plan.num_steps

    @property
    def is_done(self) -> bool:
        return len(self.tally.history) == self._plan.num_epochs

    def add(self, loss: float, accuracy: float) -> None:
        """Count a step."""
        tally = self.tally
        seconds = self._seconds_since_last()
        tally.num_done += 1
        tally.losses += loss
        tally.accuracies += accuracy
        tally.seconds += seconds
        if tally.num_done - self._num_before > 1:
            self._num_timed += 1
            self._timed_seconds += seconds

    def end_epoch(self, val_loss: float = math.nan, val_accuracy: float = math.nan) -> None:
        """Record the epoch whose steps are all done, after its validation."""
        tally = self.tally
        self._val_seconds = self._seconds_since_last()
        record = EpochRecord(
            epoch=len(tally.history) + 1,
            loss=tally.losses / self._plan.num_steps,
            accuracy=tally.accuracies / self._plan.num_steps,
            val_loss=val_loss,
            val_accuracy=val_accuracy,
            seconds=tally.seconds + self._val_seconds,
        )
        tally.history.append(record)
        tally.losses = tally.accuracies = tally.seconds = 0.0

    def figures(self) -> EpochFigures:
        """The figures after the step that was added last."""
        tally, plan = self.tally, self._plan
        epoch = (tally.num_done - 1) // plan.num_steps
        step = tally.num_done - epoch * plan.num_steps
        last = tally.history[-1] if tally.history else None
        # Between an epoch's record and the next step, the figures are still that epoch's.
        ended = last if last and last.epoch == epoch + 1 else None
        rate = self._num_timed / self._timed_seconds if self._timed_seconds else 0.0
        num_left = plan.num_all - tally.num_done
        val_seconds_left = self._val_seconds * (plan.num_epochs - len(tally.history))
        return EpochFigures(
            phase=self._phase,
            epoch=epoch + 1,
            num_epochs=plan.num_epochs,
            step=step,
            num_steps=plan.num_steps,
            loss=ended.loss if ended else tally.losses / step,
            accuracy=ended.accuracy if ended else tally.accuracies / step,
            val_loss=last.val_loss if last else math.nan,
            val_accuracy=last.val_accuracy if last else math.nan,
            pictures_per_second=rate * plan.batch_size,
            seconds_left=num_left / rate + val_seconds_left if rate else math.inf,
        )

    def _seconds_since_last(self) -> float:
        now = time.monotonic()
        seconds, self._last_time = now - self._last_time, now
        return seconds
