"""Pictures as bytes, for uploads."""

import uuid
from io import BytesIO

from PIL import Image

RGB = {"red": (220, 20, 20), "green": (20, 220, 20), "blue": (20, 20, 220)}


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
