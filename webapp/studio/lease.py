"""A lease, kept alive in a thread while its holder works; which learns from it when to stop."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection

from webapp.database import DATABASE_ERRORS, drop_dead_connection

logger = logging.getLogger(__name__)


class LeaseLost(Exception):
    """What was held is no longer this process's; what it needs to go on elsewhere must stay."""


class Hold:
    """Whether a holder may go on: `shall_stop` is set when not, `is_lost` says why."""

    def __init__(self) -> None:
        self.shall_stop = threading.Event()
        self.is_lost = False


@contextmanager
def kept(
    *,
    renew: Callable[[], bool],
    is_unwanted: Callable[[], bool],
    every_seconds: float,
    name: str,
) -> Iterator[Hold]:
    """Renews the lease while the block runs; what it yields says when to stop.

    `renew`: False when the lease is somebody else's. `is_unwanted`: whether a person wants it stopped.
    """
    hold, is_over = Hold(), threading.Event()

    def go_on() -> None:
        try:
            while not is_over.wait(every_seconds):
                try:
                    drop_dead_connection()
                    if not renew():
                        hold.is_lost = True
                        hold.shall_stop.set()
                        return
                    if is_unwanted():  # the lease goes on until it has really stopped
                        hold.shall_stop.set()
                except DATABASE_ERRORS:
                    logger.exception("The lease of %s could not be renewed; trying again", name)
        finally:
            connection.close()

    thread = threading.Thread(target=go_on, name="lease", daemon=True)
    thread.start()
    try:
        yield hold
    finally:
        is_over.set()
        thread.join()
