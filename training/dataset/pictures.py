"""The pictures of an index as model input: decoded in threads, kept while there is room."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from classifier.engines.hardware import num_cores
from classifier.errors import InvalidImage
from classifier.images import load_picture, read_bytes
from classifier.preprocess import fit, short_side_for
from training.errors import DatasetRefused
from training.sources.index import Index

NUM_THREADS = max(2, num_cores())
# What was decoded once is not decoded again while it fits in here: 3,500 pictures of 224 pixels.
MAX_KEPT_BYTES = 512 * 2**20


class Pictures:
    """Fitted pictures uint8 `[S, S, 3]` by their row in the index."""

    def __init__(
        self, index: Index, image_size: int, *, max_kept_bytes: int = MAX_KEPT_BYTES
    ) -> None:
        self.index = index
        self.image_size = image_size
        self._hashes: NDArray[np.uint8] | None = None
        self._kept: dict[int, NDArray[np.uint8]] = {}
        self._max_kept = max_kept_bytes // (3 * image_size**2)

    def expect(self, hashes: NDArray[np.uint8]) -> None:
        """From now on, accept only pictures with these SHA-256, uint8 `[N, 32]`: what is computed of a
        picture is kept under its hash."""
        self._hashes = hashes

    def keep(self, row: int, image: Image.Image) -> None:
        """Remember a picture that was decoded for another reason, while there is room."""
        if len(self._kept) < self._max_kept:
            self._kept[row] = fit(image, self.image_size)

    def open(self, row: int, short_side: int | None = None) -> Image.Image:
        """The upright RGB picture, with a short side of at least what the input needs if it has it.

        Raises DatasetRefused when the file has changed since it was surveyed.
        """
        path = self.index.path(row)
        try:
            data = read_bytes(path)
            image = load_picture(
                data, short_side=short_side or short_side_for(self.image_size)
            ).image
        except InvalidImage as error:
            raise DatasetRefused("changed", path=path, problem=error) from error
        if (
            self._hashes is not None
            and hashlib.sha256(data).digest() != self._hashes[row].tobytes()
        ):
            raise DatasetRefused("changed", path=path, problem="it is another picture now.")
        return image

    def read(self, row: int) -> NDArray[np.uint8]:
        """One picture, uint8 `[S, S, 3]`. Raises DatasetRefused."""
        kept = self._kept.get(row)
        return fit(self.open(row), self.image_size) if kept is None else kept

    def stack(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Those pictures, uint8 `[N, S, S, 3]`. Raises DatasetRefused."""
        empty = np.empty((0, self.image_size, self.image_size, 3), np.uint8)
        return np.concatenate([empty, *self.batches(rows, max(1, len(rows)))])

    def batches(self, rows: NDArray[np.int64], batch_size: int) -> Iterator[NDArray[np.uint8]]:
        """Those pictures in batches uint8 `[<=batch_size, S, S, 3]`; the next one is decoded ahead."""
        starts = range(0, len(rows), batch_size)
        with ThreadPoolExecutor(NUM_THREADS) as threads:

            def ask(start: int) -> Iterator[NDArray[np.uint8]]:
                return threads.map(self.read, map(int, rows[start : start + batch_size]))

            coming = [ask(start) for start in starts[:2]]
            for start in starts:
                ready = coming.pop(0)
                if start + 2 * batch_size < len(rows):
                    coming.append(ask(start + 2 * batch_size))
                yield np.stack(list(ready))
