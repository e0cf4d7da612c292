"""The files in which the processes of an installation count, so that one of them can tell it all.

prometheus_client keeps what a process has counted in mapped files. Named by process ids, as it would
have them, those of dead processes pile up, and taking them away makes counters fall. Here a process
takes the lowest slot that is free and goes on counting where the slot's last holder, which has ended,
has stopped: there are never more files than processes at once. A slot is held by a lock, which the
kernel gives back however its holder ends.
"""

import fcntl
import itertools
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from prometheus_client import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

KINDS = ("counter", "histogram")
# More than a process fills. Its room on the disk is taken when the file is made: a write to a mapped
# file for which the disk has no room kills the process.
FILE_BYTES = 256 * 1024


class Slot:
    """Names the slot that this process counts in: `0`, `1` ... A forked child takes its own.

    Raises OSError where the folder takes no files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: tuple[int, str, TextIO] | None = None
        self()

    def __call__(self) -> str:
        if self._held is None or self._held[0] != os.getpid():
            self._held = (os.getpid(), *self._take())
        return self._held[1]

    def _take(self) -> tuple[str, TextIO]:
        self._folder.mkdir(parents=True, exist_ok=True)
        for number in itertools.count():
            if lock := _lock(self._folder / f"{number}.lock"):
                try:
                    for kind in KINDS:
                        _make_ready(self._folder / f"{kind}_{number}.db")
                except PermissionError:  # another user's files beside a lock that we may take
                    lock.close()
                    continue
                return str(number), lock
        raise AssertionError("unreachable")


class Counts(Collector):
    """What the processes of a folder have counted, but for what another user keeps to himself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        files = [str(path) for path in self._folder.glob("*.db") if os.access(path, os.R_OK)]
        merged: Iterable[Metric] = MultiProcessCollector.merge(files, accumulate=True)
        return merged


def clear_unused(folder: Path) -> None:
    """Remove what ended processes have counted: an installation that starts counts from nothing."""
    for path in folder.glob("*.lock"):
        if lock := _lock(path):
            with lock:
                for kind in KINDS:
                    with suppress(PermissionError):
                        (folder / f"{kind}_{path.stem}.db").unlink(missing_ok=True)


def _lock(path: Path) -> TextIO | None:
    """None where another process holds it, or another user owns it."""
    try:
        lock = path.open("a")
    except PermissionError:
        if path.exists():
            return None
        raise
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _make_ready(path: Path) -> None:
    """A file with room in it; a new one where the old is not as prometheus_client wrote it."""
    if path.exists() and not _is_whole(path):
        path.unlink()
    if not path.exists():
        beside = path.with_suffix(".new")
        beside.write_bytes(bytes(FILE_BYTES))
        beside.replace(path)


def _is_whole(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            num_used = int.from_bytes(file.read(4), sys.byteorder, signed=True)
        MultiProcessCollector.merge([str(path)])
    except Exception:  # cut off or overwritten, it fails in every way there is
        return False
    return 0 <= num_used <= path.stat().st_size >= FILE_BYTES
