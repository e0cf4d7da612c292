"""ZIPs that are being received: in pieces, below the data folder, until a dataset is made of them.

Each lies in a folder named by who sends it and by the file's own name, size and time: whoever chooses
the same file again, after a break or on a page that was loaded anew, goes on where it was.
"""

import errno
import fcntl
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath

from django.conf import settings
from django.utils.crypto import salted_hmac

from training.sources.archive_rules import DEFAULT_LIMITS, MEGABYTE
from webapp.accounts.models import User
from webapp.studio.datasets.refusals import UploadRefused

# One request brings at most so much; within what any form may be.
PIECE_BYTES = 2 * MEGABYTE
MAX_FILE_NAME_CHARACTERS = 200
UNTOUCHED_SECONDS = 24 * 3600
_KEY = re.compile(r"[0-9a-f]{32}")
_FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Incoming:
    """A ZIP of which a part may be there. `num_bytes`: of the whole file, as it was announced."""

    key: str
    file_name: str
    num_bytes: int
    name: str  # of the dataset, as its curator wrote it; empty: as the file is called

    @property
    def folder(self) -> Path:
        return root() / self.key

    @property
    def file(self) -> Path:
        return self.folder / "part.zip"

    @property
    def num_received(self) -> int:
        try:
            return self.file.stat().st_size
        except FileNotFoundError:
            return 0

    @property
    def is_complete(self) -> bool:
        return self.num_received == self.num_bytes


def root() -> Path:
    return Path(settings.DATA_DIR) / "incoming"


def incoming_begin(
    *, user: User, file_name: str, num_bytes: int, modified: str, name: str = ""
) -> Incoming:
    """The place of that file, with what has come of it before. Raises UploadRefused."""
    file_name = PurePath(file_name.replace("\\", "/")).name[-MAX_FILE_NAME_CHARACTERS:]
    if not file_name.lower().endswith(".zip"):
        raise UploadRefused("no_zip", name=file_name)
    if num_bytes <= 0:
        raise UploadRefused("empty")
    if num_bytes > DEFAULT_LIMITS.max_bytes:
        raise UploadRefused(
            "too_large",
            max_megabytes=DEFAULT_LIMITS.max_bytes // MEGABYTE,
            megabytes=num_bytes // MEGABYTE,
        )
    marks = json.dumps([user.pk, file_name, num_bytes, modified])
    key = salted_hmac("studio.incoming", marks, algorithm="sha256").hexdigest()[:32]
    incoming = Incoming(key, file_name, num_bytes, name)
    incoming.folder.mkdir(parents=True, exist_ok=True)
    _expect_space(incoming)
    _write_down(incoming)
    return incoming


def incoming_get(key: str) -> Incoming | None:
    """What was begun under that key, if it was and is still there."""
    if not _KEY.fullmatch(key):
        return None
    try:
        return Incoming(**json.loads((root() / key / "upload.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def incoming_append(*, incoming: Incoming, at: int, piece: bytes) -> int:
    """Add a piece where the last one ended; how many bytes there are now.

    One that belongs elsewhere changes nothing: the sender learns from the number where to go on. So a
    piece that is sent twice, or by two pages at once, is there once. Raises UploadRefused.
    """
    try:
        file = os.open(incoming.file, os.O_WRONLY | os.O_CREAT, 0o600)
    except FileNotFoundError as error:
        raise UploadRefused("not_understood") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        num_bytes = os.fstat(file).st_size
        if at != num_bytes:
            return num_bytes
        if num_bytes + len(piece) > incoming.num_bytes:
            raise UploadRefused("not_understood")
        try:
            written = 0
            while written < len(piece):
                written += os.pwrite(file, piece[written:], num_bytes + written)
        except OSError as error:
            os.ftruncate(file, num_bytes)
            if error.errno in _FULL_DISK:
                raise UploadRefused("disk_full") from error
            raise
        return num_bytes + len(piece)
    finally:
        os.close(file)


def incoming_drop(*, key: str) -> None:
    """Leave nothing of it."""
    if _KEY.fullmatch(key):
        shutil.rmtree(root() / key, ignore_errors=True)


def incoming_sweep(*, kept: Collection[str]) -> int:
    """Remove what nobody has sent a piece of for a day, but those `kept`; returns how many."""
    num_removed = 0
    until = time.time() - UNTOUCHED_SECONDS
    for folder in root().iterdir() if root().is_dir() else ():
        if not _KEY.fullmatch(folder.name) or folder.name in kept:
            continue
        try:
            touched = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
        except OSError:  # goes away by itself just now
            continue
        if touched < until:
            incoming_drop(key=folder.name)
            num_removed += 1
    return num_removed


def _expect_space(incoming: Incoming) -> None:
    """Pictures hardly get smaller by packing: what is unpacked is about as large as the ZIP."""
    to_come = incoming.num_bytes - incoming.num_received
    needed = to_come + incoming.num_bytes + settings.MIN_FREE_MB * MEGABYTE
    missing = needed - shutil.disk_usage(incoming.folder).free
    if missing > 0:
        raise UploadRefused(
            "no_space",
            megabytes=needed // MEGABYTE + 1,
            missing_megabytes=missing // MEGABYTE + 1,
        )


def _write_down(incoming: Incoming) -> None:
    beside = incoming.folder / f".{uuid.uuid4()}.json"
    beside.write_text(json.dumps(asdict(incoming)), encoding="utf-8")
    beside.replace(incoming.folder / "upload.json")
