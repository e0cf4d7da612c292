"""Pictures in folders named by their labels, as a ZIP that is written while it is sent.

`zipfile` keeps a table of contents in memory, half a kilobyte for each entry, and writes it at once. Here
it waits in a temporary file, and so an archive may be as long as a history is. Pictures do not get
smaller, so they are stored as they are; their size and checksum stand before them, for programs that
read an archive as it comes. Sizes and places beyond 4 GB are written as ZIP64 (APPNOTE 6.3.10, 4.3 to
4.5).
"""

import struct
import tempfile
import zlib
from collections.abc import Generator
from datetime import datetime
from typing import IO

from webapp.predictions import pictures
from webapp.predictions.downloads import Outlet
from webapp.predictions.folders import Folders, file_name_for
from webapp.predictions.history import HistoryFilters
from webapp.predictions.models import Prediction, PredictionQuerySet
from webapp.predictions.paging import Key, keys_beyond

CHUNK_ROWS = 500
# Of the table of contents: what may stay in memory, and what is read of it at once.
TABLE_IN_MEMORY, TABLE_AT_ONCE = 1024 * 1024, 64 * 1024
_FIELDS = (
    *("created_at", "pk", "public_id", "file_name", "picture_name", "label", "is_outlier"),
    *("state", "verdict", "true_label"),
)
_VERSION, _UNIX, _UTF8 = 45, 3 << 8, 0x800
_UNKNOWN, _READ_WRITE = 0xFFFFFFFF, 0o100600 << 16


def labelled_folders(
    rows: PredictionQuerySet, filters: HistoryFilters
) -> Generator[bytes, None, None]:
    """The answered ones of `rows` that are meant, newest first, each in the folder of its label."""
    outlet, folders = Outlet(), Folders()
    meant = filters.matching(rows).order_by("-created_at", "-id")
    with tempfile.SpooledTemporaryFile(max_size=TABLE_IN_MEMORY) as table:
        writer = _Writer(outlet, table)
        chunk = list(meant.only(*_FIELDS)[:CHUNK_ROWS])
        while chunk:
            for row in chunk:
                _add(writer, folders, row)
                if outlet.is_full():
                    yield outlet.take()
            if len(chunk) < CHUNK_ROWS:
                break
            older = keys_beyond(meant, Key(chunk[-1].created_at, chunk[-1].pk))
            chunk = list(older.only(*_FIELDS)[:CHUNK_ROWS])
        yield outlet.take()
        yield from writer.table_of_contents()


def _add(writer: "_Writer", folders: Folders, row: Prediction) -> None:
    folder = folders.folder_of(row)
    if folder is None or not row.picture_name:
        return
    try:
        data = pictures.path_of(row.picture_name).read_bytes()
    except OSError:
        return  # lost, or removed a moment ago; the others are worth having
    writer.add(f"{folder}/{file_name_for(row)}", data, row.created_at)


class _Writer:
    """Entries go to `outlet`, their lines of the table of contents to `table` until the end."""

    def __init__(self, outlet: Outlet, table: IO[bytes]) -> None:
        self._outlet, self._table = outlet, table
        self._num_entries = self._place = self._table_size = 0

    def add(self, name: str, data: bytes, at: datetime) -> None:
        encoded, crc, size = name.encode(), zlib.crc32(data), len(data)
        time = at.hour << 11 | at.minute << 5 | at.second // 2
        day = min(127, max(0, at.year - 1980)) << 9 | at.month << 5 | at.day
        said = (_UTF8, 0, time, day, crc, size, size, len(encoded))
        head = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", _VERSION, *said, 0) + encoded
        place = struct.pack("<HHQ", 1, 8, self._place)
        line = struct.pack(
            "<4sHHHHHHIIIHHHHHII",
            b"PK\1\2",
            _UNIX | _VERSION,
            _VERSION,
            *said,
            len(place),
            *(0, 0, 0, _READ_WRITE, _UNKNOWN),
        )
        self._outlet.write(head)
        self._outlet.write(data)
        self._table.write(line + encoded + place)
        self._num_entries += 1
        self._place += len(head) + size
        self._table_size += len(line) + len(encoded) + len(place)

    def table_of_contents(self) -> Generator[bytes, None, None]:
        self._table.seek(0)
        while piece := self._table.read(TABLE_AT_ONCE):
            yield piece
        number, size, end = self._num_entries, self._table_size, self._place + self._table_size
        yield struct.pack(
            "<4sQHHIIQQQQ",
            *(b"PK\6\6", 44, _UNIX | _VERSION, _VERSION, 0, 0, number, number, size, self._place),
        )
        yield struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)
        many = min(number, 0xFFFF)
        yield struct.pack(
            "<4sHHHHIIH", b"PK\5\6", 0, 0, many, many, min(size, _UNKNOWN), _UNKNOWN, 0
        )
