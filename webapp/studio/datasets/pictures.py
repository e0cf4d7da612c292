"""A dataset's pictures for pages: encoded anew, and small ones kept, since a page shows dozens."""

import contextlib
import hashlib
import os
import time
import uuid
from pathlib import Path

from django.conf import settings

from classifier.images import encode_jpeg, load_picture, read_bytes
from webapp.predictions.pictures import decoding
from webapp.studio.models import Example

THUMBNAIL_LONG_SIDE = 240
SHOWN_LONG_SIDE = 1200
KEPT_SECONDS = 30 * 24 * 3600


def thumbnail_of(example: Example) -> bytes:
    """A small JPEG. Raises InvalidImage where the file is none, and FileNotFoundError where there is
    none that lies below the data folder."""
    file = _file_of(example)
    kept = _kept_name(file)
    try:
        return kept.read_bytes()
    except FileNotFoundError:
        small = _encoded(file, THUMBNAIL_LONG_SIDE)
    _keep(kept, small)
    if not file.exists():  # it was forgotten meanwhile
        kept.unlink(missing_ok=True)
    return small


def picture_of(example: Example) -> bytes:
    """A JPEG to look at closely. Raises as `thumbnail_of` does."""
    return _encoded(_file_of(example), SHOWN_LONG_SIDE)


def forget_picture(file: Path) -> None:
    """Remove a file and the small picture that was kept of it; fine when it is gone. Raises OSError."""
    try:
        kept = _kept_name(file.resolve())
    except FileNotFoundError:
        return
    kept.unlink(missing_ok=True)  # first: who is killed leaves no small picture without its file
    file.unlink(missing_ok=True)
    kept.unlink(missing_ok=True)  # of somebody who has looked at it at this moment


def thumbnails_sweep() -> int:
    """Remove the small pictures that were made long ago; returns how many. Whatever has gone with its
    dataset is among them, and the others are made anew when somebody looks."""
    num_gone, until = 0, time.time() - KEPT_SECONDS
    for file in _thumbnails_folder().glob("*/*"):
        with contextlib.suppress(OSError):  # another worker sweeps, too
            if file.stat().st_mtime < until:
                file.unlink()
                num_gone += 1
    return num_gone


def _file_of(example: Example) -> Path:
    """The real file; one that a link leads out of the data folder to is none."""
    file, inside = example.file.resolve(), Path(settings.DATA_DIR).resolve()
    if not file.is_relative_to(inside) or not file.is_file():
        raise FileNotFoundError(example.path)
    return file


def _encoded(file: Path, long_side: int) -> bytes:
    limits = settings.PICTURE_LIMITS
    with decoding:
        try:
            picture = load_picture(read_bytes(file, limits), long_side=long_side, limits=limits)
        except OSError as error:
            raise FileNotFoundError(file.name) from error
        return encode_jpeg(picture.image, long_side=long_side, quality=80)


def _kept_name(file: Path) -> Path:
    """Where its small picture is kept: another file under the same path has another time or size."""
    status = file.stat()
    name = f"{file}\0{status.st_mtime_ns}\0{status.st_size}".encode(errors="surrogateescape")
    digest = hashlib.sha256(name).hexdigest()
    return _thumbnails_folder() / digest[:2] / f"{digest}.jpg"


def _thumbnails_folder() -> Path:
    return Path(settings.CACHE_DIR) / "thumbnails"


def _keep(kept: Path, small: bytes) -> None:
    """Written beside and renamed; a disk that does not take it costs the next page its time."""
    part = kept.with_name(f".{uuid.uuid4()}.part")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(small)
        os.replace(part, kept)  # noqa: PTH105 - replaces what another process has written meanwhile
    except OSError:
        part.unlink(missing_ok=True)
