"""The training loop: a batch, a step, the figures; after each epoch validation, and now and then a checkpoint."""

import math
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from classifier.decide import Head
from training.errors import LossNotFinite
from training.head.calibrate import accuracy, fit_temperature, log_loss
from training.layers.augment import Colours, plain
from training.layers.checkpoint import Checkpoints
from training.layers.feeding import LabelledPictures, View, decoded, in_order, num_ahead
from training.layers.pace import Pace
from training.layers.plan import Plan
from training.layers.progress import EpochFigures, EpochRecord, Phase, Progress, Tally
from training.layers.schedule import best_epoch, is_enough

OnStep = Callable[[EpochFigures], None]


@dataclass(frozen=True)
class Course:
    """One training: what it sees, how fast it learns, and what says whether it got better.

    `rate`: from the share of the steps that are done to the learning rate. Without `val`, all epochs
    are trained and the last weights are kept.
    """

    phase: Phase
    head: Head
    plan: Plan
    train: LabelledPictures
    view: View
    colours: Colours
    rate: Callable[[float], float]
    val: LabelledPictures | None = None
    patience: int = 1


class Training:
    """A course under way on a compiled model, whose weights at the end are the ones to keep.

    Where it stands is the model's and the optimizer's variables, a tally and the best weights so far;
    all else is a function of these and of the course. That is what makes a checkpoint enough.
    """

    def __init__(
        self, model: keras.Model, course: Course, on_step: OnStep, checkpoints: Checkpoints | None
    ) -> None:
        self._model = model
        self._course = course
        self._on_step = on_step
        if checkpoints:
            checkpoints = replace(checkpoints, key=f"{checkpoints.key} {_machine(model, course)}")
        self._pace = Pace(checkpoints) if checkpoints else None
        self._best: list[NDArray[Any]] = []
        model.optimizer.build(model.trainable_variables)
        tally = self._restore(checkpoints) if checkpoints else None
        self._progress = Progress(course.phase, course.plan, tally or Tally.fresh())

    def run(self) -> tuple[EpochRecord, ...]:
        """Train to the end; a record of each epoch. Raises LossNotFinite and what `on_step` raises."""
        course, progress = self._course, self._progress
        batches = decoded(
            course.train,
            course.plan.batches(progress.tally.num_done),
            course.view,
            seed=course.plan.seed,
            ahead=num_ahead(course.plan.batch_size, self._model.input_shape[1]),
        )
        # Closing the batches stops the threads that make them, whatever ends the loop.
        with closing(batches):
            while True:
                # An epoch that ended just before the process did is validated here, too.
                epoch_ends = progress.epoch_waits
                if epoch_ends:
                    self._end_epoch()
                is_over = self._is_over()
                self._save_if_due(at_epoch_end=epoch_ends, at_end=is_over)
                if is_over:
                    break
                self._step(*next(batches))
        if self._best:
            self._model.set_weights(self._best)
        if not all(np.isfinite(weight).all() for weight in self._model.get_weights()):
            raise self._diverged(math.nan)
        return tuple(progress.tally.history)

    def _step(self, number: int, places: NDArray[np.int64], pictures: NDArray[np.uint8]) -> None:
        course = self._course
        self._model.optimizer.learning_rate = course.rate(number / course.plan.num_all)
        figures = self._model.train_on_batch(
            course.colours(pictures, number), course.train.targets[places], return_dict=True
        )
        self._progress.add(float(figures["loss"]), float(figures["accuracy"]))
        if not math.isfinite(figures["loss"]):
            raise self._diverged(figures["loss"])
        self._on_step(self._progress.figures())

    def _end_epoch(self) -> None:
        val = self._course.val
        if val is None:
            self._progress.end_epoch()
            return
        kind, logits = self._course.head, self._logits(val)
        if not np.isfinite(logits).all():
            raise self._diverged(math.nan)
        # Smoothed labels teach a model to be less sure than it could be. Each candidate gets a
        # temperature in the end, so epochs are compared as they will be with theirs.
        temperature = fit_temperature(logits, val.targets, kind)
        loss = log_loss(logits, val.targets, kind, temperature)
        self._progress.end_epoch(loss, accuracy(logits, val.targets, kind))
        if best_epoch(self._val_losses()) == len(self._val_losses()):
            self._best = self._model.get_weights()
        self._on_step(self._progress.figures())

    def _logits(self, pictures: LabelledPictures) -> NDArray[np.float32]:
        """Logits float32 `[N, C]` of pictures as they are served; every batch may be cancelled."""
        size = self._course.plan.batch_size
        ahead = num_ahead(size, self._model.input_shape[1])
        logits = []
        with closing(
            decoded(pictures, in_order(len(pictures), size), plain, seed=0, ahead=ahead)
        ) as batches:
            for batch in batches:
                answers = self._model.predict_on_batch(batch.pictures.astype(np.float32))
                logits.append(np.asarray(answers, np.float32))
                self._on_step(self._progress.figures())
        return np.concatenate(logits)[: len(pictures)]

    def _is_over(self) -> bool:
        val, patience = self._course.val, self._course.patience
        return self._progress.is_done or bool(val and is_enough(self._val_losses(), patience))

    def _val_losses(self) -> list[float]:
        return [record.val_loss for record in self._progress.tally.history]

    def _diverged(self, loss: float) -> LossNotFinite:
        at = self._progress.figures()
        return LossNotFinite("diverged", loss=loss, epoch=at.epoch, step=at.step)

    # --- Stop and go

    def _save_if_due(self, *, at_epoch_end: bool, at_end: bool) -> None:
        tally = self._progress.tally
        if (
            self._pace
            and tally.num_done
            and (at_end or self._pace.is_due(at_epoch_end=at_epoch_end))
        ):
            arrays = {
                "model": map(np.asarray, self._model.variables),
                "optimizer": map(np.asarray, self._model.optimizer.variables),
                "best": self._best,
            }
            self._pace.save(tally.num_done, asdict(tally), arrays)

    def _restore(self, checkpoints: Checkpoints) -> Tally | None:
        saved = checkpoints.load()
        if saved is None:
            return None
        history = [EpochRecord(**record) for record in saved.facts.pop("history")]
        for variable, value in zip(self._model.variables, saved.arrays["model"], strict=True):
            variable.assign(value)
        optimizer = self._model.optimizer.variables
        for variable, value in zip(optimizer, saved.arrays["optimizer"], strict=True):
            variable.assign(value)
        self._best = saved.arrays["best"]
        return Tally(**saved.facts, history=history)


def _machine(model: keras.Model, course: Course) -> str:
    """What the processor and the devices decide about a training: it cannot go on under others."""
    policies = sorted({layer.dtype_policy.name for layer in model.layers})
    return f"{course.phase} {keras.backend.backend()} {policies} {course.plan}"
