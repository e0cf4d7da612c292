"""What was computed of a picture before, kept by the picture's hash, for the next training.

One SQLite file: facts of each picture, and the features of each under a key that names the network
that made them. A cache may be deleted at any time; one that is damaged is moved aside and made anew,
one that cannot be written to (a full disk) costs the next training its time and this one nothing.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

FILE_NAME = "features.sqlite"
# In the file's user_version; another number means another layout, and the old file is left behind.
LAYOUT_VERSION = 2
CHUNK = 500
MAX_BYTES = 20 * 2**30
# How long one process waits for another that is writing.
TIMEOUT_SECONDS = 60

_LAYOUT = """
CREATE TABLE IF NOT EXISTS facts (sha256 BLOB PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS networks (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, used_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS features (
    network INTEGER NOT NULL REFERENCES networks(id), view TEXT NOT NULL, sha256 BLOB NOT NULL,
    vector BLOB NOT NULL, UNIQUE (network, view, sha256)
);
"""

T = TypeVar("T")


class Cache:
    """Facts and features by hash. Not for several threads at once; several processes may share it."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError when `folder` cannot be made."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._unwritten: dict[bytes, bytes] = {}
        self._path = folder / FILE_NAME
        self._database = self._opened()

    def close(self) -> None:
        self._database.close()

    def facts(self, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        """The records of those hashes that have one."""
        found = self._by_hash("SELECT sha256, record FROM facts WHERE sha256 IN ({})", (), hashes)
        if self._unwritten:
            found.update({h: self._unwritten[h] for h in hashes if h in self._unwritten})
        return found

    def keep_facts(self, records: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep records; this run finds them again even where the disk does not take them."""
        rows = list(records)
        is_kept = self._write(
            lambda: self._database.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", rows)
        )
        if not is_kept:
            self._unwritten.update(rows)

    def features(
        self, key: str, view: str, hashes: Sequence[bytes]
    ) -> dict[bytes, NDArray[np.float32]]:
        """The embeddings float32 `[D]` of those hashes that have one under this key."""
        question = (
            "SELECT sha256, vector FROM features JOIN networks ON networks.id = network"
            " WHERE key = ? AND view = ? AND sha256 IN ({})"
        )
        found = self._by_hash(question, (key, view), hashes)
        if found:
            used = "UPDATE networks SET used_at = ? WHERE key = ?"
            self._write(lambda: self._database.execute(used, (time.time(), key)))
        return {sha256: np.frombuffer(vector, dtype="<f4") for sha256, vector in found.items()}

    def keep_features(
        self, key: str, view: str, vectors: Iterable[tuple[bytes, NDArray[np.float32]]]
    ) -> None:
        def write() -> None:
            self._database.execute(
                "INSERT INTO networks (key, used_at) VALUES (?, ?)"
                " ON CONFLICT (key) DO UPDATE SET used_at = excluded.used_at",
                (key, time.time()),
            )
            [(network,)] = self._database.execute("SELECT id FROM networks WHERE key = ?", (key,))
            rows = ((network, view, sha256, v.astype("<f4").tobytes()) for sha256, v in vectors)
            self._database.executemany("INSERT OR REPLACE INTO features VALUES (?, ?, ?, ?)", rows)

        self._write(write)

    def prune(self, max_bytes: int = MAX_BYTES) -> None:
        """Forget the networks used longest ago until the file is small enough."""

        def forget() -> None:
            oldest = "SELECT id FROM networks ORDER BY used_at"
            for (network,) in self._database.execute(oldest).fetchall():
                if self._used_bytes() <= max_bytes:
                    return
                self._database.execute("DELETE FROM features WHERE network = ?", (network,))
                self._database.execute("DELETE FROM networks WHERE id = ?", (network,))
                self._database.commit()  # one by one, so that the log beside the file stays small

        self._write(forget)

    def _opened(self) -> sqlite3.Connection:
        """The file's database; one in memory where the file cannot be opened just now (a full disk,
        another process that does not let go of it)."""
        try:
            return self._connected(self._path)
        except sqlite3.OperationalError as error:
            logger.warning("%s cannot be opened (%s); going on without it", self._path, error)
            return self._connected(":memory:")
        except sqlite3.DatabaseError as error:
            self._move_aside(error)
            return self._connected(self._path)

    def _connected(self, path: Path | str) -> sqlite3.Connection:
        database = sqlite3.connect(path, timeout=TIMEOUT_SECONDS)
        try:
            [(version,)] = database.execute("PRAGMA user_version")
            if version not in (0, LAYOUT_VERSION):
                raise sqlite3.DatabaseError(f"layout {version}, expected {LAYOUT_VERSION}")
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            if version == 0:
                database.executescript(_LAYOUT)
                database.execute(f"PRAGMA user_version = {LAYOUT_VERSION}")
        except sqlite3.DatabaseError:
            database.close()
            raise
        return database

    def _move_aside(self, error: sqlite3.DatabaseError) -> None:
        aside = self._path.with_suffix(f".damaged-{time.time():.0f}")
        logger.warning("%s cannot be used (%s); it is now %s", self._path, error, aside.name)
        for suffix in ("", "-wal", "-shm"):
            part = Path(f"{self._path}{suffix}")
            if part.exists():
                part.rename(f"{aside}{suffix}")

    def _replace_if_damaged(self, error: sqlite3.DatabaseError) -> None:
        """Some damage shows only when the page is read; other errors (full, locked) have classes."""
        if type(error) is sqlite3.DatabaseError:
            self._database.close()
            self._move_aside(error)
            self._database = self._opened()

    def _by_hash(
        self, question: str, values: tuple[str, ...], hashes: Sequence[bytes]
    ) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        for start in range(0, len(hashes), CHUNK):
            chunk = hashes[start : start + CHUNK]
            asked = question.format(", ".join("?" * len(chunk)))
            try:
                found.update(self._database.execute(asked, (*values, *chunk)).fetchall())
            except sqlite3.DatabaseError as error:
                logger.warning("%s could not be read (%s); computing instead", self._path, error)
                self._replace_if_damaged(error)
        return found

    def _write(self, write: Callable[[], T]) -> bool:
        try:
            with self._database:
                write()
        except sqlite3.DatabaseError as error:
            logger.warning("%s could not be written (%s); going on", self._path, error)
            self._replace_if_damaged(error)
            return False
        return True

    def _used_bytes(self) -> int:
        [(num_pages,)] = self._database.execute("PRAGMA page_count")
        [(num_free,)] = self._database.execute("PRAGMA freelist_count")
        [(page_size,)] = self._database.execute("PRAGMA page_size")
        return int((num_pages - num_free) * page_size)
