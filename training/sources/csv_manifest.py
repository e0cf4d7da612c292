"""A CSV manifest to an index: `path,label[,split]`, one picture a line.

    path,label,split
    a/1.jpg,ant,train
    a/2.jpg,ant|bee,
    b/3.jpg,,test

Columns in any order. Paths are relative to the CSV's folder, with `/` between folders. Several
labels are separated by `|`; no label is a picture with none of the classes. An empty split is left
open, and so is `train` where nothing is open or set aside for validation, as in a labelled folder.
"""

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from training.sources.errors import ListRefused
from training.sources.folder import is_text
from training.sources.index import OPEN_SPLIT, SPLITS, Index, IndexBuilder, Split
from training.sources.listed import ListedPaths, Place, class_name, read_lines
from training.sources.names import ClassNames, shown

COLUMNS = ("path", "label", "split")
NEEDED_COLUMNS = ("path", "label")
LABEL_SEPARATOR = "|"
_SPLIT_BY_VALUE: dict[str, Split | None] = {"": None, **{split: split for split in SPLITS}}


def is_manifest(file: Path) -> bool:
    """Whether the first line of a CSV has the columns `path` and `label`."""
    try:
        columns = _header(file, _Rows(file))
    except ListRefused:
        return False
    return set(NEEDED_COLUMNS) <= set(columns)


def read_csv(file: Path, root: Path | None = None) -> Index:
    """The pictures of a CSV manifest, in its order. Raises DatasetRefused.

    `root`: where its paths begin; None: in its folder.

    The first line that cannot be used is refused with its number and column.
    """
    rows = _Rows(file)
    columns = _header(file, rows)
    _check_columns(file, columns)
    where = {column: columns.index(column) for column in columns}
    root = root or file.parent
    paths, names, builder = ListedPaths(root), ClassNames(), IndexBuilder(root)
    for line, row in rows:
        if len(row) != len(columns):
            raise ListRefused(
                "length", file=file.name, line=line, expected=len(columns), received=len(row)
            )
        for column, value in zip(columns, row, strict=True):
            if not value.isascii() and not is_text(value):
                raise Place(file, line, column).refuse("text", value)
        path = paths.keep(row[where["path"]], Place(file, line, "path"))
        labels = _labels(row[where["label"]], names, Place(file, line, "label"))
        split = row[where["split"]].strip() if "split" in where else ""
        if split not in _SPLIT_BY_VALUE:
            raise Place(file, line, "split").refuse("split", split)
        builder.add(path, labels, _SPLIT_BY_VALUE[split])
    index = builder.build()
    if not index.class_names:
        raise ListRefused("no_labels", file=file.name)
    paths.refuse_repeated(index, Place(file, 0, "path"))
    return _with_room_for_validation(index)


class _Rows:
    """The rows of a CSV and the numbers of the lines on which they end; blank lines are left out."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._reader = csv.reader(read_lines(file), strict=True)

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        try:
            for row in self._reader:
                if row:
                    yield self._reader.line_num, row
        except csv.Error as error:
            line = self._reader.line_num
            raise ListRefused(
                "no_csv", file=self._file.name, line=line, problem=shown(str(error))
            ) from error


def _header(file: Path, rows: _Rows) -> list[str]:
    for line, row in rows:
        for number, value in enumerate(row, start=1):
            if not is_text(value) or "\0" in value:  # NUL: UTF-16, as some spreadsheets write it
                raise Place(file, line, str(number)).refuse("text", value)
        return [value.strip() for value in row]
    return []


def _check_columns(file: Path, columns: list[str]) -> None:
    for column in columns:
        if column not in COLUMNS:
            raise ListRefused("column", file=file.name, line=1, column=shown(column))
        if columns.count(column) > 1:
            raise ListRefused("column_twice", file=file.name, line=1, column=column)
    for column in NEEDED_COLUMNS:
        if column not in columns:
            raise ListRefused("no_column", file=file.name, line=1, column=column)


def _labels(value: str, names: ClassNames, place: Place) -> tuple[str, ...]:
    if not value or value.isspace():
        return ()
    labels = [label.strip() for label in value.split(LABEL_SEPARATOR)]
    if not all(labels):
        raise place.refuse("label", value)
    return tuple(class_name(label, names, place) for label in labels)


def _with_room_for_validation(index: Index) -> Index:
    """Train and test alone leave nothing to validate on: then it is carved out of train."""
    present = set(np.unique(index.splits).tolist())
    if SPLITS.index("val") in present or OPEN_SPLIT in present:
        return index
    splits = np.where(index.splits == SPLITS.index("train"), np.int8(OPEN_SPLIT), index.splits)
    return replace(index, splits=splits)
