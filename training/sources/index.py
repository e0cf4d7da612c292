"""An index of labelled files: what a dataset holds, unread, in about 130 bytes an example.

A million examples are a few arrays, not a million objects: paths lie end to end in one block of
UTF-8, labels and splits in arrays.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

from training.sources.remarks import Remark

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
OPEN_SPLIT = -1


class PackedPaths(Sequence[str]):
    """Strings, packed: `blob` holds them end to end, number `i` from `ends[i - 1]` to `ends[i]`."""

    def __init__(self, blob: bytes, ends: NDArray[np.int64]) -> None:
        self._blob = blob
        self._ends = ends

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        place %= len(self)
        start = int(self._ends[place - 1]) if place else 0
        return self._blob[start : int(self._ends[place])].decode(errors="surrogateescape")

    def __iter__(self) -> Iterator[str]:
        return (self[i] for i in range(len(self)))


@dataclass(frozen=True)
class Index:
    """A dataset's files and labels in a fixed order, none of them opened yet.

    `paths`: relative to `root`. `labels`: int32 `[N]`, which of the `label_sets` an example has;
    a label set is a sorted tuple of places in `class_names`, of one label each unless `is_multi_label`.
    `splits`: int8 `[N]`, a place in SPLITS or OPEN_SPLIT where the source leaves it open.
    Pictures whose paths begin with `unshown_prefix` are shown to nobody; empty: all may be.
    """

    root: Path
    class_names: tuple[str, ...]
    paths: PackedPaths
    labels: NDArray[np.int32]
    label_sets: tuple[tuple[int, ...], ...]
    splits: NDArray[np.int8]
    remarks: tuple[Remark, ...] = ()
    unshown_prefix: str = ""

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def is_multi_label(self) -> bool:
        return any(len(labels) != 1 for labels in self.label_sets)

    def path(self, row: int) -> Path:
        return self.root / self.paths[row]

    def is_shown(self, row: int) -> bool:
        return not self.unshown_prefix or not self.paths[row].startswith(self.unshown_prefix)


class IndexBuilder:
    """Collects examples one by one, in the order in which they shall stay."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._blob = bytearray()
        self._ends = array("q")
        self._labels = array("i")
        self._splits = array("b")
        self._sets: dict[tuple[str, ...], int] = {}

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, path: str, class_names: tuple[str, ...], split: Split | None) -> None:
        """One example; `path` is relative to the root, `class_names` are all of its labels."""
        self._blob += path.encode(errors="surrogateescape")
        self._ends.append(len(self._blob))
        names = tuple(sorted(set(class_names)))
        self._labels.append(self._sets.setdefault(names, len(self._sets)))
        self._splits.append(OPEN_SPLIT if split is None else SPLITS.index(split))

    def build(self, remarks: Sequence[Remark] = ()) -> Index:
        """The index; class names are in alphabetical order."""
        class_names = tuple(sorted({name for names in self._sets for name in names}))
        place = {name: i for i, name in enumerate(class_names)}
        return Index(
            root=self._root,
            class_names=class_names,
            paths=PackedPaths(bytes(self._blob), np.frombuffer(self._ends, dtype=np.int64)),
            labels=np.frombuffer(self._labels, dtype=np.int32),
            label_sets=tuple(tuple(place[name] for name in names) for names in self._sets),
            splits=np.frombuffer(self._splits, dtype=np.int8),
            remarks=tuple(remarks),
        )
