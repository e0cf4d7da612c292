"""How each measured picture was answered, read line by line from the bundle's `outcomes.jsonl`.

The first line says what the others are; a line that is none is passed over, and so much at most is
read for a page.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webapp.studio.reports import values

MAX_BYTES_A_PAGE = 8 * 2**20  # some 40,000 pictures, a fraction of a second
MAX_HEADER_BYTES = 4 * 2**20
MAX_LINE_BYTES = 64 * 2**10
MAX_LABELS = 100


@dataclass(frozen=True)
class Outcome:
    """A picture's answer. `path`: below the data folder. Classes are places in the class names."""

    path: str
    labels: tuple[int, ...]
    predicted: tuple[int, ...]
    confidence: float | None
    is_outlier: bool


@dataclass(frozen=True)
class Found:
    """Some of those looked for. `more_at`: where to go on; None where all of the file was read.
    `is_cut`: it was not, although there was room for more."""

    outcomes: tuple[Outcome, ...]
    more_at: int | None
    is_cut: bool


def find_outcomes(
    path: Path,
    class_names: list[str],
    is_wanted: Callable[[Outcome], bool],
    *,
    start: int,
    limit: int,
) -> Found:
    """The first `limit` wanted ones from the place `start` in the file, 0 for its beginning.

    Raises ValueError for a file that is not of these classes, and OSError.
    """
    with path.open("rb") as file:
        header = _object(file.readline(MAX_HEADER_BYTES))
        if header is None or header.get("class_names") != class_names:
            raise ValueError("Expected the answers of a version with the same classes.")
        if start > file.tell():
            file.seek(min(start, path.stat().st_size))
        found: list[Outcome] = []
        num_left = MAX_BYTES_A_PAGE
        while num_left > 0 and len(found) < limit and (line := file.readline(MAX_LINE_BYTES)):
            num_left -= len(line)
            outcome = _outcome(_object(line), len(class_names))
            if outcome is not None and is_wanted(outcome):
                found.append(outcome)
        more_at = file.tell()
        is_over = not file.read(1)
    return Found(tuple(found), None if is_over else more_at, not is_over and len(found) < limit)


def _outcome(content: Mapping[str, Any] | None, num_classes: int) -> Outcome | None:
    if content is None:
        return None
    path = content.get("path")
    labels = _classes(content.get("labels"), num_classes)
    predicted = _classes(content.get("predicted"), num_classes)
    if not isinstance(path, str) or labels is None or predicted is None:
        return None
    return Outcome(
        path=path,
        labels=labels,
        predicted=predicted,
        confidence=values.number(content, "confidence"),
        is_outlier=content.get("is_outlier") is True,
    )


def _classes(value: Any, num_classes: int) -> tuple[int, ...] | None:
    if not isinstance(value, list) or len(value) > MAX_LABELS:
        return None
    if not all(type(each) is int and 0 <= each < num_classes for each in value):
        return None
    return tuple(value)


def _object(line: bytes) -> Mapping[str, Any] | None:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
