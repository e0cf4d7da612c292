"""What a list of pictures is held to: its lines are text, its paths stay below its folder, exist,
and come once. Told with the file, line and column that a curator has to correct."""

import os
import posixpath
from array import array
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

import numpy as np

from training.errors import DatasetRefused
from training.sources.errors import ListRefused
from training.sources.index import Index
from training.sources.names import ClassNames, shown

MAX_LINE_LENGTH = 65_536


class Place(NamedTuple):
    """Where in a list a value stands. A tuple, as one is made for each value."""

    file: Path
    line: int
    column: str

    def refuse(self, code: str, received: str, **params: object) -> ListRefused:
        """The error to raise for that value."""
        return ListRefused(
            code,
            file=self.file.name,
            line=self.line,
            column=shown(self.column),
            received=shown(received),
            **params,
        )


def class_name(label: str, names: ClassNames, place: Place) -> str:
    """The class that a value names. Raises ListRefused for a second spelling in another case."""
    try:
        return names.keep(label)
    except DatasetRefused as error:
        raise place.refuse("case", label, other=error.params["other"]) from error


def read_lines(file: Path) -> Iterator[str]:
    """The lines of a list with their ends. Bytes that are no UTF-8 come through as surrogates, for
    `Place` to name their column. Raises ListRefused."""
    try:
        with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
            # Not a plain loop: what is no list at all may have no line's end for gigabytes.
            number = 0
            while line := lines.readline(MAX_LINE_LENGTH):
                number += 1
                if len(line) == MAX_LINE_LENGTH:
                    raise ListRefused("long_line", file=file.name, line=number, limit=len(line))
                yield line
    except OSError as error:
        raise ListRefused("unreadable", file=file.name, problem=error.strerror) from error


class ListedPaths:
    """Checks the paths of one list. Keeps 12 bytes for each: a hash, to find what comes twice, and
    the line."""

    def __init__(self, root: Path) -> None:
        self._root = os.fspath(root)
        self._real_root = os.path.realpath(root)
        self._hashes = array("q")
        self._lines = array("i")
        # Pictures of one folder mostly stand together; a list need not be kept for the rest.
        self._leads_outside = lru_cache(maxsize=4096)(self._folder_leads_outside)

    def keep(self, path: str, place: Place) -> str:
        """The path as an index has it, relative to the root. Raises ListRefused."""
        inside = _normalised(path)
        if inside is None:
            raise place.refuse("outside", path)
        found = spelling_of(inside, self._root)
        if found is None:
            raise place.refuse("missing", path)
        if self._leads_outside(posixpath.dirname(found)):
            raise place.refuse("outside", path)
        self._hashes.append(hash(found))
        self._lines.append(place.line)
        return found

    def refuse_repeated(self, index: Index, place: Place) -> None:
        """Raises ListRefused for the first path that came before. `index` has what was kept, in
        order; `place` tells the file and the column."""
        hashes = np.frombuffer(self._hashes, dtype=np.int64)
        order = np.argsort(hashes, kind="stable")
        equal = np.flatnonzero(hashes[order[1:]] == hashes[order[:-1]])
        # Different paths may have one hash, so the paths decide.
        pairs = [(int(order[i + 1]), int(order[i])) for i in equal]
        repeated = [pair for pair in pairs if index.paths[pair[0]] == index.paths[pair[1]]]
        if repeated:
            again, first = min(repeated)
            here = Place(place.file, self._lines[again], place.column)
            raise here.refuse("twice", index.paths[again], first=self._lines[first])

    def _folder_leads_outside(self, folder: str) -> bool:
        real = os.path.realpath(f"{self._root}/{folder}")
        return os.path.commonpath((real, self._real_root)) != self._real_root


def spelling_of(path: str, root: str) -> str | None:
    """A path below `root` as the disk spells it; None where there is no such file."""
    spellings = _spellings(path)
    return next((each for each in spellings if os.path.isfile(f"{root}/{each}")), None)  # noqa: PTH113 - a Path costs five times it


def _normalised(path: str) -> str | None:
    """Without `.`, `..` and doubled slashes; None when that leads out of the folder."""
    if "//" in path or "/." in path or path.startswith(("/", ".")) or path.endswith("/"):
        path = posixpath.normpath(path)
    if path.startswith(("/", "../")) or path in {".", ".."}:
        return None
    return path


def _spellings(path: str) -> Iterator[str]:
    """As the list has it; then as another system's file names have the same letters."""
    yield path
    if not path.isascii():
        yield normalize("NFC", path)
        yield normalize("NFD", path)
