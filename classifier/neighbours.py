"""The training pictures that a bundle keeps: their embeddings, labels and thumbnails.

Training writes them, serving maps the embeddings into memory; `nearest.py` searches them.
"""

import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = "neighbours.npz"
_LOCAL_HEADER = struct.Struct("<26xHH")  # lengths of the name and of the extra field after it


@dataclass(frozen=True)
class Neighbours:
    """What the head learned from, M pictures.

    `embeddings`: float16 `[M, D]` of unit length, see `outliers.as_kept`. `labels`: int32 `[M]`, places
    in `label_sets`, which are tuples of places in the class names. `hashes`: SHA-256, uint8 `[M, 32]`.
    `offsets`: int64 `[M + 1]`, where each thumbnail begins and ends in NEIGHBOURS_PICTURES; one that is
    missing has no length. The first bundles have neither label sets nor thumbnails: then those are
    empty.
    """

    embeddings: NDArray[np.float16]
    labels: NDArray[np.int32]
    hashes: NDArray[np.uint8]
    label_sets: tuple[tuple[int, ...], ...] = ()
    offsets: NDArray[np.int64] | None = None

    def save(self, path: Path) -> None:
        sizes = [len(labels) for labels in self.label_sets]
        arrays: dict[str, Any] = {
            "embeddings": self.embeddings,
            "labels": self.labels,
            "hashes": self.hashes,
            # All sets one after the other, and where each of them ends.
            "set_classes": np.array([i for labels in self.label_sets for i in labels], np.int32),
            "set_ends": np.cumsum(sizes, dtype=np.int64),
        }
        if self.offsets is not None:
            arrays["offsets"] = self.offsets
        np.savez(path, **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The neighbours in a file, the embeddings left on the disk until they are read.

        Raises ValueError when they are none, do not fit each other or are not finite.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                names = set(arrays.files)
                labels, hashes = arrays["labels"], arrays["hashes"]
                classes = arrays["set_classes"] if "set_classes" in names else np.array([], int)
                ends = arrays["set_ends"] if "set_ends" in names else np.array([], int)
                offsets = arrays["offsets"] if "offsets" in names else None
            embeddings = _mapped(path, "embeddings")
        except (KeyError, OSError, EOFError, zipfile.BadZipFile, struct.error) as error:
            raise ValueError(f"unreadable: {error!r}") from error
        sets = np.split(classes, ends[:-1]) if len(ends) else []
        found = cls(
            embeddings=embeddings,
            labels=labels,
            hashes=hashes,
            label_sets=tuple(tuple(map(int, each)) for each in sets),
            offsets=offsets,
        )
        found._check()
        return found

    def classes_of(self, place: int) -> tuple[int, ...]:
        """The classes of a picture; it may have several or none."""
        return self.label_sets[self.labels[place]]

    def thumbnail_of(self, place: int) -> tuple[int, int] | None:
        """Where its thumbnail begins and how many bytes it has."""
        if self.offsets is None:
            return None
        start, end = map(int, self.offsets[place : place + 2])
        return (start, end - start) if end > start else None

    def _check(self) -> None:
        num, num_sets, offsets = len(self.labels), len(self.label_sets), self.offsets
        if self.embeddings.ndim != 2 or self.embeddings.dtype != np.float16:
            raise ValueError(f"expected embeddings in half precision, {self.embeddings.dtype}")
        if not num or len(self.embeddings) != num or len(self.hashes) != num:
            raise ValueError(f"{len(self.embeddings)} embeddings with {num} labels")
        if num_sets and not 0 <= self.labels.min() <= self.labels.max() < num_sets:
            raise ValueError(f"a label beyond the {num_sets} sets of them")
        if offsets is not None:
            in_turn = len(offsets) == num + 1 and offsets[0] == 0 and (np.diff(offsets) >= 0).all()
            if not in_turn:
                raise ValueError("thumbnails that do not follow each other")


def _mapped(path: Path, name: str) -> NDArray[np.float16]:
    """An array of an uncompressed .npz, mapped: numpy would read all of it into memory."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(f"{name}.npy")
        with archive.open(info) as member:
            np.lib.format.read_magic(member)
            shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(member)
            num_header_bytes = member.tell()
    if info.compress_type != zipfile.ZIP_STORED or is_fortran or dtype.hasobject:
        raise ValueError(f"expected {name} plain and uncompressed")
    with path.open("rb") as file:
        file.seek(info.header_offset)
        lengths = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    start = info.header_offset + _LOCAL_HEADER.size + sum(lengths) + num_header_bytes
    return np.memmap(path, dtype, "r", start, shape)
