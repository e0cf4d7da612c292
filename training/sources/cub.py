"""The published layout of CUB-200-2011 to an index: four lists of `id value` beside `images/`.

`images.txt` (id, path), `image_class_labels.txt` (id, class id), `classes.txt` (class id, name) and
`train_test_split.txt` (id, 1 for train or 0 for test), which may be missing. The published split
has no validation, so its training pictures are open to be divided. Ids are any text, as in NABirds,
which has the same layout.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

from training.sources.errors import ListRefused
from training.sources.folder import is_text
from training.sources.index import Index, IndexBuilder, Split
from training.sources.listed import ListedPaths, Place, class_name, read_lines
from training.sources.names import ClassNames, caseless
from training.sources.remarks import Remark

IMAGES, LABELS, CLASSES = "images.txt", "image_class_labels.txt", "classes.txt"
SPLIT = "train_test_split.txt"
PICTURES_FOLDER = "images"
_SPLIT_BY_VALUE: dict[str, Split | None] = {"1": None, "0": "test"}
_NUMBER_PREFIX = re.compile(r"^\d+\.")


def is_cub(folder: Path) -> bool:
    """Whether the folder has the lists without which the layout cannot be read."""
    return all((folder / name).is_file() for name in (IMAGES, LABELS, CLASSES))


def read_cub(root: Path) -> Index:
    """The pictures in the order of `images.txt`. Raises DatasetRefused.

    Classes are called as people read them: `001.Black_footed_Albatross` is Black footed Albatross,
    unless that makes two classes one; then all keep their published names.
    """
    classes = _classes(root / CLASSES)
    labels = _Values(root / LABELS, "class id")
    split_list = root / SPLIT
    splits = _Values(split_list, "is training") if split_list.exists() else None
    images = root / IMAGES
    paths, builder = ListedPaths(root), IndexBuilder(root)
    for line, key, path in _pairs(images, "path"):
        label_place, class_id = labels.take(key, Place(images, line, "id"))
        if class_id not in classes:
            raise label_place.refuse("class_id", class_id, other=CLASSES)
        split: Split | None = None
        if splits is not None:
            split_place, value = splits.take(key, Place(images, line, "id"))
            if value not in _SPLIT_BY_VALUE:
                raise split_place.refuse("is_training", value)
            split = _SPLIT_BY_VALUE[value]
        kept = paths.keep(f"{PICTURES_FOLDER}/{path}", Place(images, line, "path"))
        builder.add(kept, (classes[class_id],), split)
    for values in (labels, splits):
        if values is not None:
            values.refuse_left_over()
    if not len(builder):
        raise ListRefused("no_labels", file=IMAGES)
    index = builder.build()
    paths.refuse_repeated(index, Place(images, 0, "path"))
    num_empty = len(set(classes.values())) - len(index.class_names)
    if not num_empty:
        return index
    return replace(index, remarks=(Remark("empty_classes", num_empty, file=CLASSES),))


class _Values:
    """One list's values by id. The published lists have one order, so a value mostly stands on the
    next line; lines that are passed on the way are kept until they are asked for."""

    def __init__(self, file: Path, column: str) -> None:
        self._file = file
        self._column = column
        self._pairs = _pairs(file, column)
        self._passed: dict[str, tuple[int, str]] = {}

    def take(self, key: str, asked: Place) -> tuple[Place, str]:
        """The value of an id, once, and its place. Raises ListRefused when there is none."""
        if key in self._passed:
            line, value = self._passed.pop(key)
            return Place(self._file, line, self._column), value
        for line, found, value in self._pairs:
            if found == key:
                return Place(self._file, line, self._column), value
            if found in self._passed:
                raise Place(self._file, line, "id").refuse("id", found)
            self._passed[found] = (line, value)
        raise asked.refuse("no_value", key, other=self._file.name)

    def refuse_left_over(self) -> None:
        """Raises ListRefused for an id that stands here only, or twice."""
        unread = ((key, line) for line, key, _ in self._pairs)
        passed = ((key, line) for key, (line, _) in self._passed.items())
        for key, line in chain(passed, unread):
            raise Place(self._file, line, "id").refuse("id", key)


def _classes(file: Path) -> dict[str, str]:
    """Class names by class id."""
    published: dict[str, str] = {}
    names = ClassNames()
    for line, key, name in _pairs(file, "class name"):
        if key in published:
            raise Place(file, line, "id").refuse("id", key)
        published[key] = class_name(name, names, Place(file, line, "class name"))
    readable = {key: _readable(name) for key, name in published.items()}
    distinct = {caseless(name) for name in readable.values()}
    return readable if len(distinct) == len(set(published.values())) else published


def _readable(name: str) -> str:
    return _NUMBER_PREFIX.sub("", name).replace("_", " ").strip() or name


def _pairs(file: Path, column: str) -> Iterator[tuple[int, str, str]]:
    """The number of a line, its first word and the rest, of all lines that are not blank."""
    for number, line in enumerate(read_lines(file), start=1):
        key, _, value = line.strip().partition(" ")
        if not key:
            continue
        if not line.isascii() and not is_text(line):
            raise Place(file, number, column).refuse("text", line.strip())
        if not value:
            raise Place(file, number, column).refuse("pair", line.strip())
        yield number, key, value.strip()
