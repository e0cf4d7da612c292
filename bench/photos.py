"""The pictures that the benches upload, each time other bytes.

A comment segment in the JPEG carries a number, so that no two uploads have the same content hash
while decoding costs the same. The bytes go out in three parts; nothing is copied for a request.
"""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from tests.shared import SHARED_DATA

SMALL_SIZE, SMALL_BYTES = (500, 375), 57_000
LARGE_SIZE = (4000, 3000)
# A photo of these very measures, and the largest one there is.
SMALL_SOURCE = SHARED_DATA / "photos" / "477437164_bc3e6e594a.jpg"
LARGE_SOURCE = (
    SHARED_DATA
    / "photos"
    / "ants-devouring-remains-of-large-dead-insect-on-red-tile-in-Stellenbosch-South-Africa-closeup-1-DHD.jpg"
)
GRAIN = 4.0  # standard deviation of a phone's noise in good light, in levels
_COMMENT = b"\xff\xfe\x00\x12"  # marker and length: two bytes for itself, sixteen for the number


@dataclass(frozen=True)
class Photo:
    """A JPEG with room for a number. `origin` says what it was made from."""

    jpeg: bytes
    size: tuple[int, int]
    origin: str

    @property
    def num_bytes(self) -> int:
        return len(self.jpeg) + len(_COMMENT) + 16

    def numbered(self, number: int) -> tuple[bytes, bytes, memoryview]:
        """The file with this number in it, in parts."""
        start = self.jpeg[:2] + _COMMENT  # right behind the start of the image
        return start, b"%016x" % number, memoryview(self.jpeg)[2:]

    def describe(self) -> str:
        width, height = self.size
        return f"{width} x {height}, {self.num_bytes / 1000:,.0f} KB, {self.origin}"


def small_photo() -> Photo:
    """500 x 375, as near to 57 KB as JPEG's quality allows."""
    image, origin = _source(SMALL_SOURCE, SMALL_SIZE)
    encoded = [_encode(image, quality) for quality in range(40, 99)]
    return Photo(min(encoded, key=lambda j: abs(len(j) - SMALL_BYTES)), SMALL_SIZE, origin)


def large_photo() -> Photo:
    """12 megapixels, with a sensor's grain, of some megabytes, as phones have them."""
    image, origin = _source(LARGE_SOURCE, LARGE_SIZE)
    grain = np.random.default_rng(0).normal(0, GRAIN, (*LARGE_SIZE[::-1], 1)).astype(np.float32)
    pixels = np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8)
    return Photo(_encode(Image.fromarray(pixels), 90), LARGE_SIZE, f"{origin}, enlarged, grain")


def tiny_photo(size: tuple[int, int] = (160, 120)) -> Photo:
    """What a soak sends: some kilobytes."""
    image, origin = _source(SMALL_SOURCE, size)
    return Photo(_encode(image, 80), size, origin)


def _encode(image: Image.Image, quality: int) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _source(path: Path, size: tuple[int, int]) -> tuple[Image.Image, str]:
    """A photo at a size; a drawn one that compresses alike where the photos are not at hand."""
    try:
        with Image.open(path) as photo:
            return photo.convert("RGB").resize(size, Image.Resampling.LANCZOS), "from a photo"
    except FileNotFoundError:
        return _drawn(size), "generated"


def _drawn(size: tuple[int, int]) -> Image.Image:
    """Noise at every scale, each half as fine and half as strong: the spectrum of a photo."""
    generator = np.random.default_rng(0)
    pixels = np.full((size[1], size[0], 3), 128, np.float32)
    cells, strength = 3, 90.0
    while cells < min(1.2 * max(size), 800):
        small = generator.normal(128, strength, (cells, cells, 3)).clip(0, 255).astype(np.uint8)
        layer = Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)
        pixels += np.asarray(layer, np.float32) - 128
        cells, strength = 2 * cells, strength / 1.7
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).filter(ImageFilter.SMOOTH)
