"""The examples that are learned from: which files stay, and in which split each is, for good.

What decides a split is content, whatever the files are called: a picture stays on its side when others
come or go, but for two cases. One that gets a near duplicate may move with it, since both must be on
one side; and in a class of a handful, one may move so that the class is on both sides.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.dataset.duplicates import Pairs, groups
from training.dataset.survey import Survey
from training.sources.index import OPEN_SPLIT, SPLITS, Index, Split

TRAIN, VAL, TEST = range(3)
# Of copies in several splits, the one stays that is measured on; an open one gives way to all.
_PRECEDENCE = {TEST: 0, VAL: 1, TRAIN: 2, OPEN_SPLIT: 3}


@dataclass(frozen=True)
class Examples:
    """M files that are learned from or measured on, in the order of the index.

    `rows`: int64 `[M]`, their places in the index. `labels`: int32 `[M]`, places in `label_sets`, which
    are tuples of places in `class_names`. `splits`: int8 `[M]`, places in SPLITS. `hashes`: SHA-256,
    uint8 `[M, 32]`.
    """

    class_names: tuple[str, ...]
    rows: NDArray[np.int64]
    labels: NDArray[np.int32]
    label_sets: tuple[tuple[int, ...], ...]
    splits: NDArray[np.int8]
    hashes: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.rows)

    def places(self, *splits: Split) -> NDArray[np.int64]:
        """Where the examples of these splits are, int64 `[N]`."""
        return np.flatnonzero(np.isin(self.splits, [SPLITS.index(split) for split in splits]))

    def first_labels(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The one label of each, int64 `[N]`, where every example has one."""
        # A set is empty where its only class was lost; no example has it.
        firsts = np.array([labels[0] if labels else -1 for labels in self.label_sets], np.int64)
        return firsts[self.labels[places]]

    def targets(self, places: NDArray[np.int64]) -> NDArray[np.float32]:
        """Which labels each has, of 0 and 1, float32 `[N, C]`."""
        rows = np.zeros((len(self.label_sets), len(self.class_names)), np.float32)
        for row, labels in zip(rows, self.label_sets, strict=True):
            row[list(labels)] = 1
        return rows[self.labels[places]]

    def names(self, place: int) -> tuple[str, ...]:
        """The names of an example's labels."""
        return tuple(self.class_names[i] for i in self.label_sets[self.labels[place]])

    def sha256(self, places: NDArray[np.int64]) -> list[bytes]:
        return [self.hashes[place].tobytes() for place in places]

    def without(self, places: NDArray[np.int64]) -> "Examples":
        """The examples without some of them; the classes stay."""
        stays = np.ones(len(self), bool)
        stays[places] = False
        return Examples(
            self.class_names,
            self.rows[stays],
            self.labels[stays],
            self.label_sets,
            self.splits[stays],
            self.hashes[stays],
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 over every example's hash, labels and split, whatever the order of the files."""
        digest = hashlib.sha256()
        for i in np.lexsort(self.hashes.T[::-1]):
            names = "|".join(self.names(i))
            line = f"{self.hashes[i].tobytes().hex()} {names} {SPLITS[self.splits[i]]}\n"
            digest.update(line.encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class Settled:
    """Examples, and what was left out on the way to them, as rows of the index.

    `copies`: groups of files with the same bytes and labels, the one that stayed first.
    `contradictions`: groups with the same bytes and different labels; none of them stayed.
    `straddling`: rows left out because a near duplicate of theirs is in a split that is measured on.
    """

    examples: Examples
    copies: tuple[tuple[int, ...], ...]
    contradictions: tuple[tuple[int, ...], ...]
    straddling: tuple[int, ...]


def distinct(
    index: Index, survey: Survey
) -> tuple[NDArray[np.int64], list[tuple[int, ...]], list[tuple[int, ...]]]:
    """The rows that can be read and are no copies, then the groups of copies and of contradictions.

    One picture under two labels teaches nothing: all its copies go. Of copies under one label one
    stays, in a test or validation split before a training split. Which one must not depend on the
    order of the files.
    """
    is_readable = np.ones(len(index), bool)
    is_readable[list(survey.problems)] = False
    rows = np.flatnonzero(is_readable)
    rows = rows[np.lexsort(survey.hashes[rows].T[::-1])]
    hashes = survey.hashes[rows]
    is_first = np.ones(len(rows), bool)
    is_first[1:] = (hashes[1:] != hashes[:-1]).any(axis=1)
    begins = np.flatnonzero(is_first)
    ends = np.append(begins, len(rows))[1:]
    kept = rows[begins[ends - begins == 1]].tolist()
    copies, contradictions = [], []
    for begin, end in zip(begins, ends, strict=True):
        if end - begin == 1:
            continue
        group = sorted(
            map(int, rows[begin:end]),
            key=lambda row: (_PRECEDENCE[int(index.splits[row])], index.paths[row]),
        )
        if len(set(index.labels[group])) > 1:
            contradictions.append(tuple(group))
        else:
            kept.append(group[0])
            copies.append(tuple(group))
    return np.array(sorted(kept), dtype=np.int64), sorted(copies), sorted(contradictions)


def assign_splits(
    index: Index,
    rows: NDArray[np.int64],
    hashes: NDArray[np.uint8],
    alike: NDArray[np.int32],
    *,
    val_fraction: float,
    test_fraction: float,
) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """A split for each row, and which rows have to go because their like is in another split.

    A row's own split stands. Open ones go where the least hash of their group `alike` says: so a
    group stays together, and a picture stays where it is when others come. Where the source has
    test pictures of its own, no more are set aside. Each class keeps an open example, where it has
    two, for training and for validation.
    """
    splits = index.splits[rows].copy()
    is_open = splits == OPEN_SPLIT
    test_share = 0.0 if (splits == TEST).any() else test_fraction
    units = _units(hashes)
    anchors = np.full(int(alike.max(initial=-1)) + 1, 2.0)
    np.minimum.at(anchors, alike, units)
    anchor = anchors[alike]
    drawn = np.where(
        anchor < val_fraction, VAL, np.where(anchor < val_fraction + test_share, TEST, TRAIN)
    )
    splits[is_open] = drawn[is_open]
    _represent_classes(index, rows, splits, anchor, alike)
    return splits, _straddling(splits, alike)


def settle(
    index: Index,
    survey: Survey,
    near: Pairs,
    kept: NDArray[np.int64],
    copies: Sequence[tuple[int, ...]],
    contradictions: Sequence[tuple[int, ...]],
    *,
    val_fraction: float,
    test_fraction: float,
) -> Settled:
    """The examples among the rows `kept` (see `distinct`), given the pairs of rows that look alike."""
    place = {int(row): i for i, row in enumerate(kept)}
    local = np.array([[place[int(a)], place[int(b)]] for a, b in near], np.int64).reshape(-1, 2)
    hashes = survey.hashes[kept]
    splits, goes = assign_splits(
        index,
        kept,
        hashes,
        groups(len(kept), local),
        val_fraction=val_fraction,
        test_fraction=test_fraction,
    )
    stays = ~goes
    rows = kept[stays]
    used = sorted({label for i in set(index.labels[rows]) for label in index.label_sets[i]})
    renamed = {label: i for i, label in enumerate(used)}
    examples = Examples(
        class_names=tuple(index.class_names[label] for label in used),
        rows=rows,
        labels=index.labels[rows],
        label_sets=tuple(
            tuple(renamed[label] for label in labels if label in renamed)
            for labels in index.label_sets
        ),
        splits=splits[stays],
        hashes=hashes[stays],
    )
    return Settled(examples, tuple(copies), tuple(contradictions), tuple(map(int, kept[goes])))


def _represent_classes(
    index: Index,
    rows: NDArray[np.int64],
    splits: NDArray[np.int8],
    anchor: NDArray[np.float64],
    alike: NDArray[np.int32],
) -> None:
    """Move one open group of a class that is missing in validation or in training there.

    A class that is one group of pictures that look alike can only be learned from. Training comes
    last: what one class moves there, no other class takes away.
    """
    is_open = index.splits[rows] == OPEN_SPLIT
    order = np.lexsort((anchor, index.labels[rows]))
    order = order[is_open[order]]
    sorted_labels = index.labels[rows][order]
    bounds = np.searchsorted(sorted_labels, np.arange(len(index.label_sets) + 1))
    sets_of: dict[int, list[int]] = {}
    for i, labels in enumerate(index.label_sets):
        for label in labels:
            sets_of.setdefault(label, []).append(i)
    for wanted, chosen in ((VAL, 0), (TRAIN, -1)):
        for _, sets in sorted(sets_of.items()):
            mine = np.concatenate([order[bounds[i] : bounds[i + 1]] for i in sets])
            if not len(mine) or (splits[mine] == wanted).any():
                continue
            names = alike[mine[np.argsort(anchor[mine], kind="stable")]]
            if wanted == TRAIN or names[0] != names[-1]:
                splits[is_open & (alike == names[chosen])] = wanted


def _straddling(splits: NDArray[np.int8], alike: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Rows whose group reaches into a split that is measured on before theirs."""
    strength = _strengths(splits)
    first = np.full(int(alike.max(initial=-1)) + 1, 9)
    np.minimum.at(first, alike, strength)
    return strength > first[alike]


def straddling(splits: NDArray[np.int8], pairs: Pairs) -> NDArray[np.int64]:
    """Of pairs of places `[P, 2]` in two splits, the places that are measured on later or never."""
    strength = _strengths(splits)[pairs]
    across = strength[:, 0] != strength[:, 1]
    return np.unique(pairs[across, strength[across].argmax(axis=1)])


def _strengths(splits: NDArray[np.int8]) -> NDArray[np.int64]:
    return np.array([_PRECEDENCE[TRAIN], _PRECEDENCE[VAL], _PRECEDENCE[TEST]])[splits]


def _units(hashes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Each hash as a number in [0, 1)."""
    firsts = hashes[:, :8].copy().view(">u8").reshape(-1) >> np.uint64(11)
    return firsts.astype(np.float64) / 2.0**53
