"""How far a training is: the plan of its steps, and the figures it tells on the way."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.errors import LossNotFinite

REPORT_EVERY_SECONDS = 1.0


@dataclass(frozen=True)
class EpochFigures:
    """How far a training is; `epoch` and `step` count from 1, `loss` and `accuracy` are the epoch's so far.

    `seconds_left` is infinite after the very first step, whose time says nothing about the others.
    """

    epoch: int
    num_epochs: int
    step: int
    num_steps: int
    loss: float
    accuracy: float
    pictures_per_second: float
    seconds_left: float


@dataclass(frozen=True)
class Plan:
    """The steps of a training, and the order in which it sees the pictures."""

    num_pictures: int
    num_epochs: int
    batch_size: int
    seed: int

    @property
    def num_steps(self) -> int:
        return math.ceil(self.num_pictures / self.batch_size)

    @property
    def num_all(self) -> int:
        return self.num_epochs * self.num_steps

    def rows(self) -> Iterator[NDArray[np.int64]]:
        """The rows of each batch, every epoch in another order.

        All batches have one size, or the graph would be built twice: an epoch's last one is
        filled up with rows of its first.
        """
        for epoch in range(self.num_epochs):
            order = np.random.default_rng([self.seed, epoch]).permutation(self.num_pictures)
            yield from np.resize(order, (self.num_steps, self.batch_size))


class Progress:
    """The running figures of a training, and when the next ones are due."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._num_done = 0
        self._losses: list[float] = []
        self._accuracies: list[float] = []
        self._started = self._reported = -math.inf

    def add(self, loss: float, accuracy: float) -> None:
        if self._num_done % self._plan.num_steps == 0:
            self._losses, self._accuracies = [], []
        if self._num_done == 0:
            # The first step builds the graph, so the clock starts after it.
            self._started = time.monotonic()
        self._num_done += 1
        self._losses.append(loss)
        self._accuracies.append(accuracy)
        if not math.isfinite(loss):
            at = self.figures()
            raise LossNotFinite("diverged", loss=loss, epoch=at.epoch, step=at.step)

    def is_due(self) -> bool:
        now = time.monotonic()
        epoch_ends = self._num_done % self._plan.num_steps == 0
        if not epoch_ends and now - self._reported < REPORT_EVERY_SECONDS:
            return False
        self._reported = now
        return True

    def figures(self) -> EpochFigures:
        step = len(self._losses)
        seconds = time.monotonic() - self._started
        steps_per_second = (self._num_done - 1) / seconds if self._num_done > 1 else 0.0
        num_left = self._plan.num_all - self._num_done
        return EpochFigures(
            epoch=(self._num_done - 1) // self._plan.num_steps + 1,
            num_epochs=self._plan.num_epochs,
            step=step,
            num_steps=self._plan.num_steps,
            loss=sum(self._losses) / step,
            accuracy=sum(self._accuracies) / step,
            pictures_per_second=steps_per_second * self._plan.batch_size,
            seconds_left=num_left / steps_per_second if steps_per_second else math.inf,
        )
