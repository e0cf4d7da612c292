"""What a bundle says of each picture it was measured on: read, without numpy and a line at a time.

What lies in the files, `exports/outcomes.py` tells, which writes them.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from training.bundle_files import LEARNED, OUTCOMES

DIGEST_BYTES = 32
DIGESTS_AT_ONCE = 10_000


@dataclass(frozen=True)
class Outcome:
    """What one picture shows and what was said of it, by the classes' names. `sha256`: hexadecimal."""

    sha256: str
    path: str
    truth: frozenset[str]
    predicted: frozenset[str]
    confidence: float
    is_outlier: bool


@dataclass(frozen=True)
class Outcomes:
    """The outcomes in a bundle. Iterating reads the file anew."""

    path: Path
    measured_on: str
    head: str
    class_names: tuple[str, ...]

    def __iter__(self) -> Iterator[Outcome]:
        names = self.class_names
        with self.path.open(encoding="ascii") as file:
            next(file)
            for line in file:
                told = json.loads(line)
                yield Outcome(
                    sha256=told["sha256"],
                    path=told["path"],
                    truth=frozenset(names[i] for i in told["labels"]),
                    predicted=frozenset(names[i] for i in told["predicted"]),
                    confidence=told["confidence"],
                    is_outlier=told["is_outlier"],
                )


def open_outcomes(bundle: Path) -> Outcomes | None:
    """The outcomes in a bundle's folder; None where it has none, as older ones have not."""
    path = bundle / OUTCOMES
    try:
        with path.open(encoding="ascii") as file:
            head = json.loads(next(file))
    except FileNotFoundError:
        return None
    return Outcomes(path, head["measured_on"], head["head"], tuple(head["class_names"]))


def learned_among(bundle: Path, digests: Collection[str]) -> set[str] | None:
    """Which of these SHA-256, hexadecimal, are of pictures that the bundle in a folder has learned from;
    None where it does not say."""
    wanted = {bytes.fromhex(digest) for digest in digests}
    found = set()
    try:
        with (bundle / LEARNED).open("rb") as file:
            while block := file.read(DIGEST_BYTES * DIGESTS_AT_ONCE):
                for start in range(0, len(block), DIGEST_BYTES):
                    digest = block[start : start + DIGEST_BYTES]
                    if digest in wanted:
                        found.add(digest.hex())
    except FileNotFoundError:
        return None
    return found
