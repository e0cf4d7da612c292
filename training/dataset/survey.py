"""What each file of an index is: its hash, size and perceptual hash, or why it is no picture.

Every file is read and hashed; it is decoded only where its facts are not known from before.
"""

import hashlib
import struct
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from classifier.errors import InvalidImage
from classifier.images import load_picture, read_bytes
from classifier.preprocess import short_side_for
from training.cache import Cache
from training.dataset.perceptual import THUMBNAIL_SIDE, flatness, perceptual_hashes, thumbnail
from training.dataset.pictures import NUM_THREADS, Pictures
from training.sources.index import Index

CHUNK = 256
# Width, height, the two hashes and the contrast; the thumbnail follows.
_FACTS = struct.Struct("<IIQQf")
# What the facts are taken from, whatever is trained: one picture has one hash. It is what the usual
# image size of 224 wants, whose pictures are then decoded once.
FACTS_SHORT_SIDE = 256
_UNHASHED = bytes(32)


@dataclass
class Survey:
    """Facts of N files, in the order of the index.

    `hashes`: SHA-256, uint8 `[N, 32]`, zeros where a file could not even be read. `sizes`: int32
    `[N, 2]`, width and height. `perceptual`: uint64 `[N, 2]`, of the picture and of its mirror image.
    `contrasts`: the standard deviation of a picture's grey values, 0 to 128, float32 `[N]`.
    `flatness`: which share of a picture is of one shade, 0 to 1, float32 `[N]`.
    `problems`: why a file is no picture, by row.
    """

    hashes: NDArray[np.uint8]
    sizes: NDArray[np.int32]
    perceptual: NDArray[np.uint64]
    contrasts: NDArray[np.float32]
    flatness: NDArray[np.float32]
    problems: dict[int, InvalidImage] = field(default_factory=dict)

    def sha256(self, row: int) -> bytes:
        return bytes(self.hashes[row])


def survey_files(
    index: Index,
    cache: Cache,
    pictures: Pictures,
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> Survey:
    """The facts of every file of the index. New ones go to the cache, what was decoded to `pictures`."""
    num = len(index)
    survey = Survey(
        hashes=np.zeros((num, 32), np.uint8),
        sizes=np.zeros((num, 2), np.int32),
        perceptual=np.zeros((num, 2), np.uint64),
        contrasts=np.zeros(num, np.float32),
        flatness=np.zeros(num, np.float32),
    )
    with ThreadPoolExecutor(NUM_THREADS) as threads:
        for start in range(0, num, CHUNK):
            rows = range(start, min(start + CHUNK, num))
            hashes = list(threads.map(lambda row: _hash(index, row), rows))
            known = cache.facts([sha256 for sha256 in hashes if isinstance(sha256, bytes)])

            def look(
                row: int, sha256: bytes | InvalidImage, known: Mapping[bytes, bytes] = known
            ) -> bytes | InvalidImage:
                if isinstance(sha256, InvalidImage):
                    return sha256
                return known.get(sha256) or _decoded(index, row, sha256, pictures)

            new: list[tuple[bytes, bytes]] = []
            records = list(threads.map(look, rows, hashes))
            for row, sha256, record in zip(rows, hashes, records, strict=True):
                _note(survey, row, sha256, record)
                if isinstance(sha256, bytes) and isinstance(record, bytes) and sha256 not in known:
                    new.append((sha256, record))
            cache.keep_facts(new)
            _note_flatness(survey, rows, records)
            on_progress((start + len(rows)) / num)
    pictures.expect(survey.hashes)
    return survey


def thumbnails(cache: Cache, hashes: list[bytes]) -> dict[bytes, NDArray[np.uint8]]:
    """Grey uint8 `[32, 32]` of each picture that was surveyed, by hash."""
    return {sha256: _thumbnail(record) for sha256, record in cache.facts(hashes).items()}


def _hash(index: Index, row: int) -> bytes | InvalidImage:
    try:
        return hashlib.sha256(read_bytes(index.path(row))).digest()
    except InvalidImage as error:
        return error


def _decoded(index: Index, row: int, sha256: bytes, pictures: Pictures) -> bytes | InvalidImage:
    """The record to keep under this hash, or a problem that says nothing of a file with this hash."""
    path = index.path(row)
    try:
        data = read_bytes(path)
    except InvalidImage as error:
        return error
    if hashlib.sha256(data).digest() != sha256:  # somebody is writing to it just now
        return InvalidImage("missing", path=path)
    try:
        picture = load_picture(data, short_side=FACTS_SHORT_SIDE)
    except InvalidImage as error:
        return error  # not kept: a later decoder may be able to read it
    if short_side_for(pictures.image_size) == FACTS_SHORT_SIDE:
        pictures.keep(row, picture.image)
    thumb = thumbnail(picture.image)
    hashes = perceptual_hashes(thumb)
    return _FACTS.pack(picture.width, picture.height, *hashes, float(thumb.std())) + thumb.tobytes()


def _note(
    survey: Survey, row: int, sha256: bytes | InvalidImage, record: bytes | InvalidImage
) -> None:
    if isinstance(sha256, bytes):
        survey.hashes[row] = np.frombuffer(sha256, np.uint8)
    if isinstance(record, InvalidImage):
        survey.problems[row] = record
    else:
        width, height, plain, mirrored, contrast = _FACTS.unpack_from(record)
        survey.sizes[row] = width, height
        survey.perceptual[row] = plain, mirrored
        survey.contrasts[row] = contrast


def _note_flatness(survey: Survey, rows: range, records: Sequence[bytes | InvalidImage]) -> None:
    read = [(row, each) for row, each in zip(rows, records, strict=True) if isinstance(each, bytes)]
    if read:
        thumbs = np.stack([_thumbnail(record) for _, record in read])
        survey.flatness[[row for row, _ in read]] = flatness(thumbs)


def _thumbnail(record: bytes) -> NDArray[np.uint8]:
    side = THUMBNAIL_SIDE
    return np.frombuffer(record, np.uint8, offset=_FACTS.size).reshape(side, side)
