"""What a ZIP may hold, judged by its directory alone: nothing is unpacked to find out."""

import re
import stat
import zipfile
from dataclasses import dataclass
from pathlib import PurePosixPath

from training.sources.errors import ArchiveRefused
from training.sources.names import caseless, shown

MEGABYTE = 2**20
# Small files of one colour pack well, honestly; a bomb does not stay small.
RATIO_COUNTS_FROM_BYTES = MEGABYTE
MAX_NAME_BYTES = 255  # of a file or folder, on all common systems
MAX_PATH_BYTES = 2000
MAX_DEPTH = 100  # Python makes and removes folders by recursion
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
# Beside these, everything hidden is left out: macOS and Windows put them in unasked.
LITTER = frozenset(("__macosx", "icon\r", "thumbs.db", "ehthumbs.db", "desktop.ini"))
_ARCHIVE = re.compile(
    r"\.(zip|zipx|jar|7z|rar|cab|iso|dmg|arj|lha|lzh|cpio|tar|tgz|taz|tbz|tbz2|txz|tzst"
    r"|gz|bz2|xz|z|lz|lz4|lzma|zst)$",
    re.IGNORECASE,
)
_DRIVE = re.compile(r"^[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_UTF8_FLAG = 0x800
_ENCRYPTED_FLAGS = 0x1 | 0x40 | 0x2000  # the password, strong encryption, a masked directory


@dataclass(frozen=True)
class ArchiveLimits:
    """What a ZIP may unpack to. `max_ratio`: unpacked to packed, of a file and of the whole."""

    max_bytes: int = 20 * 2**30
    max_files: int = 1_000_000
    max_ratio: int = 100


DEFAULT_LIMITS = ArchiveLimits()


@dataclass(frozen=True, slots=True)
class Entry:
    """A file to unpack; `path` is relative, without `.` and `..`."""

    path: str
    info: zipfile.ZipInfo

    @property
    def num_bytes(self) -> int:
        return self.info.file_size


def checked_entries(
    archive: zipfile.ZipFile, num_packed_bytes: int, limits: ArchiveLimits = DEFAULT_LIMITS
) -> list[Entry]:
    """The files to unpack, in the order of the ZIP. Raises ArchiveRefused for the first offence.

    `num_packed_bytes`: of the whole ZIP on disk. What entries declare is no measure of it: they may
    all point to the same bytes.
    """
    entries = []
    names = _Names()
    for info in archive.infolist():
        name = name_of(info)
        for spelling in {name, info.filename, info.orig_filename}:
            _refuse_unsafe_name(spelling)
        _refuse_unsafe_kind(info)
        parts = [part for part in name.split("/") if part not in {"", "."}]
        if info.is_dir() or any(is_litter(part) for part in parts):
            continue
        path = "/".join(parts)
        _refuse_unwelcome(path, info)
        _refuse_bomb(path, info.file_size, info.compress_size, limits)
        names.add(path)
        if len(names) > limits.max_files:
            raise ArchiveRefused("too_many_files", max_files=limits.max_files)
        entries.append(Entry(path, info))
    names.refuse_files_called_as_folders()
    num_bytes = sum(entry.num_bytes for entry in entries)
    if num_bytes > limits.max_bytes:
        raise ArchiveRefused(
            "too_many_bytes",
            max_megabytes=limits.max_bytes // MEGABYTE,
            megabytes=num_bytes // MEGABYTE + 1,
        )
    _refuse_bomb(PurePosixPath(archive.filename or "").name, num_bytes, num_packed_bytes, limits)
    return entries


class _Names:
    """Files and the folders above them. Names that differ only in case are refused: which of them a
    system that ignores case would keep is chance."""

    def __init__(self) -> None:
        self._files: dict[str, str] = {}
        self._folders: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._files) + len(self._folders)

    def add(self, path: str) -> None:
        if (other := self._files.setdefault(caseless(path), path)) is not path:
            raise _twice(path, other)
        folder = path.rpartition("/")[0]
        while folder:
            known = self._folders.get(caseless(folder))
            if known == folder:
                return  # and what is above it, too
            if known is not None:
                raise _twice(folder, known)
            self._folders[caseless(folder)] = folder
            folder = folder.rpartition("/")[0]

    def refuse_files_called_as_folders(self) -> None:
        for key in self._folders.keys() & self._files.keys():
            raise _twice(self._folders[key], self._files[key])


def name_of(info: zipfile.ZipInfo) -> str:
    """The name as it was meant: macOS writes UTF-8 and does not say so, which `zipfile` reads as
    code page 437. Text in that code page is hardly ever UTF-8 by accident."""
    if info.flag_bits & _UTF8_FLAG or info.filename.isascii():
        return info.filename
    try:
        return info.filename.encode("cp437").decode()
    except UnicodeError:
        return info.filename


def _refuse_unsafe_name(name: str) -> None:
    if (
        "\\" in name
        or "\0" in name
        or name.startswith("/")
        or _DRIVE.match(name)
        or ".." in name.split("/")
    ):
        raise ArchiveRefused("path", name=shown(name))


def _refuse_unsafe_kind(info: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    # Systems other than Unix leave the kind at 0, and a folder's name has a slash at its end.
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR} or (kind == stat.S_IFDIR and not info.is_dir()):
        raise ArchiveRefused("special", name=shown(info.filename))
    if is_encrypted(info):
        raise ArchiveRefused("encrypted", name=shown(info.filename))


def _refuse_unwelcome(path: str, info: zipfile.ZipInfo) -> None:
    parts = path.encode().split(b"/")
    is_long = max(map(len, parts)) > MAX_NAME_BYTES or len(path.encode()) > MAX_PATH_BYTES
    if not path or is_long or len(parts) > MAX_DEPTH or _CONTROL.search(path):
        raise ArchiveRefused("odd_name", name=shown(path))
    if _ARCHIVE.search(path):
        raise ArchiveRefused("nested", name=shown(path))
    if info.compress_type not in METHODS:
        raise ArchiveRefused("method", name=shown(path), method=info.compress_type)


def _refuse_bomb(name: str, num_bytes: int, num_packed: int, limits: ArchiveLimits) -> None:
    ratio = num_bytes / max(1, num_packed)
    if num_bytes > RATIO_COUNTS_FROM_BYTES and ratio > limits.max_ratio:
        raise ArchiveRefused(
            "ratio", name=shown(name), max_ratio=limits.max_ratio, ratio=round(ratio)
        )


def is_encrypted(info: zipfile.ZipInfo) -> bool:
    return bool(info.flag_bits & _ENCRYPTED_FLAGS)


def is_litter(part: str) -> bool:
    """Whether systems put files or folders of this name into a ZIP unasked."""
    return part.startswith(".") or part.lower() in LITTER


def _twice(name: str, other: str) -> ArchiveRefused:
    return ArchiveRefused("twice", name=shown(name), other=shown(other))
