"""What a worker does again and again beside its work, in a thread of its own."""

import logging
import threading
from collections.abc import Callable

from webapp.database import DATABASE_AWAY, drop_dead_connection

logger = logging.getLogger(__name__)


class Rounds(threading.Thread):
    """Calls `do` at once and every so often until it is told to stop, then `at_end`. What a round
    raises is logged and the next one tries again: a thread that died would do so unseen."""

    def __init__(
        self,
        name: str,
        every_seconds: float,
        do: Callable[[], object],
        at_end: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._every_seconds = every_seconds
        self._do = do
        self._at_end = at_end
        self._stopped = threading.Event()

    def run(self) -> None:
        while True:
            self._call(self._do)
            if self._stopped.wait(self._every_seconds):
                break
        if self._at_end:
            self._call(self._at_end)

    def stop(self) -> None:
        self._stopped.set()

    def _call(self, do: Callable[[], object]) -> None:
        try:
            drop_dead_connection()
            do()
        except DATABASE_AWAY as error:
            logger.warning("The %s could not reach the database: %s", self.name, error)
        except Exception:
            logger.exception("The %s failed", self.name)
