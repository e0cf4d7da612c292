"""The pictures in a ZIP that somebody uploaded, one at a time and never on the disk as they are.

What a ZIP says of itself is not believed: `zipfile` reads no more of a file than it declares, and
what is declared has bounds.
"""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_noop

from classifier.errors import InvalidImage
from classifier.images import FILE_SUFFIXES, FORMAT_NAMES, too_many_bytes
from training.sources.archive_rules import (
    METHODS,
    RATIO_COUNTS_FROM_BYTES,
    is_encrypted,
    is_litter,
    name_of,
)

_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")  # of one with files, and of an empty one
_READ_BYTES = 2**18


@dataclass(frozen=True)
class ZipLimits:
    """What a ZIP may cost. `max_bytes`: of all its pictures, unpacked. `max_ratio`: of one, unpacked
    to packed. `max_directory_bytes`: 46 and its name for each entry, which costs a kilobyte of memory."""

    max_bytes: int = 1024 * 1024 * 1024
    max_ratio: int = 100
    max_directory_bytes: int = 2 * 1024 * 1024


DEFAULT_LIMITS = ZipLimits()


class ZipRefused(InvalidImage):
    """A ZIP, or a file in one, that cannot be unpacked; a visitor may read why."""

    sentences = {
        "zip_damaged": gettext_noop(
            "Expected a whole ZIP of pictures, received one that is cut off or damaged. "
            "Please pack the pictures again."
        ),
        "zip_too_many_files": gettext_noop(
            "Expected a ZIP with a list of files of at most %(max_megabytes)s MB, received one with a "
            "longer list. Please send fewer files at a time."
        ),
        "zip_no_pictures": gettext_noop(
            "Expected pictures in the ZIP (%(formats)s), found none. Please choose another one."
        ),
        "zip_member_damaged": gettext_noop(
            "Expected a whole file in the ZIP, received one that is cut off or damaged. "
            "Please pack the pictures again."
        ),
        "zip_encrypted": gettext_noop(
            "Expected a ZIP without a password, received an encrypted file in it. "
            "Please pack the pictures again without one."
        ),
        "zip_method": gettext_noop(
            "Expected files that are stored or deflated, as they commonly are in a ZIP, received one "
            "by another method. Please pack the pictures again with the usual settings."
        ),
        "zip_ratio": gettext_noop(
            "Expected a file that unpacks to at most %(max_ratio)s times its packed size, received one "
            "of %(ratio)s times. Please send the picture itself, without a ZIP."
        ),
    }


class PackedPicture:
    """A file in a ZIP, unpacked anew each time that it is asked for."""

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: ZipLimits) -> None:
        self._archive, self._info, self._limits = archive, info, limits
        self.name: str | None = name_of(info)
        self.size: int | None = info.file_size

    def chunks(self) -> Iterator[bytes]:
        """Raises InvalidImage."""
        self._check()
        num_bytes = 0
        try:
            with self._archive.open(self._info) as member:
                while chunk := member.read(_READ_BYTES):
                    num_bytes += len(chunk)
                    if num_bytes > settings.PICTURE_LIMITS.max_bytes:
                        raise too_many_bytes(num_bytes, settings.PICTURE_LIMITS)
                    yield chunk
        except (InvalidImage, OSError):
            raise
        except Exception as error:  # hostile bytes fail in every way there is
            raise ZipRefused("zip_member_damaged") from error

    def _check(self) -> None:
        info = self._info
        if is_encrypted(info):
            raise ZipRefused("zip_encrypted")
        if info.compress_type not in METHODS:
            raise ZipRefused("zip_method")
        if info.header_offset < 0:  # a disk would be to blame for not going there
            raise ZipRefused("zip_member_damaged")
        if info.file_size > settings.PICTURE_LIMITS.max_bytes:
            raise too_many_bytes(info.file_size, settings.PICTURE_LIMITS)
        ratio = info.file_size / max(1, info.compress_size)
        if info.file_size > RATIO_COUNTS_FROM_BYTES and ratio > self._limits.max_ratio:
            raise ZipRefused("zip_ratio", max_ratio=self._limits.max_ratio, ratio=round(ratio))


@dataclass(frozen=True)
class ZipContents:
    """`pictures`: by their names; what is in them is judged when they are read. `num_others`: files
    that are none. `num_left_out`: pictures that go beyond the limits."""

    pictures: list[PackedPicture]
    num_others: int
    num_left_out: int


def is_zip(file: UploadedFile) -> bool:
    """Whether the file begins as a ZIP does, whatever it is called."""
    file.seek(0)
    start = file.read(4)
    file.seek(0)
    return start in _SIGNATURES


def refused_as_named(error: InvalidImage, name: str | None) -> InvalidImage:
    """What is said of a file that is no picture: one that is called a ZIP was meant as one."""
    if error.code == "unknown_format" and PurePosixPath(name or "").suffix.lower() == ".zip":
        return ZipRefused("zip_damaged")
    return error


def contents_of(
    file: UploadedFile, *, max_pictures: int, limits: ZipLimits = DEFAULT_LIMITS
) -> ZipContents:
    """The first pictures of a ZIP, in its order. What systems add on their own (hidden files,
    `__MACOSX`, `Thumbs.db`) is nobody's, and not counted; where a path leads is of no matter, since
    nothing is written by its name. Raises ZipRefused."""
    archive = _opened(file, limits)
    pictures: list[PackedPicture] = []
    num_others = num_left_out = num_bytes = 0
    for info in archive.infolist():
        name = name_of(info)
        parts = [part for part in name.replace("\\", "/").split("/") if part not in {"", ".", ".."}]
        if not parts or info.is_dir() or any(is_litter(part) for part in parts):
            continue
        if PurePosixPath(name).suffix.lower() not in FILE_SUFFIXES:
            num_others += 1
            continue
        is_read = info.file_size <= settings.PICTURE_LIMITS.max_bytes
        num_bytes += info.file_size if is_read else 0
        if len(pictures) == max_pictures or num_bytes > limits.max_bytes:
            num_left_out += 1
            continue
        pictures.append(PackedPicture(archive, info, limits))
    if not pictures:
        raise ZipRefused("zip_no_pictures", formats=FORMAT_NAMES)
    return ZipContents(pictures, num_others, num_left_out)


def _opened(file: UploadedFile, limits: ZipLimits) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(_BoundedReads(file, limits))
    except (ZipRefused, OSError):
        raise
    except Exception as error:  # see PackedPicture.chunks
        raise ZipRefused("zip_damaged") from error


class _BoundedReads:
    """A file for `zipfile`, which reads the whole list of entries at once, however long somebody says
    that it is, and all else in pieces."""

    def __init__(self, file: UploadedFile, limits: ZipLimits) -> None:
        self._file = file
        self._limits = limits

    def read(self, num_bytes: int = -1) -> bytes:
        max_bytes = self._limits.max_directory_bytes
        if num_bytes > max_bytes:
            raise ZipRefused("zip_too_many_files", max_megabytes=max_bytes // 2**20)
        # To the end is only asked for where that is near.
        return bytes(self._file.read(num_bytes if num_bytes >= 0 else max_bytes))

    def seek(self, offset: int, whence: int = 0) -> int:
        self._file.seek(offset, whence)
        return self.tell()

    def tell(self) -> int:
        return int(self._file.tell())

    def seekable(self) -> bool:
        return True
