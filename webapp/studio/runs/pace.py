"""How a run goes on: from the events of its steps to the seconds they took, and those that are left."""

import math
import time
from collections.abc import Callable

from training.events import Event
from webapp.studio.runs.estimate import Estimate

# What is done of a step says how long the rest takes, once it is more than this share of it.
TELLING_SHARE = 0.02


class Pace:
    """The figures of a run under way. Seconds; flat, since they are what is stored of the run."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.estimate: Estimate | None = None
        self.seconds: dict[str, float] = {}
        self.step = ""
        self.num_new: int | None = None
        self._clock = clock
        self._began = clock()
        self._num_in_step: float | None = None

    def add(self, event: Event) -> None:
        """An event of the run: all are to be added, in their order."""
        now = self._clock()
        if event.step != self.step:
            self.step, self._began, self._num_in_step = event.step, now, None
            if event.step == "read" and self.estimate:
                self._num_in_step = self.estimate.num_pictures
        if (num := event.figures.get("num_pictures")) is not None:
            self._num_in_step = num
            if event.step == "features":
                self.num_new = int(num)
        self.seconds[event.step] = round(now - self._began, 3)

    def figures(self, event: Event) -> dict[str, float]:
        """What the page shows after the event."""
        figures = {name: value for name, value in event.figures.items() if math.isfinite(value)}
        took = self.seconds.get(event.step, 0.0)
        if self._num_in_step and took > 0.2 and event.fraction > 0:
            figures["pictures_per_second"] = round(self._num_in_step * event.fraction / took, 1)
        left = self._left(event, took)
        if left is not None:
            figures.setdefault("seconds_left", left)
        if self.estimate is not None:
            in_step = figures.get("seconds_left", 0.0)
            figures["seconds_left_all"] = in_step + self.estimate.seconds_after(event.step)
        return {**figures, **self.seconds}

    def _left(self, event: Event, took: float) -> float | None:
        """Of the step: by what is done of it, else by the estimate; None while neither says."""
        if event.fraction > TELLING_SHARE and took > 1:
            return round(took * (1 - event.fraction) / event.fraction, 1)
        if self.estimate is None or event.step not in self.estimate.steps:
            return None
        return max(0.0, round(self.estimate.steps[event.step] * (1 - event.fraction) - took, 1))
