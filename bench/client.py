"""A light load generator: threads that each send one upload after the other over a kept connection.

It shares the cores with what it measures, so it does little: bodies are made beforehand, nothing is
copied, and the processor time that it takes itself is part of every result.
"""

import http.client
import itertools
import json
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from bench.photos import Photo
from tests.waiting import wait_for

_BOUNDARY = "bench-5f2c9e1a"
_HEAD = (
    f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="pictures"; filename="photo.jpg"\r\n'
    "Content-Type: image/jpeg\r\n\r\n"
).encode()
_TAIL = f"\r\n--{_BOUNDARY}--\r\n".encode()
TIMEOUT_SECONDS = 60.0
WARM_UP_SECONDS = 120


@dataclass(frozen=True)
class Endpoint:
    """Where uploads go. `answer` takes the status and the parsed body and returns the label that
    was answered, or raises ValueError, KeyError, IndexError or TypeError."""

    port: int
    path: str
    answer: Callable[[int, Any], str]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sent:
    """One upload that was answered. Times are time.monotonic()."""

    started: float
    ended: float
    answer: str


@dataclass(frozen=True)
class Load:
    """What a run of uploads came to; every one of them was answered."""

    sent: Sequence[Sent]
    seconds: float  # from the first request to the last answer
    client_cpu_seconds: float

    @property
    def per_second(self) -> float:
        return len(self.sent) / self.seconds

    @property
    def latencies_ms(self) -> list[float]:
        return [(one.ended - one.started) * 1000 for one in self.sent]


class WrongAnswer(Exception):
    """The system under test answered something else than an answer."""


# Every upload of a process gets a number of its own, so that all of them differ.
_numbers = itertools.count(time.time_ns())


def send(
    endpoint: Endpoint,
    photo: Photo,
    *,
    concurrency: int,
    seconds: float = float("inf"),
    number: int | None = None,
    on_answer: Callable[[Sent], None] | None = None,
    stop: threading.Event | None = None,
) -> Load:
    """Upload at a concurrency until the time is over, that many were sent, or `stop` is set.

    Each connection sends its next upload when the one before is answered. Raises WrongAnswer.
    """
    stop = stop or threading.Event()
    budget = iter(range(number)) if number is not None else itertools.count()
    lock = threading.Lock()
    before_cpu, begin = time.process_time(), time.monotonic()

    def next_number() -> int | None:
        with lock:
            if stop.is_set() or time.monotonic() - begin >= seconds:
                return None
            return next(_numbers) if next(budget, None) is not None else None

    def one_connection() -> list[Sent]:
        sent = []
        connection = Connection(endpoint, photo)
        try:
            while (upload := next_number()) is not None:
                sent.append(connection.upload(upload))
                if on_answer is not None:
                    on_answer(sent[-1])
        except BaseException:
            stop.set()  # the others need not go on
            raise
        finally:
            connection.close()
        return sent

    with ThreadPoolExecutor(concurrency) as pool:
        futures = [pool.submit(one_connection) for _ in range(concurrency)]
        sent = [one for future in futures for one in future.result()]
    seconds = max(one.ended for one in sent) - begin if sent else 0.0
    return Load(sent, seconds, time.process_time() - before_cpu)


def multipart(photo: Photo, number: int) -> tuple[str, tuple[bytes, memoryview, bytes]]:
    """The content type and the body of a form with the photo under this number, in parts."""
    start, digits, rest = photo.numbered(number)
    return f"multipart/form-data; boundary={_BOUNDARY}", (_HEAD + start + digits, rest, _TAIL)


class Connection:
    """One kept connection to an endpoint, for uploads of one photo."""

    def __init__(self, endpoint: Endpoint, photo: Photo) -> None:
        self._endpoint = endpoint
        self._photo = photo
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", endpoint.port, timeout=TIMEOUT_SECONDS
        )
        content_type, parts = multipart(photo, 0)
        self._headers = {
            **endpoint.headers,
            "Content-Type": content_type,
            "Content-Length": str(sum(len(part) for part in parts)),
        }

    def upload(self, number: int) -> Sent:
        """Send the photo with this number; a connection that was closed meanwhile is opened again."""
        _, parts = multipart(self._photo, number)
        started = time.monotonic()
        try:
            status, text = self._exchange(parts)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            # The server may close a connection that it has kept for long, between two requests.
            self._connection.close()
            status, text = self._exchange(parts)
        ended = time.monotonic()
        try:
            answer = self._endpoint.answer(status, json.loads(text))
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise WrongAnswer(f"Expected an answer, received {status}: {text[:500]!r}") from error
        return Sent(started, ended, answer)

    def _exchange(self, parts: Sequence[bytes | memoryview]) -> tuple[int, bytes]:
        self._connection.request("POST", self._endpoint.path, parts, dict(self._headers))
        response = self._connection.getresponse()
        return response.status, response.read()

    def close(self) -> None:
        self._connection.close()


def warm_up(endpoint: Endpoint, photos: Sequence[Photo]) -> None:
    """Until it answers, and then some, so that nothing is done for the first time while measured."""

    def answers() -> bool:
        try:
            return len(send(endpoint, photos[0], concurrency=1, number=1).sent) == 1
        except (WrongAnswer, OSError):
            return False

    wait_for(answers, seconds=WARM_UP_SECONDS, what="the first answer")
    for photo in photos:
        send(endpoint, photo, concurrency=1, number=2)
        send(endpoint, photo, concurrency=16, number=32)


def percentile(values: Sequence[float], percent: int) -> float:
    """By the nearest ranks, as usual for latencies; one value is every percentile of itself."""
    if len(values) < 2:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
