"""Picture bytes to an upright RGB picture: the only place that opens one, with every guard.

What comes in is hostile until it is decoded: the format is taken from the header and must be on
the list, the pixel count is read before anything is decoded, and the whole picture is decoded, so
that a truncated file is found here and nowhere later.
"""

import logging
import math
import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pillow_heif
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

from classifier.errors import InvalidImage

logger = logging.getLogger(__name__)

pillow_heif.register_heif_opener()
# Our own cap below is read from the header before decoding. Pillow's only warns where ours refuses.
Image.MAX_IMAGE_PIXELS = None
# Pillow warns of odd metadata, which is dropped anyway. A filter for each call (`catch_warnings`)
# would leave the filters of the whole process in disorder, as pictures are decoded in threads.
warnings.filterwarnings("ignore", module=r"(PIL|pillow_heif)\.")

# The formats that are opened. Naming their plug-ins keeps Pillow from importing its seventy others
# in search of one. JPEG's opens MPO too, as many phones write it.
OPENED_FORMATS = (
    JpegImagePlugin.JpegImageFile.format,
    PngImagePlugin.PngImageFile.format,
    WebPImagePlugin.WebPImageFile.format,
    GifImagePlugin.GifImageFile.format,
    BmpImagePlugin.BmpImageFile.format,
    AvifImagePlugin.AvifImageFile.format,
    "HEIF",
)
FORMAT_NAMES = "JPEG, PNG, WebP, GIF, BMP, HEIC, AVIF"
FILE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".mpo", ".png", ".webp", ".gif", ".bmp", ".heic", ".heif", ".avif")
)
# Formats whose further frames are an animation; an MPO's are depth maps and previews.
ANIMATED_FORMATS = frozenset(("GIF", "PNG", "WEBP", "AVIF"))
# What shows through transparent pixels: neither a white nor a black subject vanishes on it.
NEUTRAL_GROUND = (128, 128, 128)
# What makes a picture upright, by its EXIF orientation; from 5 on, width and height change places.
EXIF_ORIENTATION = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
LONGER_IS_FINE = 1.1
QUARTER_TURNS = frozenset(TURNS[orientation] for orientation in (5, 6, 7, 8))


@dataclass(frozen=True)
class Limits:
    """What a single picture may cost."""

    max_bytes: int = 32 * 1024 * 1024
    max_pixels: int = 64_000_000


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class Picture:
    """A decoded picture: upright, RGB, 8 bits a channel.

    `width` and `height` are those of the file, upright; `image` may be smaller (a decoder that can
    shrink while decoding was allowed to). `is_first_of_many`: the file is animated, this is frame 1.
    """

    image: Image.Image
    width: int
    height: int
    format: str
    is_first_of_many: bool


def read_picture(
    path: Path, *, short_side: int | None = None, limits: Limits = DEFAULT_LIMITS
) -> Picture:
    """The picture in a file; see `load_picture`. Raises InvalidImage also when it cannot be read."""
    return load_picture(read_bytes(path, limits), short_side=short_side, limits=limits)


