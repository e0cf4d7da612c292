"""python -m bench.upload_steps: what each step of an upload costs, one upload at a time, as JSON.

`bench/uploads.py --profile` runs it inside of an installation whose web process and worker are not
running: it is both of them, one after the other, so that nothing waits for anything. The processor
time of a step includes that of the threads which work for it.
"""

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

import django

django.setup()

import importlib
import json
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import numpy as np

from bench.client import multipart
from bench.photos import Photo, large_photo, small_photo
from classifier.preprocess import read_input
from webapp.predictions.batches import put_answer
from webapp.predictions.claims import predictions_claim, predictions_record
from webapp.predictions.engines import engines
from webapp.predictions.waiting import announce
from webapp.recognizers.models import ModelVersion
from webapp.wsgi import application

NUM_UPLOADS = 48
NUM_WARM = 8
# Where the steps of the web process are done; what is in none of them is Django, ninja and the ORM.
WEB_STEPS = {
    "receive and parse": ("django.http.request:HttpRequest._load_post_and_files",),
    "hash": ("webapp.predictions.services:_content_sha256",),
    "decode": ("webapp.predictions.pictures:load_picture",),
    "encode": ("webapp.predictions.pictures:encode_jpeg",),
    "write and sync files": (
        "webapp.predictions.pictures:_write",
        "classifier.disk:sync",
    ),
    "commit": ("django.db.backends.base.base:BaseDatabaseWrapper._commit",),
    "nudge": ("webapp.predictions.services:nudge_inference",),
}
REST = "Django, API, ORM"

Costs = dict[str, list[tuple[float, float]]]  # wall and processor seconds, by step


class Clock:
    """Sums up what steps take. A step inside of another is taken out of the outer one."""

    def __init__(self) -> None:
        self.costs: Costs = {}
        self._inner: list[tuple[float, float]] = []
        self._round: dict[str, tuple[float, float]] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        begin = time.perf_counter(), time.process_time()
        self._inner.append((0.0, 0.0))
        try:
            yield
        finally:
            wall, cpu = time.perf_counter() - begin[0], time.process_time() - begin[1]
            inner = self._inner.pop()
            if self._inner:
                self._inner[-1] = self._inner[-1][0] + wall, self._inner[-1][1] + cpu
            before = self._round.get(name, (0.0, 0.0))
            self._round[name] = before[0] + wall - inner[0], before[1] + cpu - inner[1]

    def end_round(self, num_pictures: int = 1) -> None:
        for name, (wall, cpu) in self._round.items():
            self.costs.setdefault(name, []).append((wall / num_pictures, cpu / num_pictures))
        self._round = {}

    def figures(self) -> dict[str, dict[str, float]]:
        """Medians in ms per upload."""
        return {
            name: {
                "ms": round(statistics.median(wall for wall, _ in rounds) * 1000, 2),
                "cpu_ms": round(statistics.median(cpu for _, cpu in rounds) * 1000, 2),
            }
            for name, rounds in self.costs.items()
        }


def main() -> None:
    key = sys.argv[1]
    figures: dict[str, Any] = {}
    for name, photo in (("small", small_photo()), ("large", large_photo())):
        web, worker = Clock(), Clock()
        restore = _watch(web)
        for number in range(NUM_WARM + NUM_UPLOADS):
            if number == NUM_WARM:
                web.costs.clear()
            with web.step(REST):
                _upload(photo, key)
            web.end_round()
        restore()
        batch_size = _answer_all(worker)
        figures[name] = {
            "web": web.figures(),
            "worker": worker.figures(),
            "batch_size": batch_size,
        }
    json.dump(figures, sys.stdout)


def _watch(clock: Clock) -> Callable[[], None]:
    """Time the named functions; returns what undoes it."""
    undo = []
    for step, places in WEB_STEPS.items():
        for place in places:
            module, _, path = place.partition(":")
            owner: Any = importlib.import_module(module)
            *outer, name = path.split(".")
            for part in outer:
                owner = getattr(owner, part)
            function = getattr(owner, name)
            setattr(owner, name, _timed(clock, step, function))
            undo.append((owner, name, function))

    def restore() -> None:
        for owner, name, function in undo:
            setattr(owner, name, function)

    return restore


def _timed(clock: Clock, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def timed(*arguments: Any, **options: Any) -> Any:
        with clock.step(step):
            return function(*arguments, **options)

    return timed


def _upload(photo: Photo, key: str) -> None:
    """One request, through everything that the web process has but its socket."""
    content_type, parts = multipart(photo, uuid.uuid4().int >> 64)
    body = b"".join(parts)
    status: list[Any] = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api/v1/predictions",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_AUTHORIZATION": f"Bearer {key}",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
    }

    def start_response(line: str, *_: Any) -> Callable[[bytes], object]:
        status.append(line)
        return status.append

    response = application(environ, start_response)
    answer = b"".join(response)
    response.close()
    if not status[0].startswith("202"):
        raise RuntimeError(f"Expected 202, received {status[0]}: {answer!r}")


def _answer_all(clock: Clock) -> int:
    """What the worker does, without its overlapping: claim, decode, compute, explain, record, tell.
    Returns how many it does at a time."""
    version = ModelVersion.objects.get(state=ModelVersion.State.LIVE)
    answerer = engines.get(version)
    size = answerer.engine.batch_size
    run = answerer.engine.run
    while True:
        with clock.step("claim"):
            rows = predictions_claim(size=size)
        if not rows:
            return size
        with clock.step("decode"):
            pictures = [
                read_input(r.picture_path, answerer.bundle.manifest.image_size) for r in rows
            ]
        with clock.step("decide, explain"):
            batch = np.stack(pictures)
            answerer.engine.run = _timed(clock, "engine", run)  # type: ignore[method-assign]
            answers = answerer.answer(batch)
        for row, answer in zip(rows, answers, strict=True):
            put_answer(row, version, answer)
        claim = rows[0].claim
        if claim is None:
            raise RuntimeError("Expected a claimed row.")
        with clock.step("write"):
            predictions_record(claim=claim, answered=rows)
        with clock.step("tell"):
            announce(rows)
        clock.end_round(len(rows))


if __name__ == "__main__":
    main()
