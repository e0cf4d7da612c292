"""The training pictures, small: beside an answer they show what it looks like."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifier.images import encode_jpeg
from training.dataset.pictures import NUM_THREADS, Pictures
from training.errors import DatasetRefused

LONG_SIDE = 96
QUALITY = 75
NUM_AT_ONCE = 64


def write_thumbnails(
    path: Path, pictures: Pictures, rows: NDArray[np.int64], on_progress: Callable[[float], None]
) -> NDArray[np.int64]:
    """JPEGs of these rows, one after the other in a file; returns where each begins and ends, `[M + 1]`.

    A picture that can no longer be read has none: hours of training are not lost for a thumbnail. Nor
    has one that shall not be shown.
    Raises OSError when the disk will not take them.
    """
    sizes = []
    with path.open("xb") as file:
        for thumbnail in _thumbnails(pictures, rows):
            sizes.append(file.write(thumbnail))
            on_progress(len(sizes) / len(rows))
    return np.array([0, *accumulate(sizes)], np.int64)


def _thumbnails(pictures: Pictures, rows: NDArray[np.int64]) -> Iterator[bytes]:
    def thumbnail(row: int) -> bytes:
        if not pictures.index.is_shown(row):
            return b""
        try:
            image = pictures.open(row, LONG_SIDE)
        except DatasetRefused:
            return b""
        return encode_jpeg(image, long_side=LONG_SIDE, quality=QUALITY)

    with ThreadPoolExecutor(NUM_THREADS) as threads:
        for start in range(0, len(rows), NUM_AT_ONCE):
            yield from threads.map(thumbnail, map(int, rows[start : start + NUM_AT_ONCE]))
