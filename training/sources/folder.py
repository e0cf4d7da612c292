"""A labelled folder to an index: one subfolder a class, or train/ val/ [test/] above them.

Directories are read one at a time and only names are kept, so that a million files cost what
their index costs.
"""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from classifier.images import FILE_SUFFIXES
from training.errors import DatasetRefused
from training.sources.index import SPLITS, Index, IndexBuilder, Split
from training.sources.names import ClassNames, shown
from training.sources.remarks import Remark


def scan_folder(root: Path) -> Index:
    """The files of a labelled folder, ordered by name. Raises DatasetRefused.

    The class is the first folder below the split; what lies deeper belongs to it. Hidden files and
    folders are passed over; files that are no pictures by their suffix, and files that lie outside
    of a class, are counted in a remark.
    """
    if not root.is_dir():
        raise DatasetRefused("no_folder", path=root)
    try:
        return _Scan(root).index()
    except PermissionError as error:
        raise DatasetRefused("no_access", path=error.filename) from error
    except OSError as error:  # a path longer than the system takes, a disk that fails
        raise DatasetRefused("unreadable", path=error.filename, problem=error.strerror) from error


class _Scan:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._builder = IndexBuilder(root)
        self._names = ClassNames()
        self._num_other = 0
        self._num_outside = 0

    def index(self) -> Index:
        tops = _split_folders(self._root)
        num_pictures: dict[str, int] = {}
        for prefix, split in tops:
            for folder in self._class_folders(prefix):
                name = self._names.keep(folder)
                before = len(self._builder)
                for path in self._pictures_below(f"{prefix}{folder}/"):
                    self._builder.add(path, (name,), split)
                num_pictures[name] = num_pictures.get(name, 0) + len(self._builder) - before
        if not num_pictures:
            raise DatasetRefused("no_classes", path=self._root)
        return self._builder.build(list(self._remarks(tops[0][0] != "", num_pictures)))

    def _class_folders(self, prefix: str) -> list[str]:
        folders = []
        for entry in _visible(self._root / prefix):
            if not _is(entry.is_dir):
                self._num_outside += 1
                continue
            if not is_text(entry.name):
                raise DatasetRefused("odd_name", name=shown(entry.name))
            folders.append(entry.name)
        return sorted(folders)

    def _pictures_below(self, top: str) -> Iterator[str]:
        """Paths from the root, a folder's files and subfolders by name. No recursion: trees may be
        deeper than Python's stack."""
        levels = [(top, *self._names_in(top))]
        while levels:
            prefix, names, folders = levels[-1]
            if not names:
                levels.pop()
                continue
            path = f"{prefix}{(name := names.pop())}"
            if name in folders:
                levels.append((f"{path}/", *self._names_in(f"{path}/")))
            else:
                yield path

    def _names_in(self, folder: str) -> tuple[list[str], set[str]]:
        """Names of pictures and subfolders in descending order, to pop from; which are subfolders."""
        names: list[str] = []
        folders: set[str] = set()
        for entry in _visible(self._root / folder):
            if entry.is_dir(follow_symlinks=False):
                folders.add(entry.name)
            elif not _is(entry.is_file):  # a link to a folder, too: it may lead in a circle
                continue
            elif os.path.splitext(entry.name)[1].lower() not in FILE_SUFFIXES:  # noqa: PTH122
                self._num_other += 1
                continue
            names.append(entry.name)
        names.sort(reverse=True)
        return names, folders

    def _remarks(self, is_split: bool, num_pictures: dict[str, int]) -> Iterator[Remark]:
        if self._num_other:
            yield Remark("other_files", self._num_other)
        if self._num_outside:
            yield Remark("outside", self._num_outside)
        if is_split:
            entries = _visible(self._root)
            beside = sorted(e.name for e in entries if e.name not in SPLITS and _is(e.is_dir))
            if beside:
                yield Remark("beside", len(beside), tuple(shown(name) for name in beside))
        empty = sorted(name for name, number in num_pictures.items() if not number)
        if empty:
            yield Remark("empty_folders", len(empty), tuple(empty))


def _split_folders(root: Path) -> list[tuple[str, Split | None]]:
    """The folders that hold class folders, as prefixes. Only a `train` makes it a split layout:
    without one, a folder called `test` is a class like any other."""
    splits = [split for split in SPLITS if (root / split).is_dir()]
    if "train" not in splits:
        return [("", None)]
    if "val" not in splits:
        # Validation is carved out of what is not set aside for the test.
        return [(f"{split}/", None if split == "train" else split) for split in splits]
    return [(f"{split}/", split) for split in splits]


def _visible(folder: Path) -> "Iterator[os.DirEntry[str]]":
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                yield entry


def _is(question: Callable[[], bool]) -> bool:
    """A directory entry's answer; a link to itself is neither a file nor a folder."""
    try:
        return question()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return False
        raise


def is_text(name: str) -> bool:
    """Whether a file's name can be written down; a ZIP from elsewhere may hold other bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
