"""`make run`'s launcher, really started: first start, second start, and what it refuses."""

import contextlib
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.bundles import colour_bundle
from tests.stack import ROOT, Stack, Visitor, free_port
from tests.waiting import wait_for

# Everything a machine may have configured for Ocellus is taken away.
OWN_NAMES = ("OCELLUS_", "SECRET_KEY", "DATABASE_URL", "REDIS_URL", "PORT", "DJANGO_")


@contextmanager
def launched(
    data_dir: Path, port: int, **more: str
) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """The launcher in a data folder, and the file of what it prints. Stopped as by Ctrl-C."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(OWN_NAMES)}
    environment = {**clean, "OCELLUS_DATA_DIR": str(data_dir), "PORT": str(port), **more}
    log = data_dir.with_suffix(".log")
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "webapp.ops.launch"],
            cwd=ROOT,
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        yield process, log
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def run_states(data_dir: Path) -> list[str]:
    """The states of all training runs, the oldest first."""
    with contextlib.closing(sqlite3.connect(data_dir / "ocellus.sqlite3", timeout=20)) as database:
        rows = database.execute("SELECT state FROM studio_trainingrun ORDER BY id").fetchall()
    return [state for (state,) in rows]


def processes_of(data_dir: Path) -> list[int]:
    """Processes whose environment names the data folder."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"OCELLUS_DATA_DIR={data_dir}\0" in (folder / "environ").read_text(errors="replace"):
                found.append(int(folder.name))
        except OSError:
            continue  # it ended meanwhile
    return found


@pytest.mark.slow
def test_a_first_start_prepares_everything_and_a_second_takes_seconds(tmp_path: Path) -> None:
    data_dir, port = tmp_path / "var", free_port()
    with launched(data_dir, port) as (process, log):
        wait_for(lambda: answers(port), seconds=90, what="the first start")
        text = log.read_text()
        [password] = re.findall(r"user name admin, password (\S+)", text)
        assert "Sample bugs begins to learn" in text
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", follow_redirects=True) as client:
            values = {"username": "admin", "password": password}
            page = Visitor(client).post("/sign-in/", values)
            assert "Sample bugs is still learning" in page.text
        wait_for(lambda: run_states(data_dir) == ["running"], what="the training's beginning")
        with launched(data_dir, free_port()) as (second, second_log):
            assert second.wait(timeout=30) == 2
            assert f"started by process {process.pid}" in second_log.read_text()
    assert process.returncode == 0
    assert processes_of(data_dir) == []
    for path in (data_dir, data_dir / "secret_key", data_dir / "ocellus.sqlite3"):
        assert path.stat().st_mode & 0o077 == 0, path

    started = time.monotonic()
    with launched(data_dir, port) as (process, log):
        wait_for(lambda: answers(port), seconds=60, what="the second start")
        seconds = time.monotonic() - started
        assert seconds < 30
        text = log.read_text()
        assert "password" not in text
        assert "Drawing" not in text
        # The first start was stopped while it trained; this one takes the training up again.
        assert "Sample bugs goes on learning" in text
        wait_for(lambda: run_states(data_dir) == ["running"], what="the training to go on")
    assert processes_of(data_dir) == []


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """A data folder with a recognizer in it, so that a start need not draw and train one."""
    with Stack(tmp_path / "var") as stack:
        colour_bundle(stack.data_dir / "bundles" / "colours")
        stack.install("colours")
    return stack.data_dir


@pytest.mark.slow
def test_a_worker_that_dies_under_the_launcher_comes_back(prepared: Path) -> None:
    data_dir, port = prepared, free_port()
    with launched(data_dir, port, OCELLUS_ADMIN_PASSWORD="given by the operator") as (_, log):
        wait_for(lambda: answers(port), seconds=90, what="the start")
        assert "the one in OCELLUS_ADMIN_PASSWORD" in log.read_text()
        assert "given by the operator" not in log.read_text()

        def worker() -> int | None:
            for pid in processes_of(data_dir):
                try:
                    command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if b"inference" in command and not any(b"keep_alive" in part for part in command):
                    return pid
            return None

        first = wait_for(worker, what="the inference worker")
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: worker() not in (None, first), what="the next inference worker")
        assert answers(port)


@pytest.mark.slow
def test_a_killed_launcher_takes_its_processes_along_and_the_next_one_starts(
    prepared: Path,
) -> None:
    data_dir, port = prepared, free_port()
    with launched(data_dir, port) as (process, _):
        wait_for(lambda: answers(port), seconds=90, what="the start")
        process.kill()
        process.wait(timeout=10)
        with launched(data_dir, port) as (_, log):
            # Until then it may be the killed one's web process that answers.
            wait_for(
                lambda: "Ctrl-C stops it" in log.read_text(), seconds=90, what="the next start"
            )
            wait_for(lambda: answers(port), seconds=90, what="the next one's answer")
            assert "runs already" not in log.read_text()
    wait_for(lambda: not processes_of(data_dir), what="the end of all processes")


@pytest.mark.slow
def test_a_closed_terminal_stops_everything(prepared: Path) -> None:
    data_dir, port = prepared, free_port()
    with launched(data_dir, port) as (process, _):
        wait_for(lambda: answers(port), seconds=90, what="the start")
        process.send_signal(signal.SIGHUP)
        process.wait(timeout=30)
        wait_for(lambda: not processes_of(data_dir), what="the end of all processes")


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with launched(tmp_path / "var", port) as (process, log):
            assert process.wait(timeout=30) == 2
            assert f"Expected port {port} to be free" in log.read_text()
