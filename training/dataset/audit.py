"""What a careful curator wants to know of a dataset before anything expensive is done with it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier.images import FORMAT_NAMES
from training.dataset.duplicates import Pairs
from training.dataset.examples import Examples, Settled
from training.dataset.findings import (
    MAX_LISTED,
    Finding,
    Item,
    names_listed,
    refused,
    remarked,
    shown,
)
from training.dataset.survey import Survey
from training.errors import DatasetRefused
from training.sources.index import SPLITS, Index

MIN_TRAIN_PICTURES = 10
MAX_IMBALANCE = 10
MAX_ASPECT = 3.0
# See Survey.contrasts: below it, there is nothing to see.
MIN_CONTRAST = 2.0
# See Survey.flatness: above it, a picture shows hardly anything. Of 7,500 pictures in six datasets, bugs
# on white paper among them, that are two where the most are photographs; one says "could not be found".
MAX_FLATNESS = 0.85
# Where half of the pictures are flatter than this, that is what they are like: clothes on black, letters.
MAX_USUAL_FLATNESS = 0.3


@dataclass(frozen=True)
class Audit:
    """All findings on one dataset."""

    source: Path
    num_files: int
    examples: Examples
    findings: tuple[Finding, ...]

    def raise_if_blocked(self) -> None:
        """Raise the DatasetRefused of the first finding that blocks."""
        for finding in self.findings:
            if finding.refusal:
                raise finding.refusal

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: see `pages/schema.py`."""
        counts = class_counts(self.examples)
        return {
            "source": shown(str(self.source)),
            "num_files": self.num_files,
            "num_examples": len(self.examples),
            "classes": [
                {
                    "name": name,
                    "count": int(counts[:, label].sum()),
                    **{split: int(counts[i, label]) for i, split in enumerate(SPLITS)},
                }
                for label, name in enumerate(self.examples.class_names)
            ],
            "blocks": any(finding.refusal for finding in self.findings),
            "findings": [finding.to_dict() for finding in self.findings],
        }


def class_counts(examples: Examples) -> NDArray[np.int64]:
    """How many examples of each class are in each split, int64 `[3, C]`."""
    counts = np.zeros((len(SPLITS), len(examples.class_names)), np.int64)
    for (split, label_set), num in Counter(
        zip(examples.splits.tolist(), examples.labels.tolist(), strict=True)
    ).items():
        for label in examples.label_sets[label_set]:
            counts[split, label] += num
    return counts


def audit_files(
    index: Index, survey: Survey, settled: Settled, near: Pairs, *, image_size: int
) -> Iterator[Finding]:
    """What can be said before any features exist: what blocks first."""
    yield from refusals(index, settled.examples)
    yield from map(remarked, index.remarks)
    if survey.problems:
        items = [
            replace(_item(index, [row], str(error)), left_out=(row,), error=error)
            for row, error in sorted(survey.problems.items())
        ]
        yield Finding("unreadable", len(items), items=items)
    if settled.copies:
        num = sum(len(group) - 1 for group in settled.copies)
        items = [replace(_item(index, group), left_out=group[1:]) for group in settled.copies]
        yield Finding("copies", num, items=items)
    if settled.contradictions:
        items = [replace(_item(index, each), left_out=each) for each in settled.contradictions]
        yield Finding("contradictions", len(items), items=items)
    lost = sorted(set(index.class_names) - set(settled.examples.class_names))
    if lost:
        yield Finding("lost", len(lost), {"names": names_listed(lost)}, classes=lost[:MAX_LISTED])
    yield from near_duplicate_findings(index, settled.straddling, near)
    yield from _odd_pictures(index, survey, settled.examples, image_size)
    yield from _odd_classes(settled.examples)


def near_duplicate_findings(
    index: Index, straddling: Sequence[int], near: Pairs
) -> Iterator[Finding]:
    """What pairs of rows that look alike mean; `straddling` are those that were left out for it."""
    left_out = set(straddling)
    across = [pair for pair in near.tolist() if left_out.intersection(pair)]
    if left_out:
        items = [
            replace(_item(index, pair), left_out=tuple(row for row in pair if row in left_out))
            for pair in across
        ]
        yield Finding("straddling", len(left_out), items=items)
    within = [pair for pair in near.tolist() if not left_out.intersection(pair)]
    same = [pair for pair in within if index.labels[pair[0]] == index.labels[pair[1]]]
    other = [pair for pair in near.tolist() if index.labels[pair[0]] != index.labels[pair[1]]]
    if same:
        yield Finding("alike", len(same), items=[_item(index, pair) for pair in same])
    if other:
        yield Finding("alike_other_label", len(other), items=[_item(index, pair) for pair in other])


