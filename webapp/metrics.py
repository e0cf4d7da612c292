"""What is counted and timed, for Prometheus. Any module may import it; it knows none of them.

The processes of one data folder count together (see `metrics_files`). Label values are few: slugs of
recognizers, numbers of their versions, and codes from our own code; never what a visitor sent.
"""

import logging
import os

from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Histogram, values

from webapp.metrics_files import Counts, Slot

logger = logging.getLogger(__name__)


def _count_together() -> bool:
    """Let this process count in the installation's files; False where the disk will not have it."""
    try:
        slot = Slot(settings.METRICS_DIR)
    except OSError as error:
        logger.warning("What this process counts stays in it: %s", error)
        return False
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(settings.METRICS_DIR)
    values.ValueClass = values.MultiProcessValue(slot)
    return True


_is_together = _count_together()
_own = CollectorRegistry()

BATCH_SIZE = Histogram(
    "ocellus_batch_size",
    "Pictures in one run of the engine.",
    buckets=(1, 2, 4, 8, 16, 32, 64),
    registry=_own,
)
STEP_SECONDS = Histogram(
    "ocellus_step_seconds",
    "Seconds that a batch spent in a step of the inference worker: claim, decode, engine, write.",
    ["step"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=_own,
)
QUEUE_SECONDS = Histogram(
    "ocellus_queue_seconds",
    "Seconds from a picture's upload until a worker claimed it.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
    registry=_own,
)
ANSWERS = Counter(
    "ocellus_answers",
    "Predictions that were answered, by outcome: done, failed.",
    ["recognizer", "version", "outcome"],
    registry=_own,
)
UPLOADS_REFUSED = Counter(
    "ocellus_uploads_refused",
    "Files and requests that were refused, by the code of the reason.",
    ["reason"],
    registry=_own,
)


def answered(slug: str, version: int | None, outcome: str, number: int = 1) -> None:
    """Count answers. `slug`: the recognizer's; `version`: None where none has answered."""
    ANSWERS.labels(slug, "none" if version is None else str(version), outcome).inc(number)


def refused(reason: str) -> None:
    """Count a refusal. `reason`: a code from our own code."""
    UPLOADS_REFUSED.labels(reason).inc()


def counted() -> CollectorRegistry:
    """A registry that tells what all processes of the installation have counted."""
    if not _is_together:
        return _own
    registry = CollectorRegistry()
    registry.register(Counts(settings.METRICS_DIR))
    return registry
