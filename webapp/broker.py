"""The Redis server as our own code talks to it, beside Celery: short words, never worth a long wait."""

import logging
import time
from collections.abc import Callable
from functools import cache

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionDropped
from redis.retry import Retry

logger = logging.getLogger(__name__)


def redis_client(*, timeout_seconds: float, num_retries: int = 0) -> Redis:
    """A client that gives up after `timeout_seconds`; it connects when used. It tries again only where
    its connection was dropped, as by a server that was started anew: not where none answers.

    Safe to share between threads, and after a fork. What it raises is a RedisError or an OSError.
    """
    # What is redis+socket to Celery is unix to redis-py.
    url = settings.REDIS_URL.replace("redis+socket://", "unix://", 1)
    return Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), num_retries, (ConnectionDropped,)),
        protocol=2,
    )


@cache
def quick_client() -> Redis:
    """For words that an upload or a worker waits for. It tries once more, since a server that was
    started anew has dropped our connection."""
    return redis_client(timeout_seconds=0.5, num_retries=1)


def installation_key(word: str) -> str:
    """A name for this installation's own, as Celery's lists have it, too."""
    return f"{settings.REDIS_KEY_PREFIX}{word}"


class Silence:
    """While it is on, this process leaves Redis alone: it has not answered, and would hold up each
    who speaks to it. For words that are not worth a wait, since the rows tell the same later."""

    SECONDS = 2.0

    def __init__(self) -> None:
        self._until = 0.0

    @property
    def is_on(self) -> bool:
        return time.monotonic() < self._until

    def begin(self) -> None:
        self._until = time.monotonic() + self.SECONDS

    def end(self) -> None:
        self._until = 0.0


silence = Silence()


def say(word: Callable[[], object], *, otherwise: str) -> bool:
    """Whether a word to Redis was said: not while there is silence, and where it fails there is from
    then on. `otherwise`: what becomes of it then, for the log. It raises nothing: rows that are
    written must not look as if they were not."""
    if silence.is_on:
        return False
    try:
        word()
    except Exception as error:
        silence.begin()
        logger.warning("Redis does not answer, %s: %s", otherwise, error)
        return False
    return True
