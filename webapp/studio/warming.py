"""What a training imports, imported ahead by the child that waits for the next one: TensorFlow alone takes
five seconds, a fourth of a training after a few corrections.

Only where there was a training of late: whoever has just trained comes back with corrections. A child that
has waited for a working day ends, and its successor, which imports nothing, has a tenth of its memory.
"""

import logging
import os
import threading
from datetime import timedelta
from importlib import import_module

from django.db import connection
from django.utils import timezone

from webapp.studio.models import TrainingRun

logger = logging.getLogger(__name__)
LATELY = timedelta(hours=8)  # a working day
# `training` first: it says how much of a GPU TensorFlow may take. The rest is not ours, so none of it
# imports what the child's other thread may be importing.
LIBRARIES = ("training", "openvino", "sklearn.linear_model", "keras")

_ready, _asked = threading.Event(), threading.Event()
_ready.set()


def warm_up() -> None:
    """Begin, in a thread: a child that does not say within four seconds that it is there is ended."""
    _ready.clear()
    _asked.clear()
    threading.Thread(target=_import_if_useful, name="warming", daemon=True).start()


def wait_until_warm() -> None:
    """To be called before a training: of modules that two threads import at once, one may get halves."""
    _asked.set()
    _ready.wait()


def was_there_a_training_lately() -> bool:
    return TrainingRun.objects.filter(ended_at__gte=timezone.now() - LATELY).exists()


def _import_if_useful() -> None:
    is_warm = False
    try:
        if was_there_a_training_lately():
            for name in LIBRARIES:
                import_module(name)
            is_warm = True
    except Exception:
        # The training meets it again, and tells the curator.
        logger.exception("What a training imports could not be imported ahead")
    finally:
        connection.close()  # this thread's own
        _ready.set()
    if is_warm and not _asked.wait(LATELY.total_seconds()):
        os._exit(0)  # its parent starts another
