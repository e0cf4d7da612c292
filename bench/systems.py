"""The systems that `bench/uploads.py` compares, each startable and endable: ours, and two peers.

All of them answer the same bytes with the same ResNet50 on the same cores, one after the other.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from bench.client import Endpoint
from tests.stack import ROOT, Stack, free_port
from tests.waiting import wait_for

START_SECONDS = 120
PROCESSES = ("redis", "web", "inference")


@dataclass(frozen=True)
class Running:
    """A system that answers: where, and the leaders of its process groups by name."""

    endpoint: Endpoint
    groups: dict[str, int]


@dataclass(frozen=True)
class Peer:
    """A server of somebody else's. `options` are what its user would tune."""

    name: str
    command: tuple[str, ...]  # with {port} in it
    environment: dict[str, str]
    options: tuple[str, ...] = ()

    @contextlib.contextmanager
    def running(self, log_folder: Path) -> Iterator[Running]:
        port = free_port()
        command = [part.format(port=port) for part in (*self.command, *self.options)]
        with (log_folder / f"{self.name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), **self.environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wait_for(lambda: _answers(process, port), seconds=START_SECONDS, what=self.name)
            yield Running(Endpoint(port, "/predict", _peers_label), {self.name: process.pid})
        finally:
            _end(process)


@dataclass(frozen=True)
class Ours:
    """Ocellus, in an installation that lasts; its processes run while they are measured."""

    stack: Stack
    api_key: str
    name: str = "ours"

    @classmethod
    def install(cls, stack: Stack, *bundle_names: str) -> Self:
        """A person with a key, and a recognizer whose live version is the last of the bundles."""
        stack.create_users("ada")
        stack.install(*bundle_names)
        # Calls are counted as everywhere, and none is one too many.
        stack.environment["OCELLUS_API_CALLS_PER_KEY"] = "1000000"
        return cls(stack, stack.create_api_key("ada"))

    @property
    def endpoint(self) -> Endpoint:
        headers = {"Authorization": f"Bearer {self.api_key}", "Prefer": "wait=10"}
        return Endpoint(self.stack.port, "/api/v1/predictions", _our_label, headers)

    @contextlib.contextmanager
    def running(self) -> Iterator[Running]:
        self.stack.start(*PROCESSES)
        try:
            yield Running(self.endpoint, {name: self.stack.pid(name) for name in PROCESSES})
        finally:
            for name in reversed(PROCESSES):
                self.stack.stop(name)


def write_resnet50(path: Path) -> Path:
    """A ResNet50 bundle, made in a process of its own: a load generator shall stay light. Its H5."""
    code = (
        "import sys; from pathlib import Path; from bench.random_bundle import write_random_bundle;"
        "write_random_bundle(Path(sys.argv[1]))"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(path)],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return path / "model.h5"


def django_predict(model: Path) -> list[Peer]:
    """A Django view with `model.predict`, with as many threads as might suit it."""
    command = (
        *(sys.executable, "-m", "gunicorn", "bench.peers.django_predict.wsgi"),
        *("--bind", "127.0.0.1:{port}", "--timeout", "120", "--log-level", "warning"),
    )
    environment = {"PEER_MODEL": str(model)}
    return [
        Peer("django_predict", command, environment, ("--threads", str(num_threads)))
        for num_threads in (2, 4, 16)
    ]


def litserve(model: Path) -> list[Peer]:
    """LitServe with batching and a `tf.function`, in the settings that might suit it.

    The second worker is what its documents advise for two cores.
    """
    script = str(Path(__file__).parent / "peers" / "litserve_batched.py")
    command = (sys.executable, script, str(model), "--port", "{port}")
    return [
        Peer(
            "litserve",
            command,
            {},
            ("--max-batch-size", size, "--batch-timeout", timeout, "--workers", workers),
        )
        for size, timeout, workers in (
            ("8", "0.005", "1"),
            ("16", "0.005", "1"),
            ("16", "0.02", "1"),
            ("16", "0.05", "1"),
            ("8", "0.005", "2"),
        )
    ]


def _our_label(status: int, body: Any) -> str:
    [prediction] = body["predictions"]
    if status != 201 or prediction["state"] != "done" or not prediction["top"]:
        raise ValueError(status)
    return str(prediction["label"])


def _peers_label(status: int, body: Any) -> str:
    if status != 200 or len(body["top"]) != 5:
        raise ValueError(status)
    return str(body["label"])


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"{process.args!r} ended with status {process.returncode}")
    with contextlib.suppress(httpx.TransportError):
        # Both load their model first; LitServe says by 503 that it is still at it.
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code in (200, 404)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=10)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # children that it left behind
    process.wait()
