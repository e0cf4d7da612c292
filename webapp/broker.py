"""The Redis server as our own code talks to it, beside Celery: short words, never worth a long wait."""

from functools import cache

from django.conf import settings
from django.utils.crypto import salted_hmac
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def redis_client(*, timeout_seconds: float, num_retries: int = 0) -> Redis:
    """A client that gives up after `timeout_seconds`, once for each attempt; it connects when used.

    Safe to share between threads, and after a fork. What it raises is a RedisError or an OSError.
    """
    # What is redis+socket to Celery is unix to redis-py.
    url = settings.REDIS_URL.replace("redis+socket://", "unix://", 1)
    return Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), num_retries),
        protocol=2,
    )


@cache
def installation_key(word: str) -> str:
    """A name for this installation's own: others may use the same server, and number their rows
    the same."""
    return f"ocellus:{word}:{salted_hmac(__name__, '').hexdigest()[:16]}"
