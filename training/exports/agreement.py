"""Whether an export answers as the Keras model does, and what is said when it does not."""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.decide import Head
from training.backbones.guards import refused_as
from training.config import Format
from training.errors import ExportRefused
from training.exports.runners import Runner

MIN_AGREEMENT = 0.995
# Two classes that the Keras model holds as likely as that are a tie, which either may win.
TIE = 1e-4
# The same top-1 with other probabilities is no agreement. Rounding makes a thousandth of this.
MAX_DIFFERENCE = 0.05


@dataclass(frozen=True)
class Agreement:
    """How one export answered on the validation pictures, beside the Keras model.

    `top1_agreement`: the share of pictures with the same answer, 0 to 1 (sigmoid: with the same set
    of decisions at .5). `largest_difference`: of any probability. `seconds`: to write, load and run.
    """

    format: Format
    file: str
    num_pictures: int
    top1_agreement: float
    largest_difference: float
    seconds: float


@dataclass
class Export:
    """A written file that answers, and how its answers compare so far."""

    format: Format
    file: str
    run: Runner
    seconds: float
    num_pictures: int = 0
    num_alike: int = 0
    largest_difference: float = 0.0

    def answer(self, batch: NDArray[np.uint8]) -> NDArray[np.floating]:
        started = time.perf_counter()
        with refused_as(self.format):
            answers = self.run(batch)
        self.seconds += time.perf_counter() - started
        return answers

    def compare(
        self, expected: NDArray[np.floating], received: NDArray[np.floating], head: Head
    ) -> None:
        """Raises ExportRefused (`not_finite`)."""
        if not (np.isfinite(expected).all() and np.isfinite(received).all()):
            raise ExportRefused("not_finite", format=self.format)
        self.num_pictures += len(expected)
        self.num_alike += int(answers_alike(expected, received, head).sum())
        self.largest_difference = max(
            self.largest_difference, float(np.abs(expected - received).max())
        )

    def agreement(self) -> Agreement:
        """Raises ExportRefused (`disagrees`, `differs`, `no_pictures`)."""
        if not self.num_pictures:
            raise ExportRefused("no_pictures")
        share = self.num_alike / self.num_pictures
        if share < MIN_AGREEMENT:
            raise ExportRefused(
                "disagrees",
                format=self.format,
                agreement=share,
                percent=f"{100 * share:.1f}",
                num_pictures=self.num_pictures,
                difference=f"{self.largest_difference:.3g}",
            )
        if self.largest_difference > MAX_DIFFERENCE:
            raise ExportRefused(
                "differs", format=self.format, difference=f"{self.largest_difference:.3g}"
            )
        return Agreement(
            format=self.format,
            file=self.file,
            num_pictures=self.num_pictures,
            top1_agreement=share,
            largest_difference=self.largest_difference,
            seconds=self.seconds,
        )


def answers_alike(
    expected: NDArray[np.floating], received: NDArray[np.floating], head: Head
) -> NDArray[np.bool_]:
    """For each picture, whether two sets of probabilities `[N, C]` come to the same answer.

    That is the likeliest class, or for a sigmoid head all classes from .5; what the expected
    probabilities leave open by less than `TIE` may go either way.
    """
    if head == "sigmoid":
        is_open = np.abs(expected - 0.5) <= TIE
        decided_alike = (expected >= 0.5) == (received >= 0.5)
        return np.asarray(np.all(decided_alike | is_open, axis=1))
    chosen = np.take_along_axis(expected, received.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.asarray(chosen >= expected.max(axis=1) - TIE)
