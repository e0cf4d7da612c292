"""A ZIP to a folder: judged by its directory before anything is written, counted while it is."""

import errno
import io
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from classifier.images import FILE_SUFFIXES
from training.sources.archive_rules import (
    DEFAULT_LIMITS,
    MEGABYTE,
    ArchiveLimits,
    Entry,
    checked_entries,
)
from training.sources.cub import IMAGES
from training.sources.errors import ArchiveRefused
from training.sources.names import shown

_ENTRY_SIGNATURE = b"PK\x01\x02"
_DIRECTORY_BYTES_PER_FILE = 256  # 46 and the name, mostly
_BLOCK_BYTES = 4096  # what a file takes at least on most disks
_COPIED_BYTES = 2**18
_FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


def extracted(
    path: Path,
    into: Path,
    limits: ArchiveLimits = DEFAULT_LIMITS,
    *,
    on_fraction: Callable[[float], None] = lambda fraction: None,
) -> Path:
    """The labelled folder that a ZIP holds, unpacked: `into`, or the one folder that all lies in.

    `into` is a new or empty folder, and is empty again after a refusal. What systems add on their
    own (hidden files, `__MACOSX`, `Thumbs.db`) is left out. `on_fraction` is told after each file how
    much is written, 0 to 1; what it raises stops it. Raises ArchiveRefused, and OSError when the disk
    fails in another way than being full.
    """
    into.mkdir(parents=True, exist_ok=True)
    if any(into.iterdir()):
        raise FileExistsError(errno.EEXIST, "Expected an empty folder", str(into))
    with _opened(path, limits) as archive:
        entries = checked_entries(archive, path.stat().st_size, limits)
        num_bytes = sum(entry.num_bytes for entry in entries) + _BLOCK_BYTES * len(entries)
        _check_space(into, num_bytes)
        try:
            _write(archive, entries, into, on_fraction)
        except BaseException as error:
            for child in into.iterdir():
                shutil.rmtree(child) if child.is_dir() else child.unlink()
            if isinstance(error, OSError) and error.errno in _FULL_DISK:
                raise _no_space(into, num_bytes) from error
            raise
    return _labelled_folder(into)


@contextmanager
def _opened(path: Path, limits: ArchiveLimits) -> Iterator[zipfile.ZipFile]:
    try:
        counted = _CountedDirectory(path, limits)
    except OSError as error:
        raise ArchiveRefused("no_zip", path=path, problem=error.strerror) from error
    with counted as file:
        try:
            archive = zipfile.ZipFile(file)
        except ArchiveRefused:
            raise
        except UnicodeDecodeError as error:
            name = error.object.decode(errors="backslashreplace")
            raise ArchiveRefused("odd_name", name=shown(name)) from error
        except Exception as error:
            # Hostile bytes fail in every way there is: BadZipFile, struct.error, UnicodeDecodeError,
            # NotImplementedError, ValueError ... For the caller they all mean the same.
            raise ArchiveRefused("no_zip", path=path, problem=shown(str(error))) from error
        file.is_open = True
        yield archive


class _CountedDirectory(io.BufferedReader):
    """A file whose ZIP directory is counted before `zipfile` makes an object of each entry in it:
    46 bytes of a file would cost a kilobyte of memory."""

    def __init__(self, path: Path, limits: ArchiveLimits) -> None:
        super().__init__(io.FileIO(path))
        self._limits = limits
        self.is_open = False

    def read(self, size: int | None = -1, /) -> bytes:
        if self.is_open:
            return super().read(size)
        max_files = self._limits.max_files
        if size is not None and size > 2**20 + max_files * _DIRECTORY_BYTES_PER_FILE:
            raise ArchiveRefused("too_many_files", max_files=max_files)
        data = super().read(size)
        if data.count(_ENTRY_SIGNATURE) > max_files:
            raise ArchiveRefused("too_many_files", max_files=max_files)
        return data


def _write(
    archive: zipfile.ZipFile,
    entries: list[Entry],
    into: Path,
    on_fraction: Callable[[float], None],
) -> None:
    folders = {into}
    num_bytes, num_written = sum(entry.num_bytes for entry in entries), 0
    for entry in entries:
        target = into / entry.path
        if target.parent not in folders:
            target.parent.mkdir(parents=True, exist_ok=True)
            folders.add(target.parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(target, flags, 0o644), "wb") as file:
            num_left = entry.num_bytes
            for data in _chunks(archive, entry):
                num_left -= len(data)
                if num_left < 0:
                    break
                file.write(data)
        if num_left:
            problem = f"not the {entry.num_bytes} bytes that the directory declares"
            raise ArchiveRefused("damaged", name=shown(entry.path), problem=problem)
        num_written += entry.num_bytes
        on_fraction(num_written / max(1, num_bytes))


def _chunks(archive: zipfile.ZipFile, entry: Entry) -> Iterator[bytes]:
    try:
        with archive.open(entry.info) as packed:
            while data := packed.read(_COPIED_BYTES):
                yield data
    except Exception as error:  # as above; the CRC fails here, too
        problem = shown(str(error) or type(error).__name__)
        raise ArchiveRefused("damaged", name=shown(entry.path), problem=problem) from error


def _check_space(into: Path, num_bytes: int) -> None:
    if shutil.disk_usage(into).free < num_bytes:
        raise _no_space(into, num_bytes)


def _no_space(into: Path, num_bytes: int) -> ArchiveRefused:
    free = shutil.disk_usage(into).free // MEGABYTE
    return ArchiveRefused("no_space", megabytes=num_bytes // MEGABYTE + 1, free_megabytes=free)


def _labelled_folder(folder: Path) -> Path:
    """Below folders that only wrap another one. One that has pictures is a class; one that has a
    list is a dataset."""
    while True:
        folders, has_pictures, has_list = _contents(folder)
        if len(folders) != 1 or has_pictures or has_list:
            return folder
        inner_folders, has_pictures, has_list = _contents(folders[0])
        if not has_list and (has_pictures or not inner_folders):
            return folder
        folder = folders[0]


def _contents(folder: Path) -> tuple[list[Path], bool, bool]:
    """The subfolders; whether there are pictures; whether there is a list of pictures."""
    folders = []
    has_pictures = has_list = False
    with os.scandir(folder) as entries:
        for entry in entries:
            suffix = PurePosixPath(entry.name).suffix.lower()
            if entry.is_dir():
                folders.append(folder / entry.name)
            elif suffix in FILE_SUFFIXES:
                has_pictures = True
            elif suffix == ".csv" or entry.name == IMAGES:
                has_list = True
    return folders, has_pictures, has_list
