"""The files that processes count in: shared by the living, kept for the dead."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stack import ROOT
from tests.webapp.counts import values
from webapp.metrics_files import FILE_BYTES, Counts, Slot, clear_unused

COUNTING = """
import os, sys
import django; django.setup()
from webapp import metrics
metrics.refused("empty")
print("counted", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def start(tmp_path: Path) -> Callable[[], "subprocess.Popen[str]"]:
    """Starts a process that counts one refusal and then lives until its input ends."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
        "OCELLUS_DATA_DIR": str(tmp_path),
        "SECRET_KEY": "x" * 50,
    }

    def start() -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", COUNTING],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        assert process.stdout.readline() == "counted\n"
        return process

    return start


def counted_in(folder: Path) -> float:
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))
    return values(generate_latest(registry).decode(), "ocellus_uploads_refused_total")[("empty",)]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.db")}


def test_processes_count_together_and_a_dead_ones_counts_stay_without_its_files_piling_up(
    start: Callable[[], "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    folder = tmp_path / "metrics"
    first, second = start(), start()
    assert counted_in(folder) == 2
    files = names(folder)
    assert len(files) == 4
    first.send_signal(signal.SIGKILL)
    first.communicate()
    third = start()  # takes the place of the dead one, and goes on where that stopped
    assert counted_in(folder) == 3
    assert names(folder) == files
    for process in (second, third):
        process.communicate()
    assert counted_in(folder) == 3


def test_a_start_clears_what_ended_processes_counted_and_leaves_the_living_alone(
    start: Callable[[], "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    folder = tmp_path / "metrics"
    ended, living = start(), start()
    ended.communicate()
    clear_unused(folder)
    assert counted_in(folder) == 1
    living.communicate()
    clear_unused(folder)
    assert names(folder) == set()
    clear_unused(tmp_path / "no such folder")


@pytest.mark.slow
def test_a_file_that_cannot_be_read_does_not_keep_a_process_from_starting(
    start: Callable[[], "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    folder = tmp_path / "metrics"
    start().communicate()
    (folder / "counter_0.db").write_bytes(b"\xff" * 100)
    start().communicate()
    assert counted_in(folder) == 1


@pytest.mark.slow
def test_a_folder_that_takes_no_files_leaves_a_process_to_count_for_itself(
    start: Callable[[], "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    (tmp_path / "metrics").write_text("no folder")
    start().communicate()


def is_true_for_another_user(function: Callable[[], bool], *, within: Path) -> bool:
    """Asks a child that is not root; its current folder is `within`."""
    child = os.fork()
    if child == 0:
        try:
            os.chdir(within)  # before: what lies above is its owner's alone
            if os.geteuid() == 0:
                os.setuid(65534)
            os._exit(0 if function() else 1)
        finally:
            os._exit(2)
    return os.waitpid(child, 0)[1] == 0


def test_the_files_of_another_user_are_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    (tmp_path / "0.lock").touch(0o000)
    (tmp_path / "counter_0.db").touch(0o000)
    here = Path()
    assert is_true_for_another_user(lambda: Slot(here)() == "1", within=tmp_path)
    assert is_true_for_another_user(lambda: list(Counts(here).collect()) == [], within=tmp_path)


def test_a_folder_that_is_closed_to_a_user_is_told(tmp_path: Path) -> None:
    (tmp_path / "0.lock").touch(0o000)
    tmp_path.chmod(0o555)

    def is_told() -> bool:
        with pytest.raises(PermissionError):
            Slot(Path())
        return True

    assert is_true_for_another_user(is_told, within=tmp_path)
    tmp_path.chmod(0o755)


def test_a_forked_child_counts_in_a_file_of_its_own(tmp_path: Path) -> None:
    slot = Slot(tmp_path)
    child = os.fork()
    if child == 0:
        os._exit(0 if slot() == "1" else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert slot() == "0"


def test_the_room_of_a_file_is_taken_before_it_is_mapped(tmp_path: Path) -> None:
    """On a full disk a write to a mapped file without its room kills the process."""
    Slot(tmp_path)
    for name in ("counter_0.db", "histogram_0.db"):
        status = (tmp_path / name).stat()
        assert status.st_size == FILE_BYTES
        assert status.st_blocks * 512 >= FILE_BYTES
