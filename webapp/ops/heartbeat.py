"""An inference worker's heartbeat: it says that the worker lives and what it holds, and has what is
about to go live loaded beside what answers."""

import logging
import os
import socket
import threading
import time
from datetime import timedelta

from django.utils import timezone

from classifier.errors import ClassifierError
from webapp.ops.models import WorkerHeartbeat
from webapp.predictions.answering import seconds_since_answer
from webapp.predictions.engines import engines
from webapp.recognizers.models import ModelVersion
from webapp.recognizers.swap import versions_to_hold
from webapp.told import without_places

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.5
BEAT_SECONDS = 3.0
FORGET_AFTER = timedelta(hours=1)


class Load(threading.Thread):
    """A version on its way into memory; the heart beats on meanwhile, however long it takes.

    `problem`: why it could not be loaded, once the thread has ended; empty where it was.
    """

    def __init__(self, version: ModelVersion) -> None:
        super().__init__(name="load", daemon=True)
        self.version = version
        self.problem = ""

    def run(self) -> None:
        try:
            engines.get(self.version)
        except ClassifierError as error:
            logger.warning("Version %s could not be loaded: %s", self.version, error)
            self.problem = without_places(error)
        except Exception as error:
            # A library may fail in its own way.
            logger.exception("Version %s could not be loaded", self.version)
            self.problem = without_places(repr(error))[:500]


class Heartbeat:
    """What one worker says of itself in the database."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name or f"{socket.gethostname()}:{os.getpid()}"
        self._tried: set[str] = set()
        self._refused: dict[str, str] = {}
        self._load: Load | None = None
        self._said: tuple[list[str], dict[str, str]] | None = None
        self._said_at = 0.0

    def tick(self) -> None:
        """Have loaded what should be there and is not, one at a time; say what has changed, and now and
        then that we live."""
        preload, live = versions_to_hold()
        if self._said is None:
            self._say()  # who promotes just now waits for us
        if self._load and not self._load.is_alive():
            if self._load.problem:
                self._refused[self._load.version.bundle_digest] = self._load.problem
            self._load = None
        if self._load is None and (version := self._next_to_load(preload, live)):
            self._tried.add(version.bundle_digest)
            self._load = Load(version)
            self._load.start()
        digests = {version.bundle_digest for version in preload}
        self._refused = {d: problem for d, problem in self._refused.items() if d in digests}
        is_old = time.monotonic() - self._said_at > BEAT_SECONDS
        if is_old or self._said != (sorted(engines.loaded()), self._refused):
            self._say()

    def end(self) -> None:
        """A worker that ends in order is not waited for."""
        WorkerHeartbeat.objects.filter(name=self.name).delete()

    def _next_to_load(
        self, preload: list[ModelVersion], live: list[ModelVersion]
    ) -> ModelVersion | None:
        """What is live once, when the worker starts: if memory does not hold all of it, versions would
        drive each other out at each beat. Later they are loaded when a picture wants them."""
        untried = [version for version in live if version.bundle_digest not in self._tried]
        done = {*engines.loaded(), *self._refused}
        return next((v for v in [*untried, *preload] if v.bundle_digest not in done), None)

    def _say(self) -> None:
        now, answered = timezone.now(), seconds_since_answer()
        loaded, refused = sorted(engines.loaded()), dict(self._refused)
        WorkerHeartbeat.objects.update_or_create(
            name=self.name,
            defaults={
                "seen_at": now,
                "answered_at": None if answered is None else now - timedelta(seconds=answered),
                "loaded": loaded,
                "refused": refused,
            },
        )
        WorkerHeartbeat.objects.filter(seen_at__lt=now - FORGET_AFTER).delete()
        self._said, self._said_at = (loaded, refused), time.monotonic()
