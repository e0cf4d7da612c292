"""Pictures as bytes, for uploads."""

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
