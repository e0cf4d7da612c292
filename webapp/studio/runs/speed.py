"""How fast this machine is, held against the first guesses: by its earlier runs, or by a moment's work."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from statistics import median

from PIL import Image

from classifier.engines.hardware import num_cores
from webapp.studio.models import TrainingRun
from webapp.studio.runs.guesses import REST, Work, guessed_seconds

NUM_RUNS = 20
# Of one step, the latest runs that are most like the new one say how fast it is.
NUM_ALIKE = 3
# A step that was guessed to take less says nothing of the machine.
LEAST_SECONDS = 0.3
SLOWEST, FASTEST = 20.0, 0.05
REFERENCE_CORES = 2
REFERENCE_RESIZE_SECONDS = 0.018


@dataclass(frozen=True)
class Measured:
    """What an earlier run took, beside what would have been guessed: seconds by step."""

    backbone: str
    image_size: int
    mode: str
    factors: Mapping[str, float]

    def likeness(self, work: Work) -> int:
        """How much it is like a run that is to come: 0 where it has nothing in common with it."""
        size, backbone = (
            work.config.get("image_size", 224),
            work.config.get("backbone", "resnet50"),
        )
        alike = 4 * (self.backbone == backbone) + 2 * (self.image_size == size)
        return int(alike + (self.mode == work.mode))


def measured_runs() -> list[Measured]:
    """The latest runs that ended well, the newest first."""
    ended = TrainingRun.objects.filter(state=TrainingRun.State.SUCCEEDED, figures__has_key="total")
    rows = ended.order_by("-id").values_list("config", "figures")[:NUM_RUNS]
    return [_measured(config, figures) for config, figures in rows]


def _measured(config: dict[str, object], figures: dict[str, float]) -> Measured:
    num = int(figures.get("num_pictures", 0))
    num_new = int(figures.get("num_new", num))
    work = Work(config, num, num - num_new, has_graph=figures.get("backbone", 9) < 1)
    guessed = guessed_seconds(work)
    took = {**figures, REST: figures["total"] - sum(figures.get(step, 0) for step in guessed)}
    factors = {
        step: min(SLOWEST, max(FASTEST, took[step] / seconds))
        for step, seconds in guessed.items()
        if num and step in took and seconds >= LEAST_SECONDS
    }
    size = config.get("image_size", 224)
    return Measured(
        backbone=str(config.get("backbone", "resnet50")),
        image_size=size if isinstance(size, int) else 224,
        mode=work.mode,
        factors=factors,
    )


def factor_of(step: str, work: Work, runs: Iterable[Measured]) -> float | None:
    """By how much a step of this work takes longer here than was guessed; None where no run says."""
    known = [run for run in runs if step in run.factors]
    alike = sorted(known, key=lambda run: -run.likeness(work))[:NUM_ALIKE]
    return median(run.factors[step] for run in alike) if alike else None


def factor_of_machine(runs: Iterable[Measured]) -> float:
    """By how much any step takes longer here: as earlier runs say, or a moment's work."""
    factors = [factor for run in runs for factor in run.factors.values()]
    return median(factors) if factors else _measured_now()


@cache
def _measured_now() -> float:
    """Pictures made small, as a training does with each; once in the life of a process."""
    picture = Image.linear_gradient("L").resize((1600, 1200)).convert("RGB")
    took = []
    for _ in range(3):
        began = time.perf_counter()
        picture.resize((298, 224), Image.Resampling.BICUBIC)
        took.append(time.perf_counter() - began)
    slower = min(took) / REFERENCE_RESIZE_SECONDS
    return min(SLOWEST, max(FASTEST, slower * REFERENCE_CORES / num_cores()))
