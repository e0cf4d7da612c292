"""Checkpoints: all that a killed training needs to go on as if nothing had happened.

A file is a line of JSON (format, key, facts, names of the arrays), then the arrays one after another
in numpy's own format, without pickles, then the SHA-256 of all that. It is written beside, flushed to
the disk and renamed, and the one before it stays until the next: a kill or a power cut at any moment
leaves one that is whole.
"""

import hashlib
import json
import logging
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.lib import format as numpy_format
from numpy.typing import NDArray

from classifier import disk

logger = logging.getLogger(__name__)

FORMAT = "ocellus checkpoint 1"
PARTIAL = "step.partial"
DIGEST_BYTES = hashlib.sha256().digest_size
MAX_HEADER_BYTES = 64 * 2**20
_NAME = re.compile(r"step-(\d{12})\.checkpoint")


class Saved(NamedTuple):
    """What a checkpoint holds: plain facts, and groups of arrays."""

    facts: dict[str, Any]
    arrays: dict[str, list[NDArray[Any]]]


@dataclass(frozen=True)
class Checkpoints:
    """Where the checkpoints of one phase lie, how often they are written, and whose they are.

    `key`: a digest of everything that determines the result (settings, dataset, versions, phase);
    checkpoints with another one are not used. `seconds`: between two of them.
    """

    folder: Path
    key: str
    seconds: float = 60.0

    def save(
        self, step: int, facts: Mapping[str, Any], arrays: Mapping[str, Iterable[NDArray[Any]]]
    ) -> None:
        """Keep this as the newest checkpoint and the one before as the only other. Raises OSError.

        `facts` are JSON; floats come back bit by bit.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"step-{step:012d}.checkpoint"
        partial = self.folder / PARTIAL  # one name: a kill leaves one of them at most
        groups = {name: list(group) for name, group in arrays.items()}
        header = {
            "format": FORMAT,
            "key": self.key,
            "facts": facts,
            "arrays": {name: len(group) for name, group in groups.items()},
        }
        try:
            with partial.open("wb") as file:
                hashing = _Hashing(file)
                hashing.write(json.dumps(header).encode() + b"\n")
                for group in groups.values():
                    for array in group:
                        # Not ascontiguousarray, which makes a scalar one-dimensional.
                        numpy_format.write_array(
                            hashing, np.asarray(array, order="C"), allow_pickle=False
                        )
                file.write(hashing.digest())
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        disk.sync(self.folder)
        self._forget_all_but(path)

    def load(self) -> Saved | None:
        """The newest checkpoint that is whole and has this key; None where there is none.

        What cannot be used is skipped with a warning.
        """
        for path in self._paths():
            try:
                return self._read(path)
            except (OSError, ValueError, KeyError, TypeError) as error:
                logger.warning("Going on without the checkpoint %s: %s", path, error)
        return None

    def _read(self, path: Path) -> Saved:
        with path.open("rb") as file:
            _verify(file)
            header = json.loads(file.readline(MAX_HEADER_BYTES))
            if header["format"] != FORMAT:
                raise ValueError(f"expected {FORMAT!r}, received {header['format']!r}")
            if header["key"] != self.key:
                raise ValueError("it belongs to a training with other settings or pictures")
            arrays = {
                name: [numpy_format.read_array(file, allow_pickle=False) for _ in range(number)]
                for name, number in header["arrays"].items()
            }
        return Saved(header["facts"], arrays)

    def _paths(self) -> list[Path]:
        """The checkpoints, the newest first."""
        try:
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        return [self.folder / name for name in sorted(filter(_NAME.fullmatch, names), reverse=True)]

    def _forget_all_but(self, path: Path) -> None:
        """Remove what is older than the one before `path`; and what is ahead of it, as that was
        damaged or another training's."""
        older = [other for other in self._paths() if other.name < path.name]
        for other in self._paths():
            if other != path and other not in older[:1]:
                other.unlink(missing_ok=True)


class _Hashing:
    """A file for writing that knows the digest of what went through it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        return self._file.write(data)

    def digest(self) -> bytes:
        return self._hash.digest()


def _verify(file: BinaryIO) -> None:
    """Check the SHA-256 at the end of a file, and leave the file at its start. Raises ValueError."""
    left = os.fstat(file.fileno()).st_size - DIGEST_BYTES
    hashed = hashlib.sha256()
    while left > 0 and (block := file.read(min(left, 2**20))):
        hashed.update(block)
        left -= len(block)
    if left or file.read() != hashed.digest():
        raise ValueError("it is damaged")
    file.seek(0)
