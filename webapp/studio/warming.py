"""What a training imports, imported ahead by the child that waits for the next one: TensorFlow alone takes
five seconds, a fourth of a training after a few corrections.

Only where there was a training of late: whoever has just trained comes back with corrections, and a
machine on which nobody trains keeps its memory.
"""

import logging
import threading
from datetime import timedelta
from importlib import import_module

from django.db import connection
from django.utils import timezone

from webapp.studio.models import TrainingRun

logger = logging.getLogger(__name__)
LATELY = timedelta(hours=1)
# `training` first: it says how much of a GPU TensorFlow may take. The rest is not ours, so none of it
# imports what the child's other thread may be importing.
LIBRARIES = ("training", "openvino", "sklearn.linear_model", "keras")

_ready = threading.Event()
_ready.set()


def warm_up() -> None:
    """Begin, in a thread: a child that does not say within four seconds that it is there is ended."""
    _ready.clear()
    threading.Thread(target=_import_if_useful, name="warming", daemon=True).start()


def wait_until_warm() -> None:
    """To be called before a training: of modules that two threads import at once, one may get halves."""
    _ready.wait()


def was_there_a_training_lately() -> bool:
    return TrainingRun.objects.filter(ended_at__gte=timezone.now() - LATELY).exists()


def _import_if_useful() -> None:
    try:
        if was_there_a_training_lately():
            for name in LIBRARIES:
                import_module(name)
    except Exception:
        # The training meets it again, and tells the curator.
        logger.exception("What a training imports could not be imported ahead")
    finally:
        connection.close()  # this thread's own
        _ready.set()
