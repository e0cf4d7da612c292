"""A request that waits for its answers hears of them at once: workers tell over Redis' pub/sub.

The rows are the truth. Who waits looks at them once it listens and every half second after that, so a
message that is lost makes an answer late and nothing else. While Redis is away it looks more often.
"""

import logging
import os
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import cache

from django.conf import settings
from redis import Redis, RedisError

from webapp.broker import installation_key, redis_client, say, silence
from webapp.database import DATABASE_ERRORS, drop_dead_connection
from webapp.predictions.models import Prediction

logger = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 0.5
# While nothing can be heard: a page shall show an answer within 0.3 s all the same.
LOOK_WHILE_DEAF_SECONDS = 0.15
# How long a worker lets itself be held up by a Redis that does not answer.
TELL_SECONDS = 0.2
# Pages that may not wait ask again after a while, the longer the more there are: so many a second of
# this process, until each waits as long as a page does that has lost a request.
ASK_AGAIN_SECONDS = 0.2
LONGEST_ASK_AGAIN_SECONDS = 2.0
ASKS_PER_SECOND = 20
# A thread that nobody has needed for this long ends.
LINGER_SECONDS = 60.0


def announce(predictions: Iterable[Prediction]) -> None:
    """Tell whoever waits that these are answered, their rows written. Best effort: it never raises."""
    if ids := ",".join(str(prediction.pk) for prediction in predictions):
        say(
            lambda: _redis().publish(installation_key("answered"), ids),
            otherwise="who waits for answers finds them later",
        )


@cache
def _redis() -> Redis:
    # Tries once more, since a server that was started anew has dropped our connection.
    return redis_client(timeout_seconds=TELL_SECONDS, num_retries=1)


def wait_until_answered(
    ids: Collection[int], *, seconds: float, is_one_enough: bool = False
) -> bool:
    """Return when all are answered, or one of them where that is enough, or the time is over; which
    of it, the rows say.

    False, and at once, when as many requests wait already as may: the others' threads are for pages.
    """
    if not ids or seconds <= 0:
        return True
    deadline = time.monotonic() + seconds
    wait = _Wait(ids, num_enough=1 if is_one_enough else len(ids))
    with _listener.waiting_for(wait) as is_admitted:
        if not is_admitted:
            return False
        while not wait.is_over():
            wait.look()
            left_seconds = deadline - time.monotonic()
            if wait.is_over() or left_seconds <= 0:
                break
            pause = LOOK_AGAIN_SECONDS if _listener.is_hearing else LOOK_WHILE_DEAF_SECONDS
            wait.news.wait(min(pause, left_seconds))
    return True


class _Turns:
    """When pages that may not wait ask again: one after the other, not all at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0.0

    def next_in(self) -> float:
        """Seconds until the next one that is free."""
        with self._lock:
            now = time.monotonic()
            turn = max(now + ASK_AGAIN_SECONDS, self._last + 1 / ASKS_PER_SECOND)
            self._last = min(turn, now + LONGEST_ASK_AGAIN_SECONDS)
            return self._last - now


def ask_again_ms() -> int:
    """In how many milliseconds a page asks again that was not let wait."""
    return round(1000 * _turns.next_in())


class _Wait:
    """What a request waits for: `num_enough` of these answered. `missing` shrinks; `news` is set when it
    is worth a look."""

    def __init__(self, ids: Collection[int], *, num_enough: int) -> None:
        self.missing = set(ids)
        self._most_missing = max(0, len(self.missing) - num_enough)
        self.news = threading.Event()
        self._lock = threading.Lock()

    def is_over(self) -> bool:
        return len(self.missing) <= self._most_missing

    def heard(self, ids: set[int]) -> None:
        with self._lock:
            self.missing -= ids
        if self.is_over():
            self.news.set()

    def look(self) -> None:
        """Forget what the rows say is answered, or is gone."""
        self.news.clear()
        rows = Prediction.objects.filter(
            pk__in=list(self.missing), state__in=Prediction.UNANSWERED_STATES
        )
        try:
            unanswered = set(rows.values_list("pk", flat=True))
        except DATABASE_ERRORS as error:
            logger.warning("Could not look whether pictures are answered: %s", error)
            drop_dead_connection()
            return
        with self._lock:
            self.missing &= unanswered


class _Listener:
    """One thread of this process that hears what workers tell, while somebody waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waits: set[_Wait] = set()
        self._thread: threading.Thread | None = None
        self._wanted_at = 0.0
        self.is_hearing = False

    @contextmanager
    def waiting_for(self, wait: _Wait) -> Iterator[bool]:
        """Whether the wait is told of answers from now on; not when there are as many as may be."""
        if not self._admit(wait):
            yield False
            return
        try:
            yield True
        finally:
            with self._lock:
                self._waits.discard(wait)

    def _admit(self, wait: _Wait) -> bool:
        with self._lock:
            if len(self._waits) >= settings.MAX_WAITING_REQUESTS:
                return False
            self._waits.add(wait)
            self._wanted_at = time.monotonic()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="waiting", daemon=True)
                self._thread.start()
            return True

    def _run(self) -> None:
        is_deaf = False
        while self._is_wanted():
            try:
                self._listen()
            except (RedisError, OSError) as error:
                if not is_deaf:
                    logger.warning("Cannot hear of answers, who waits looks for them: %s", error)
                is_deaf = True
            except Exception:
                # A thread that dies would leave every answer late.
                logger.exception("The thread that hears of answers failed; it tries again")
            finally:
                self.is_hearing = False
            time.sleep(LOOK_AGAIN_SECONDS)

    def _listen(self) -> None:
        client = redis_client(timeout_seconds=LOOK_AGAIN_SECONDS)
        with client, client.pubsub() as subscription:
            subscription.subscribe(installation_key("answered"))
            while self._is_wanted():
                message = subscription.get_message(timeout=LINGER_SECONDS / 10)
                if message and message["type"] == "subscribe":
                    self.is_hearing = True
                    self._tell_all()
                elif message and message["type"] == "message":
                    self._tell(message["data"])

    def _is_wanted(self) -> bool:
        """Whether somebody waits or has lately; else the thread that asks is let go of."""
        with self._lock:
            if self._thread is not threading.current_thread():
                return False
            now = time.monotonic()
            if self._waits:
                self._wanted_at = now
            elif now - self._wanted_at > LINGER_SECONDS:
                self._thread = None
                return False
            return True

    def _tell(self, data: bytes) -> None:
        ids = {int(part) for part in data.split(b",")}
        with self._lock:
            waits = list(self._waits)
        for wait in waits:
            wait.heard(ids)

    def _tell_all(self) -> None:
        """What was told before we listened is lost: everybody looks again."""
        with self._lock:
            waits = list(self._waits)
        for wait in waits:
            wait.news.set()


_listener = _Listener()
_turns = _Turns()


def _begin_anew() -> None:
    """In a forked child the thread is not ours. Redis' client sees to its sockets itself."""
    global _listener  # noqa: PLW0603 - one a process
    _listener = _Listener()
    silence.end()


os.register_at_fork(after_in_child=_begin_anew)
