"""What comes with an upload, before it is kept: files, pictures out of ZIPs, what addresses lead to."""

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.utils.translation import gettext, ngettext

from classifier.errors import InvalidImage
from webapp.outside import OutsideRefused, fetch
from webapp.predictions.zips import PackedPicture, ZipRefused, contents_of, is_zip

# Servers that do not know a picture from other files say `octet-stream`.
PICTURE_TYPES = ("image/*", "application/octet-stream")


class IncomingFile(Protocol):
    """A file to make a prediction of. `chunks` gives all of it each time, or raises InvalidImage."""

    name: str | None
    size: int | None

    def chunks(self) -> Iterator[bytes]: ...


class RefusedZip:
    """A ZIP of which nothing can be taken: it becomes a failed prediction with the reason."""

    def __init__(self, file: UploadedFile, refused: ZipRefused) -> None:
        self._refused = refused
        self.name = file.name
        self.size: int | None = None  # not to be measured as a picture is

    def chunks(self) -> Iterator[bytes]:
        raise self._refused


@dataclass
class Unpacked:
    """The files to make predictions of, and what became of the others: pictures beyond the limit,
    and files in ZIPs that are no pictures."""

    files: list[IncomingFile] = field(default_factory=list)
    num_others: int = 0
    num_left_out: int = 0

    def first(self, num: int) -> "Unpacked":
        """The same with so many files at most; the others are left out."""
        num_left_out = self.num_left_out + len(self.files[num:])
        return Unpacked(self.files[:num], self.num_others, num_left_out)

    @property
    def num_not_taken(self) -> int:
        return self.num_others + self.num_left_out

    @property
    def num_from_zips(self) -> int:
        return sum(isinstance(file, PackedPicture) for file in self.files)

    @property
    def notes(self) -> list[str]:
        """What a visitor should know of it, in the reader's language."""
        notes = []
        if self.num_left_out:
            sentence = gettext(
                "More came than one upload may hold. The first %(num_taken)s were taken; please send "
                "the others (%(num)s) in another upload."
            )
            notes.append(sentence % {"num_taken": len(self.files), "num": self.num_left_out})
        if self.num_others:
            sentence = ngettext(
                "%(num)s file in the ZIP has no picture's name and was left out.",
                "%(num)s files in the ZIP have no picture's name and were left out.",
                self.num_others,
            )
            notes.append(sentence % {"num": self.num_others})
        return notes


def unpacked(files: Sequence[UploadedFile], *, max_pictures: int) -> Unpacked:
    """These files in their order, each ZIP replaced by its pictures. A ZIP of which nothing can be
    taken costs the others nothing."""
    found = Unpacked()
    for file in files:
        room = max_pictures - len(found.files)
        if not room:
            found.num_left_out += 1  # a ZIP is not opened to count
        elif not is_zip(file):
            found.files.append(file)
        else:
            try:
                contents = contents_of(file, max_pictures=room)
            except ZipRefused as refused:
                found.files.append(RefusedZip(file, refused))
                continue
            found.files.extend(contents.pictures)
            found.num_others += contents.num_others
            found.num_left_out += contents.num_left_out
    return found


class AddressRefused(Exception):
    """An address that leads to no picture, or is not asked; `str()` is a sentence in the reader's language.
    `code` is for the metrics, `status` for the answer where nothing else came."""

    def __init__(self, sentence: str, *, code: str, status: int = 422) -> None:
        self.code = code
        self.status = status
        super().__init__(sentence)


def file_at(address: str) -> UploadedFile:
    """What an address leads to, as if it had been uploaded. Raises AddressRefused."""
    try:
        fetched = fetch(
            address,
            max_bytes=settings.PICTURE_LIMITS.max_bytes,
            seconds=settings.FETCH_SECONDS,
            accept=PICTURE_TYPES,
        )
    except OutsideRefused as refused:
        raise AddressRefused(refused.sentence, code=refused.code) from refused
    return SimpleUploadedFile(fetched.name or gettext("picture"), fetched.content)


def clean_file_name(name: str) -> str:
    """What a visitor called a file, to show and never to open: no folders, no control characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(c for c in last if not unicodedata.category(c).startswith("C"))
    return printable.strip()[:255]


def content_sha256(file: IncomingFile) -> str:
    """The SHA-256 of what a file holds, in hexadecimal; empty for one that is refused unread."""
    if (file.size or 0) > settings.PICTURE_LIMITS.max_bytes:
        return ""
    digest = hashlib.sha256()
    try:
        for chunk in file.chunks():
            digest.update(chunk)
    except InvalidImage:
        return ""
    return digest.hexdigest()
