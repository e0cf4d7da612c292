"""What a run tells while it goes on. The core is handed a callback and knows nothing of its caller."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, get_args

Step = Literal[
    "read",
    "audit",
    "backbone",
    "layers",
    "features",
    "head",
    "labels",
    "fine-tune",
    "quantize",
    "evaluate",
    "export",
    "write",
]
STEPS: tuple[Step, ...] = get_args(Step)


@dataclass(frozen=True)
class Event:
    """How far a step is: `fraction` from 0 to 1; `figures` such as `epoch`, `loss`, `seconds_left`."""

    step: Step
    fraction: float
    figures: Mapping[str, float] = field(default_factory=dict)


OnEvent = Callable[[Event], None]


class StepClock:
    """Tells the callback of each step and remembers how many seconds it took."""

    def __init__(self, on_event: OnEvent) -> None:
        self.seconds: dict[str, float] = {}
        self.tell = on_event
        self._started = time.perf_counter()

    @contextmanager
    def step(self, step: Step) -> Iterator[Callable[[float], None]]:
        """Within the block the step goes on; what it yields tells how far it is."""
        began = time.perf_counter()
        self.tell(Event(step, 0.0))
        yield lambda fraction: self.tell(Event(step, fraction))
        self.seconds[step] = round(time.perf_counter() - began, 3)
        self.tell(Event(step, 1.0))

    def all_seconds(self) -> dict[str, float]:
        """Seconds of each step so far, and of all together as `total`."""
        return {**self.seconds, "total": round(time.perf_counter() - self._started, 3)}
