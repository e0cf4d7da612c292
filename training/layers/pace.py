"""When a checkpoint is worth its time."""

import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any

from numpy.typing import NDArray

from training.layers.checkpoint import Checkpoints

logger = logging.getLogger(__name__)

# Of a training's time, at most this part goes into checkpoints at the ends of epochs.
MAX_SHARE = 0.05


class Pace:
    """When a checkpoint is due, and that a full disk costs no more than the checkpoint."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints
        self._saved = time.monotonic()
        self._cost = 0.0

    def is_due(self, *, at_epoch_end: bool) -> bool:
        """Every so many seconds; and at the end of an epoch, if that costs little of the time."""
        seconds = time.monotonic() - self._saved
        if at_epoch_end and seconds * MAX_SHARE >= self._cost:
            return True
        return seconds >= self._checkpoints.seconds

    def save(
        self, step: int, facts: Mapping[str, Any], arrays: Mapping[str, Iterable[NDArray[Any]]]
    ) -> None:
        """Save, or go on with a warning: hours of training are worth more than a checkpoint of them."""
        began = time.monotonic()
        try:
            self._checkpoints.save(step, facts, arrays)
        except OSError as error:
            logger.warning(
                "The checkpoint at step %s could not be written (%s). The training goes on and tries "
                "again later; make room in %s",
                step,
                error,
                self._checkpoints.folder,
            )
        self._saved = time.monotonic()
        self._cost = self._saved - began
