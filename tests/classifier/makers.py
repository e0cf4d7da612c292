"""Pictures made by hand, where an encoder would not write what a test needs."""

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image

ORIENTATION = 0x0112
UPRIGHT_TO_STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def encoded(image: Image.Image, format_name: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


def scene(width: int = 120, height: int = 80) -> Image.Image:
    """A smooth picture in which every corner has a colour of its own."""
    x = np.linspace(0, 1, width)[None, :, None]
    y = np.linspace(0, 1, height)[:, None, None]
    corners = np.array([[[230, 30, 30], [30, 220, 40]], [[40, 50, 230], [235, 225, 40]]])
    top = corners[0, 0] * (1 - x) + corners[0, 1] * x
    bottom = corners[1, 0] * (1 - x) + corners[1, 1] * x
    return Image.fromarray((top * (1 - y) + bottom * y).astype(np.uint8))


def noise(width: int = 200, height: int = 150, seed: int = 0) -> Image.Image:
    """A picture that does not compress, so that a file of it can be cut anywhere."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def png(
    width: int,
    height: int,
    *,
    bits: int,
    colour_type: int,
    rows: bytes = b"",
    transparent: bytes | None = None,
) -> bytes:
    """A PNG of these very header fields; `rows` are the unpacked rows, each after its filter byte."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"tRNS", transparent) if transparent else b"",
            _chunk(b"IDAT", zlib.compress(rows)),
            _chunk(b"IEND", b""),
        )
    )


def stored_turned(upright: Image.Image, orientation: int, format_name: str) -> bytes:
    """A file that a camera held otherwise would write: turned pixels and the EXIF to undo it."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    turn = UPRIGHT_TO_STORED.get(orientation)
    stored = upright if turn is None else upright.transpose(turn)
    options = {"quality": 95} if format_name == "JPEG" else {"lossless": True}
    if format_name == "PNG":
        options = {}
    return encoded(stored, format_name, exif=exif.tobytes(), **options)


def exif_with_orientation(field_type: int, count: int, value: bytes) -> bytes:
    """An EXIF block whose orientation has another type or count than the standard says."""
    entry = struct.pack(">HHI", ORIENTATION, field_type, count) + value
    return b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + entry + b"\0\0\0\0"


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum
