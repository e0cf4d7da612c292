"""Pictures of one colour: as bytes for uploads, as arrays for engines."""

import uuid
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

RGB = {
    "red": (220, 20, 20),
    "green": (20, 220, 20),
    "blue": (20, 20, 220),
    "yellow": (220, 220, 20),
    "black": (0, 0, 0),
    "grey": (128, 128, 128),
}


def picture_bytes(
    colour: str = "red", size: tuple[int, int] = (80, 60), format_name: str = "JPEG"
) -> bytes:
    """A picture of one colour."""
    buffer = BytesIO()
    Image.new("RGB", size, RGB[colour]).save(buffer, format_name)
    return buffer.getvalue()


def new_picture_bytes(colour: str = "red") -> bytes:
    """A JPEG of one colour that nobody has sent before: what was is answered without a worker."""
    buffer = BytesIO()
    Image.new("RGB", (80, 60), RGB[colour]).save(buffer, "JPEG", comment=uuid.uuid4().hex)
    return buffer.getvalue()


def plain(*colours: str, image_size: int = 64) -> NDArray[np.uint8]:
    """A picture of each colour, `[N, S, S, 3]`."""
    pictures = np.empty((len(colours), image_size, image_size, 3), dtype=np.uint8)
    for picture, colour in zip(pictures, colours, strict=True):
        picture[:] = RGB[colour]
    return pictures
