"""A labelled folder to a list of files: one subfolder a class, or train/ val/ [test/] above them."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from classifier.images import FILE_SUFFIXES
from training.errors import DatasetRefused

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """A file that should be a picture; `split` is None where the folder leaves it open."""

    path: Path
    class_name: str
    split: Split | None


@dataclass(frozen=True)
class Scan:
    """What lies in a labelled folder, unread. `warnings` are sentences for the curator."""

    root: Path
    files: tuple[LabelledFile, ...]
    warnings: tuple[str, ...]


def scan_folder(root: Path) -> Scan:
    """The files of a labelled folder in a fixed order. Raises DatasetRefused.

    Hidden files and folders are passed over; files that are no pictures by their suffix, and
    files that lie outside of a class, are counted in a warning.
    """
    if not root.is_dir():
        raise DatasetRefused("no_folder", path=root)
    try:
        return _scan(root)
    except PermissionError as error:
        raise DatasetRefused("no_access", path=error.filename) from error


def _scan(root: Path) -> Scan:
    tops = _split_folders(root)
    files: list[LabelledFile] = []
    num_foreign: Counter[str] = Counter()
    class_names: set[str] = set()
    for top, split in tops:
        for entry in _visible(top):
            if not entry.is_dir():
                num_foreign["outside"] += 1
                continue
            if not is_text(entry.name):
                shown = os.fsencode(entry.name).decode(errors="backslashreplace")
                raise DatasetRefused("odd_name", name=shown)
            class_names.add(entry.name)
            for path in _files_below(entry):
                if path.suffix.lower() in FILE_SUFFIXES:
                    files.append(LabelledFile(path, entry.name, split))
                else:
                    num_foreign["other"] += 1
    if not class_names:
        raise DatasetRefused("no_classes", path=root)
    warnings = []
    if num_foreign["other"]:
        warnings.append(f"{num_foreign['other']} files are no pictures by their name; left out.")
    if num_foreign["outside"]:
        warnings.append(f"{num_foreign['outside']} files lie outside of a class folder; left out.")
    if tops[0][0] != root:
        beside = [
            entry.name for entry in _visible(root) if entry.is_dir() and entry.name not in SPLITS
        ]
        if beside:
            warnings.append(f"Beside train/ these folders are not read: {', '.join(beside)}.")
    for name in sorted(class_names - {file.class_name for file in files}):
        warnings.append(f"The class folder {name} has no pictures; the class is left out.")
    return Scan(root, tuple(files), tuple(warnings))


def _split_folders(root: Path) -> list[tuple[Path, Split | None]]:
    """The folders that hold class folders. Only a `train` makes it a split layout: without one,
    a folder called `test` is a class like any other."""
    tops = [(root / split, split) for split in SPLITS if (root / split).is_dir()]
    if not tops or tops[0][1] != "train":
        return [(root, None)]
    if not any(split == "val" for _, split in tops):
        # Validation is carved out of what is not set aside for the test.
        return [(top, None if split == "train" else split) for top, split in tops]
    return list(tops)


def _files_below(folder: Path) -> Iterator[Path]:
    for entry in _visible(folder):
        if entry.is_dir() and not entry.is_symlink():
            yield from _files_below(entry)
        elif entry.is_file():
            yield entry


def _visible(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def is_text(name: str) -> bool:
    """Whether a file's name can be written down; a ZIP from elsewhere may hold other bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