def suspect_finding(
    index: Index,
    examples: Examples,
    places: NDArray[np.int64],
    order: NDArray[np.int64],
    shares: NDArray[np.float64],
) -> Iterator[Finding]:
    """Examples whose label is probably wrong, from out-of-fold probabilities `[N, C]` of the `places`;
    `order`: which of them, most suspicious first."""
    if not len(order):
        return
    items = []
    for i in order:
        place = int(places[i])
        other = int(shares[i].argmax())
        names = examples.names(place)
        share = min((shares[i, examples.class_names.index(name)] for name in names), default=0.0)
        note = (
            f"labelled {', '.join(names) or 'nothing'} ({share:.0%}), "
            f"looks like {examples.class_names[other]} ({shares[i, other]:.0%})"
        )
        item = _item(index, [int(examples.rows[place])], note)
        # Of a picture with several labels, or none, it cannot be told which of them is wrong.
        suggestion = "" if index.is_multi_label else examples.class_names[other]
        shares_told = (float(share), float(shares[i, other]))
        items.append(replace(item, suggestion=suggestion, shares=shares_told))
    yield Finding("suspects", len(items), items=items)


def refusals(index: Index, examples: Examples) -> Iterator[Finding]:
    """What makes these examples nothing to learn from."""
    root = index.root
    if not len(examples):
        yield refused(DatasetRefused("no_pictures", path=root, formats=FORMAT_NAMES))
        return
    if len(examples.class_names) < 2:
        name = ", ".join(examples.class_names) or "-"
        yield refused(DatasetRefused("one_class", path=root, name=name), *examples.class_names)
        return
    counts = class_counts(examples)
    for label, name in enumerate(examples.class_names):
        if counts[:, label].sum() < 2:
            yield refused(DatasetRefused("too_few", num_pictures=1, name=name), name)
        elif not counts[0, label]:
            yield refused(DatasetRefused("only_in_val", name=name), name)
    if not counts[1].sum():
        yield refused(DatasetRefused("no_validation", path=root))


def _odd_pictures(
    index: Index, survey: Survey, examples: Examples, image_size: int
) -> Iterator[Finding]:
    rows = examples.rows
    sizes = survey.sizes[rows]
    least = max(1, image_size // 3)
    tiny = rows[sizes.min(axis=1, initial=1 << 30) < least]
    if len(tiny):
        items = [_item(index, [row], _size(survey, row)) for row in tiny.tolist()]
        yield Finding("tiny", len(tiny), {"pixels": least}, items)
    aspects = sizes.max(axis=1, initial=0) / np.maximum(sizes.min(axis=1, initial=1 << 30), 1)
    extreme = rows[aspects > MAX_ASPECT]
    if len(extreme):
        items = [_item(index, [row], _size(survey, row)) for row in extreme.tolist()]
        yield Finding("extreme", len(extreme), items=items)
    is_blank = survey.contrasts[rows] < MIN_CONTRAST
    blank = rows[is_blank]
    if len(blank):
        yield Finding("blank", len(blank), items=[_item(index, [row]) for row in blank.tolist()])
    flat = rows[(survey.flatness[rows] > MAX_FLATNESS) & ~is_blank]
    if len(flat) and np.median(survey.flatness[rows]) <= MAX_USUAL_FLATNESS:
        items = [_item(index, [row]) for row in flat.tolist()]
        yield Finding("placeholder", len(flat), items=items)


def _odd_classes(examples: Examples) -> Iterator[Finding]:
    if len(examples.class_names) < 2:
        return
    num_train = class_counts(examples)[0]
    few = np.flatnonzero(num_train < MIN_TRAIN_PICTURES)
    if len(few):
        names = names_listed([f"{examples.class_names[i]} ({num_train[i]})" for i in few])
        params = {"least": MIN_TRAIN_PICTURES, "names": names}
        some = [examples.class_names[i] for i in few[:MAX_LISTED]]
        yield Finding("few", len(few), params, classes=some)
    largest, smallest = int(num_train.argmax()), int(num_train.argmin())
    ratio = num_train[largest] / max(1, num_train[smallest])
    if ratio > MAX_IMBALANCE:
        yield Finding(
            "imbalance",
            2,
            {
                "largest": examples.class_names[largest],
                "smallest": examples.class_names[smallest],
                "ratio": f"{ratio:.0f}",
            },
            classes=[examples.class_names[largest], examples.class_names[smallest]],
        )


def _size(survey: Survey, row: int) -> str:
    width, height = survey.sizes[row]
    return f"{width} x {height}"


def _item(index: Index, rows: Sequence[int], note: str = "") -> Item:
    return Item(
        rows=tuple(int(row) for row in rows),
        paths=tuple(index.paths[row] for row in rows),
        labels=tuple(
            "|".join(index.class_names[i] for i in index.label_sets[index.labels[row]])
            for row in rows
        ),
        note=note,
    )
