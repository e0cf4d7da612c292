"""Archives that are made while they are sent: who may have one just now, and where its bytes go."""

import threading
import zipfile
from collections.abc import Generator, Iterator
from datetime import datetime

from webapp.accounts.models import User

SENT_AT_ONCE = 256 * 1024
# Each holds a thread of the web process for as long as somebody's line takes.
MAX_AT_ONCE = 4
# What a ZIP can say.
_EARLIEST, _LATEST = (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 59)


class Busy(Exception):
    """Too many downloads go on, or one of the same person."""


class Sent:
    """The bytes of an archive, in pieces. To be closed, also where nobody has asked for any: the next
    download may have to wait for it. Raises Busy."""

    def __init__(self, owner: User, pieces: Generator[bytes, None, None]) -> None:
        _turns.take(owner.pk)
        self._owner_id: int | None = owner.pk
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        self._pieces.close()
        if self._owner_id is not None:
            _turns.give_back(self._owner_id)
        self._owner_id = None


class Outlet:
    """What an archive is written to: a stream that cannot go back, and is emptied again and again."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._num_bytes = 0

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        self._num_bytes += len(data)
        return len(data)

    def flush(self) -> None:
        """There is nothing behind it."""

    def is_full(self) -> bool:
        return self._num_bytes >= SENT_AT_ONCE

    def take(self) -> bytes:
        data = b"".join(self._pieces)
        self._pieces, self._num_bytes = [], 0
        return data


def entry(name: str, at: datetime) -> zipfile.ZipInfo:
    """A file in an archive. Pictures do not get smaller, and are written at level 0; they are wrapped as
    deflated all the same: programs that read an archive as it comes cannot tell where a stored one ends."""
    moment = (at.year, at.month, at.day, at.hour, at.minute, at.second)
    info = zipfile.ZipInfo(name, min(max(moment, _EARLIEST), _LATEST))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    return info


class _Turns:
    """Who is downloading, in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owners: set[int] = set()

    def take(self, owner_id: int) -> None:
        with self._lock:
            if owner_id in self._owners or len(self._owners) >= MAX_AT_ONCE:
                raise Busy
            self._owners.add(owner_id)

    def give_back(self, owner_id: int) -> None:
        with self._lock:
            self._owners.discard(owner_id)


_turns = _Turns()
