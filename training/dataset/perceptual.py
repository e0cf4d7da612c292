"""What a picture looks like, in eight bytes and a thumbnail: alike pictures have alike hashes."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dctn

from classifier.outliers import unit

THUMBNAIL_SIDE = 32
_HASH_SIDE = 8


def thumbnail(image: Image.Image) -> NDArray[np.uint8]:
    """The whole picture as grey uint8 `[32, 32]`, its shape forgotten."""
    small = image.convert("L").resize(
        (THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX, reducing_gap=2.0
    )
    return np.asarray(small, dtype=np.uint8)


def perceptual_hashes(thumb: NDArray[np.uint8]) -> tuple[int, int]:
    """64 bits each for a thumbnail uint8 `[32, 32]` and for its mirror image.

    Which of the lowest 8 x 8 frequencies of the cosine transform are above their median: the pHash
    of Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010). Mirrored,
    the odd horizontal frequencies change their sign.
    """
    low = dctn(thumb.astype(np.float32), norm="ortho")[:_HASH_SIDE, :_HASH_SIDE]
    mirrored = low * np.where(np.arange(_HASH_SIDE) % 2, -1, 1)
    return _above_median(low), _above_median(mirrored)


def _above_median(low: NDArray[np.float32]) -> int:
    bits = low > np.median(low.flat[1:])  # the mean brightness would shift the median
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def shape(thumbs: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Thumbnails uint8 `[N, 32, 32]` as unit vectors float32 `[N, 256]`, brightness and contrast apart.

    The product of two is their correlation. Half the resolution forgives a crop of some hundredths.
    """
    halved = thumbs.reshape(len(thumbs), 16, 2, 16, 2).mean(axis=(2, 4), dtype=np.float32)
    flat = halved.reshape(len(thumbs), 256)
    return unit(flat - flat.mean(axis=1, keepdims=True))


def flatness(thumbs: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Which share of each thumbnail uint8 `[N, 32, 32]` is of one shade, give or take two: float32 `[N]`."""
    num, shades, margin = len(thumbs), 256, 2
    values = thumbs.reshape(num, -1).astype(np.int64)
    counts = np.bincount(
        (values + shades * np.arange(num)[:, None]).reshape(-1), minlength=num * shades
    )
    padded = np.pad(counts.reshape(num, shades), ((0, 0), (margin + 1, margin)))
    running = padded.cumsum(axis=1)
    within = running[:, 2 * margin + 1 :] - running[:, : -2 * margin - 1]
    shares: NDArray[np.float32] = (within.max(axis=1) / values.shape[1]).astype(np.float32)
    return shares
