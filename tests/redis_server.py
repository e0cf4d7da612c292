"""A Redis server of a test's own."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import wait_for
from webapp.ops.processes import redis_command


@contextmanager
def redis_server(socket: Path) -> Iterator[None]:
    """The server that `make run` starts, on this socket."""
    server = subprocess.Popen(redis_command(socket), stdout=subprocess.DEVNULL)
    try:
        wait_for(socket.exists, what="redis")
        yield
    finally:
        server.terminate()
        server.wait(timeout=10)
        socket.unlink(missing_ok=True)