def read_bytes(path: Path, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """A file's content, if it is not larger than a picture may be. Raises InvalidImage."""
    try:
        num_bytes = path.stat().st_size
        with path.open("rb") as file:  # what is no plain file tells no size and may have no end
            data = file.read(limits.max_bytes + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise InvalidImage("missing", path=path) from error
    if len(data) > limits.max_bytes:
        raise too_many_bytes(max(num_bytes, len(data)), limits)
    return data


def load_picture(
    data: bytes,
    *,
    short_side: int | None = None,
    long_side: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Picture:
    """The picture in `data`, completely decoded.

    `short_side`, `long_side`: the caller needs no more pixels than this along that side, so a JPEG
    may be decoded at a half, a quarter or an eighth (five times faster for 12 megapixels).
    Raises InvalidImage with a code for each reason.
    """
    if not data:
        raise InvalidImage("empty")
    if len(data) > limits.max_bytes:
        raise too_many_bytes(len(data), limits)
    image = _open(data)
    width, height = image.size
    if width * height > limits.max_pixels:
        raise InvalidImage(
            "too_many_pixels",
            max_megapixels=limits.max_pixels // 1_000_000,
            width=width,
            height=height,
        )
    format_name = image.format or "?"
    try:
        is_animated = format_name in ANIMATED_FORMATS and bool(getattr(image, "is_animated", False))
        image.draft(image.mode, _enough(width, height, short_side=short_side, long_side=long_side))
        image.load()
        turn = TURNS.get(_orientation(image))
        upright = _to_rgb(image)
        if turn is not None:
            upright = upright.transpose(turn)
    except Exception as error:
        # Decoders meet hostile bytes here and fail in every way there is (OSError, SyntaxError,
        # struct.error, zlib.error, IndexError ...). For the caller they all mean the same.
        logger.info("Refused a %s picture: %r", format_name, error)
        raise InvalidImage("damaged", format=format_name) from error
    if turn in QUARTER_TURNS:
        width, height = height, width
    return Picture(upright, width, height, format_name, is_animated)


def encode_jpeg(image: Image.Image, *, long_side: int, quality: int = 90) -> bytes:
    """A JPEG that we encoded ourselves, of about `long_side` pixels at most.

    One that is up to a tenth longer is left so: decoders shrink by halves, which often comes that
    near, and scaling it once more would cost as much as all the rest. Nothing of the original file
    survives but its pixels: no EXIF, no position, no appended bytes.
    """
    factor = long_side / max(image.size)
    if factor < 1 / LONGER_IS_FINE:
        size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        image = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    clean = Image.new("RGB", image.size)
    clean.paste(image)
    buffer = BytesIO()
    clean.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def too_many_bytes(num_bytes: int, limits: Limits) -> InvalidImage:
    return InvalidImage(
        "too_many_bytes",
        max_megabytes=limits.max_bytes // 1_048_576,
        megabytes=math.ceil(num_bytes / 104_857.6) / 10,
    )


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(BytesIO(data), formats=OPENED_FORMATS)
    except Exception as error:  # see load_picture: a header may fail in every way too
        format_name = _format_by_signature(data)
        if format_name:
            raise InvalidImage("damaged", format=format_name) from error
        raise InvalidImage("unknown_format", formats=FORMAT_NAMES) from error


def _format_by_signature(data: bytes) -> str | None:
    """The format that the first bytes promise. WebP, AVIF and HEIC that are cut off do not open."""
    for name in OPENED_FORMATS:
        _, accepts = Image.OPEN[name]
        if accepts and accepts(data[:16]) is True:
            return name
    return None


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation; 1 where it is missing or cannot be read, as every browser has it."""
    try:
        orientation = image.getexif().get(EXIF_ORIENTATION)
    except Exception as error:  # broken metadata fails in every way there is; the picture is whole
        logger.info("Ignored the EXIF block of a picture: %r", error)
        return 1
    return orientation if isinstance(orientation, int) else 1


def _enough(
    width: int, height: int, *, short_side: int | None, long_side: int | None
) -> tuple[int, int]:
    factors = []
    if short_side is not None:
        factors.append(short_side / min(width, height))
    if long_side is not None:
        factors.append(long_side / max(width, height))
    factor = min(1.0, max(factors, default=1.0))
    return math.ceil(width * factor), math.ceil(height * factor)


def _to_rgb(image: Image.Image) -> Image.Image:
    """RGB, with defined results where a plain `convert` has surprising ones.

    16 bits are scaled (conversion would clip everything over 255 to white), transparency is
    composed on the neutral ground (conversion would show what hides under it).
    """
    if image.mode.startswith("I"):
        grey = image.convert("I").point(lambda value: value * (1 / 257) + 0.5)
        return grey.convert("L").convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        rgb = Image.new("RGB", rgba.size, NEUTRAL_GROUND)
        rgb.paste(rgba, mask=rgba.getchannel("A"))
        return rgb
    return image.convert("RGB")
