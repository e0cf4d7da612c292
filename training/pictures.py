"""Files to examples: each is read, hashed, decoded and fitted once; everything later works on that."""

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifier.errors import InvalidImage
from classifier.images import FORMAT_NAMES, load_picture, read_bytes
from classifier.preprocess import fit, short_side_for
from training.errors import DatasetRefused
from training.folder import LabelledFile, Scan, Split

MAX_LISTED = 5


@dataclass(frozen=True, slots=True)
class Example:
    """One picture with its label: `row` in the array of pictures, `label` in the class names."""

    path: Path
    row: int
    label: int
    split: Split
    sha256: str


@dataclass(frozen=True)
class Pictures:
    """A dataset, ready to learn from.

    `array`: uint8 `[M, image_size, image_size, 3]`, mapped from a file so that features can
    be computed of more pictures than memory holds; an example's `row` counts in it. `warnings` are sentences for the curator.
    """

    class_names: tuple[str, ...]
    examples: tuple[Example, ...]
    array: NDArray[np.uint8]
    warnings: tuple[str, ...]

    def rows(self, split: Split) -> NDArray[np.int64]:
        """Where a split's pictures are in the array, int64 `[N]`."""
        return np.array([e.row for e in self.examples if e.split == split], dtype=np.int64)

    def labels(self, split: Split) -> NDArray[np.int64]:
        """A split's labels in the order of its rows, int64 `[N]`."""
        return np.array([e.label for e in self.examples if e.split == split], dtype=np.int64)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over every example's hash, class and split, whatever the order of the files."""
        lines = sorted(f"{e.sha256} {self.class_names[e.label]} {e.split}" for e in self.examples)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def read_pictures(
    scan: Scan,
    *,
    image_size: int,
    val_fraction: float,
    scratch_file: Path,
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> Pictures:
    """Every picture of a scan that can be learned from, in fixed splits. Raises DatasetRefused.

    `scratch_file`: where the array is kept on disk while it is used.
    """
    shape = (max(1, len(scan.files)), image_size, image_size, 3)
    array = np.lib.format.open_memmap(scratch_file, mode="w+", dtype=np.uint8, shape=shape)
    # A full disk is an error here; met later, while a mapped page is written, it kills the process.
    with scratch_file.open("rb+") as file:
        os.posix_fallocate(file.fileno(), 0, scratch_file.stat().st_size)
    hashes: list[str] = []
    unreadable: list[str] = []
    with ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool:
        for row, (sha256, outcome) in enumerate(
            pool.map(lambda file: _read_one(file.path, image_size), scan.files)
        ):
            hashes.append(sha256)
            if isinstance(outcome, InvalidImage):
                hashes[-1] = ""
                unreadable.append(f"{scan.files[row].path}: {outcome}")
            else:
                array[row] = outcome
            on_progress((row + 1) / len(scan.files))
    warnings = list(scan.warnings)
    if unreadable:
        warnings.append(_listed(f"{len(unreadable)} files could not be read; left out", unreadable))
    rows = [row for row, sha256 in enumerate(hashes) if sha256]
    if not rows:
        raise DatasetRefused("no_pictures", path=scan.root, formats=FORMAT_NAMES)
    rows = _without_duplicates(rows, scan.files, hashes, warnings)
    splits = assign_splits([scan.files[r] for r in rows], [hashes[r] for r in rows], val_fraction)
    class_names = _checked_classes(scan, rows, splits)
    for name in sorted({file.class_name for file in scan.files} - set(class_names)):
        warnings.append(f"The class {name} has no picture left to learn from; it is left out.")
    label_of = {name: label for label, name in enumerate(class_names)}
    examples = tuple(
        Example(scan.files[r].path, r, label_of[scan.files[r].class_name], split, hashes[r])
        for r, split in zip(rows, splits, strict=True)
    )
    return Pictures(class_names, examples, array, tuple(warnings))


def assign_splits(
    files: Sequence[LabelledFile], hashes: Sequence[str], val_fraction: float
) -> list[Split]:
    """A split for each file: its own, or by its content's hash where the folder leaves it open.

    The hash decides, not a shuffle: a picture stays in its split when others come or go. Each
    class keeps at least one picture on either side.
    """
    splits: list[Split] = [
        file.split or ("val" if _unit(sha256) < val_fraction else "train")
        for file, sha256 in zip(files, hashes, strict=True)
    ]
    open_rows: dict[str, list[int]] = defaultdict(list)
    for i, file in enumerate(files):
        if file.split is None:
            open_rows[file.class_name].append(i)
    for rows in open_rows.values():
        rows.sort(key=lambda i: hashes[i])
        if len(rows) > 1 and all(splits[i] == "train" for i in rows):
            splits[rows[0]] = "val"
        elif all(splits[i] == "val" for i in rows):
            splits[rows[-1]] = "train"
    return splits


def _read_one(path: Path, image_size: int) -> tuple[str, NDArray[np.uint8] | InvalidImage]:
    try:
        data = read_bytes(path)
        picture = load_picture(data, short_side=short_side_for(image_size))
    except InvalidImage as error:
        return "", error
    return hashlib.sha256(data).hexdigest(), fit(picture.image, image_size)


def _without_duplicates(
    rows: list[int], files: Sequence[LabelledFile], hashes: Sequence[str], warnings: list[str]
) -> list[int]:
    """The rows without contradictions and copies; which copy stays must not depend on file order.

    One picture under two labels teaches nothing: all its copies go. Of copies under one label one
    stays, in a test or validation split before a training split, so that no split leaks.
    """
    copies: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        copies[hashes[row]].append(row)
    dropped: set[int] = set()
    contradictions: list[str] = []
    num_copies = 0
    precedence = {"test": 0, "val": 1, "train": 2, None: 3}
    for group in copies.values():
        if len({files[row].class_name for row in group}) > 1:
            contradictions.append(" = ".join(str(files[row].path) for row in group))
            dropped.update(group)
        else:
            keep = min(group, key=lambda row: (precedence[files[row].split], files[row].path))
            dropped.update(row for row in group if row != keep)
            num_copies += len(group) - 1
    if contradictions:
        sentence = f"{len(contradictions)} pictures appear under two labels; left out"
        warnings.append(_listed(sentence, contradictions))
    if num_copies:
        warnings.append(f"{num_copies} files are exact copies of others in their class; left out.")
    return [row for row in rows if row not in dropped]


def _checked_classes(scan: Scan, rows: Sequence[int], splits: Sequence[Split]) -> tuple[str, ...]:
    num_in: dict[Split, Counter[str]] = {"train": Counter(), "val": Counter(), "test": Counter()}
    open_names = {scan.files[row].class_name for row in rows if scan.files[row].split is None}
    for row, split in zip(rows, splits, strict=True):
        num_in[split][scan.files[row].class_name] += 1
    class_names = tuple(sorted({scan.files[row].class_name for row in rows}))
    if not class_names:
        raise DatasetRefused("no_pictures", path=scan.root, formats=FORMAT_NAMES)
    if len(class_names) == 1:
        raise DatasetRefused("one_class", path=scan.root, name=class_names[0])
    for name in class_names:
        if not num_in["train"][name]:
            raise DatasetRefused("only_in_val", name=name)
        if name in open_names and num_in["train"][name] + num_in["val"][name] < 2:
            raise DatasetRefused("too_few", num_pictures=1, name=name)
    if not num_in["val"].total():
        raise DatasetRefused("no_validation", path=scan.root)
    return class_names


def _unit(sha256: str) -> float:
    """A hash as a number in [0, 1)."""
    return int(sha256[:13], 16) / 16**13


def _listed(sentence: str, items: Iterable[str]) -> str:
    # A name that is no text shows its odd bytes: what is written down must be readable everywhere.
    items = [
        item.encode(errors="surrogateescape").decode(errors="backslashreplace") for item in items
    ]
    more = f"; and {len(items) - MAX_LISTED} more" if len(items) > MAX_LISTED else ""
    return f"{sentence}: {'; '.join(items[:MAX_LISTED])}{more}."
