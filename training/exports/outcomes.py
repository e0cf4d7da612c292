"""What a version said of each picture it was measured on, and what it has learned from, for those who
compare versions later.

`outcomes.jsonl`: a line that says what was measured, then a line a picture:

    {"measured_on": "test", "head": "softmax", "class_names": ["bee", "wasp"]}
    {"sha256": "…", "path": "…", "labels": [0], "predicted": [1], "confidence": 0.61, "is_outlier": false}

`labels` and `predicted` are places in `class_names`; `confidence` is the largest probability, as a visitor
would read it. `learned.sha256`: the raw digests of all pictures of the training split, sorted.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from training.bundle_files import LEARNED, OUTCOMES
from training.dataset.examples import Examples
from training.dataset.preparing import Prepared
from training.evaluation.judging import Judged
from training.evaluation.measured import Measured

DIGESTS_AT_ONCE = 10_000


def write_outcomes(folder: Path, prepared: Prepared, judged: Judged) -> None:
    """`outcomes.jsonl` in a folder, in the order of the index. Raises OSError."""
    measured = judged.evaluation.measured
    head = {
        "measured_on": judged.measured_on,
        "head": measured.head,
        "class_names": list(measured.class_names),
    }
    with (folder / OUTCOMES).open("x", encoding="ascii") as file:
        file.write(json.dumps(head) + "\n")
        for outcome in _outcomes(prepared, judged):
            # A path that is no text comes back as it was: ASCII has its bytes as lone surrogates.
            file.write(json.dumps(outcome) + "\n")


def write_learned(folder: Path, examples: Examples) -> None:
    """`learned.sha256` in a folder: 32 bytes a picture. Raises OSError."""
    hashes = examples.hashes
    places = examples.places("train")
    places = places[np.lexsort(hashes[places].T[::-1])]
    with (folder / LEARNED).open("xb") as file:
        for start in range(0, len(places), DIGESTS_AT_ONCE):
            file.write(hashes[places[start : start + DIGESTS_AT_ONCE]].tobytes())


def _outcomes(prepared: Prepared, judged: Judged) -> Iterator[dict[str, object]]:
    examples, measured = prepared.examples, judged.evaluation.measured
    confidences = measured.shares.max(axis=1)
    strange = judged.known > judged.rule.threshold
    for i, place in enumerate(judged.measured.tolist()):
        yield {
            "sha256": examples.hashes[place].tobytes().hex(),
            "path": prepared.index.paths[int(examples.rows[place])],
            "labels": list(examples.label_sets[examples.labels[place]]),
            "predicted": _predicted(measured, i),
            "confidence": float(confidences[i]),
            "is_outlier": bool(strange[i]),
        }


def _predicted(measured: Measured, row: int) -> list[int]:
    if measured.head == "softmax":
        return [int(measured.predicted[row])]
    found: list[int] = np.flatnonzero(measured.decided[row]).tolist()
    return found
