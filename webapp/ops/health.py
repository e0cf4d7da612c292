"""Whether Ocellus can do its work, check by check, within seconds whatever it is that hangs."""

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connections
from django.db.models import Max
from django.utils import timezone

from webapp.broker import redis_client
from webapp.ops.models import WorkerHeartbeat
from webapp.predictions.models import Prediction

MAX_SECONDS = 2.0
# How long a report is good for, so that asking again and again costs nothing.
FRESH_SECONDS = 1.0
# A picture may wait longer only while others are answered.
MAX_IDLE = timedelta(seconds=30)


@dataclass(frozen=True)
class Outcome:
    """Of one check. `reason` is for anybody: no path, no address, no version."""

    name: str
    is_ok: bool
    reason: str


def database() -> str:
    """Each check gives the reason why all is well, or raises NotReady with the reason why not."""
    WorkerHeartbeat.objects.exists()
    return "it answers"


def broker() -> str:
    with redis_client(timeout_seconds=1) as client:
        client.ping()
    return "it answers"


def worker() -> str:
    """One that lives, and that answers if anything is to be answered."""
    last = WorkerHeartbeat.objects.aggregate(seen=Max("seen_at"), answered=Max("answered_at"))
    if last["seen"] is None:
        raise NotReady("no inference worker has been seen")
    now = timezone.now()
    seen = f"an inference worker was seen {_seconds(now - last['seen'])} s ago"
    if now - last["seen"] > timedelta(seconds=settings.WORKER_ALIVE_SECONDS):
        raise NotReady(f"{seen}, expected one within {settings.WORKER_ALIVE_SECONDS} s")
    if last["answered"] is None:
        told = f"{seen}; it has answered nothing yet"
    else:
        told = f"{seen}, the last answer was {_seconds(now - last['answered'])} s ago"
    if last["answered"] is None or now - last["answered"] > MAX_IDLE:
        oldest = _oldest_unanswered()
        if oldest and now - oldest > MAX_IDLE:
            raise NotReady(f"{told}, and a picture has waited for {_seconds(now - oldest)} s")
    return told


def _oldest_unanswered() -> datetime | None:
    """When the picture was uploaded that has waited longest. Each half has a small index."""
    queued = Prediction.objects.filter(state=Prediction.State.QUEUED).order_by("id")[:1]
    running = Prediction.objects.filter(state=Prediction.State.RUNNING)
    moments = [
        *queued.values_list("created_at", flat=True),
        *running.values_list("created_at", flat=True),
    ]
    return min(moments, default=None)


def disk() -> str:
    free_mb = shutil.disk_usage(settings.DATA_DIR).free // 1_048_576
    if free_mb < settings.MIN_FREE_MB:
        raise NotReady(f"{free_mb} MB are free, expected {settings.MIN_FREE_MB} MB")
    return f"more than {settings.MIN_FREE_MB} MB are free"


class NotReady(Exception):
    """The message is the reason."""


class Check:
    """Runs a check in a thread of its own, which may hang without holding anybody up; while it does,
    no second one is started."""

    def __init__(self, function: Callable[[], str]) -> None:
        self.name = function.__name__
        self._function = function
        self._lock = threading.Lock()
        self._running: threading.Thread | None = None
        self._outcome: Outcome | None = None

    def start(self) -> threading.Thread:
        with self._lock:
            if self._running is None or not self._running.is_alive():
                self._outcome = None
                self._running = threading.Thread(target=self._run, name=self.name, daemon=True)
                self._running.start()
            return self._running

    @property
    def outcome(self) -> Outcome:
        late = Outcome(self.name, False, f"no answer within {MAX_SECONDS:.0f} s")
        return self._outcome or late

    def _run(self) -> None:
        try:
            self._outcome = Outcome(self.name, True, self._function())
        except NotReady as error:
            self._outcome = Outcome(self.name, False, str(error))
        except Exception as error:
            # What is away fails in every way there is; its words may name hosts and paths.
            self._outcome = Outcome(
                self.name, False, f"it does not answer ({type(error).__name__})"
            )
        finally:
            connections.close_all()


class Health:
    """All checks at once; the last report while it is fresh."""

    def __init__(self, functions: Sequence[Callable[[], str]]) -> None:
        self._checks = [Check(function) for function in functions]
        self._lock = threading.Lock()
        self._report: tuple[float, list[Outcome]] | None = None

    def report(self) -> list[Outcome]:
        """Within MAX_SECONDS and a little."""
        with self._lock:
            if self._report is None or time.monotonic() - self._report[0] > FRESH_SECONDS:
                deadline = time.monotonic() + MAX_SECONDS
                for thread in [check.start() for check in self._checks]:
                    thread.join(max(0.0, deadline - time.monotonic()))
                self._report = (time.monotonic(), [check.outcome for check in self._checks])
            return self._report[1]


def _seconds(age: timedelta) -> int:
    return max(0, round(age.total_seconds()))


health = Health([database, broker, worker, disk])
