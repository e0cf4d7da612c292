"""Kept pictures on disk: JPEGs that we encoded ourselves, under names that nobody chose."""

import contextlib
import logging
import os
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from django.conf import settings
from PIL import Image

from classifier import disk
from classifier.images import encode_jpeg, load_picture, too_many_bytes

logger = logging.getLogger(__name__)

THUMBNAIL_SUFFIX = ".thumbnail.jpg"
TEMPORARY_SUFFIX = ".part"
# A hostile picture may take 300 MB while it is decoded; two at a time is what a web process affords.
decoding = threading.BoundedSemaphore(2)


class Chunked(Protocol):
    """A file that gives all of its content each time, as Django's uploaded files do."""

    def chunks(self) -> Iterator[bytes]: ...


@dataclass(frozen=True)
class KeptPicture:
    """`name`: relative to the pictures' folder. `width`, `height`: of the original, upright."""

    name: str
    width: int
    height: int
    is_first_of_many: bool


def keep(file: Chunked, num_bytes: int, *, name: str) -> KeptPicture:
    """The uploaded picture, decoded, encoded anew and on disk under a new name.

    Raises InvalidImage, and OSError when the disk will not take it.
    """
    if num_bytes > settings.PICTURE_LIMITS.max_bytes:
        raise too_many_bytes(num_bytes, settings.PICTURE_LIMITS)
    with decoding:
        picture = load_picture(
            b"".join(file.chunks()),
            long_side=settings.KEPT_LONG_SIDE,
            limits=settings.PICTURE_LIMITS,
        )
        kept = encode_jpeg(picture.image, long_side=settings.KEPT_LONG_SIDE)
    try:
        _write(path_of(name), kept)
        disk.sync(path_of(name).parent)  # the names are the folder's to sync
    except OSError:
        forget(name)
        raise
    return KeptPicture(name, picture.width, picture.height, picture.is_first_of_many)


def keep_again(kept: str, *, name: str) -> None:
    """A new name for a picture that is kept already: a second link to the same file.

    Each may be forgotten without the other. Raises OSError when it is no longer there.
    """
    path_of(name).parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path_of(kept), path_of(name))
        disk.sync(path_of(name).parent)
    except OSError:
        forget(name)
        raise


def forget(name: str) -> bool:
    """Remove a kept picture and its thumbnail; fine when they are gone already. False where the disk
    would not let go of one."""
    is_gone = True
    for path in (path_of(name), thumbnail_path_of(name)):
        try:
            path.unlink(missing_ok=True)
        except OSError:
            is_gone = False
    return is_gone


def is_there(folder: Path) -> bool:
    """Whether a folder that has had content has any: one on another machine may be out of reach, or
    not mounted yet, which is no fault of what should be in it."""
    try:
        return any(folder.iterdir())
    except OSError:
        return False


def path_of(name: str) -> Path:
    return Path(settings.PICTURES_DIR) / name


def size_of(name: str) -> tuple[int, int] | None:
    """Width and height of a kept picture, read from its head; None where it is gone."""
    try:
        with Image.open(path_of(name), formats=("JPEG",)) as image:
            return image.size
    except OSError:
        return None


def thumbnail_path_of(name: str) -> Path:
    """Where a kept picture's thumbnail is once somebody has looked at it."""
    return path_of(name).with_suffix(THUMBNAIL_SUFFIX)


def thumbnail_of(name: str) -> bytes:
    """A kept picture, small, as JPEG. The first who looks has it made: that costs more than to keep
    the picture, and programs send many that nobody ever looks at.

    Raises FileNotFoundError when the picture is gone, InvalidImage when it is damaged.
    """
    path = thumbnail_path_of(name)
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    long_side = settings.THUMBNAIL_LONG_SIDE
    picture = load_picture(path_of(name).read_bytes(), long_side=long_side)
    thumbnail = encode_jpeg(picture.image, long_side=long_side, quality=80)
    # Two who look at the same moment both write, each sees a whole one. Not synced: it can be made
    # again, and without a disk that takes it, too.
    draft = path.with_suffix(f".{uuid.uuid4().hex}{TEMPORARY_SUFFIX}")
    try:
        draft.write_bytes(thumbnail)
        draft.replace(path)
        if not path_of(name).exists():  # forgotten meanwhile, and this with it
            path.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("The thumbnail %s could not be kept: %s", path, error)
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    return thumbnail


def new_name() -> str:
    """For a picture to keep; relative to the pictures' folder, as all names."""
    stem = uuid.uuid4().hex
    return f"{stem[:2]}/{stem}.jpg"


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
