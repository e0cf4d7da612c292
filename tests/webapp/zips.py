"""ZIPs to upload, honest ones and others."""

import io
import struct
import zipfile

from django.core.files.uploadedfile import SimpleUploadedFile

from tests.pictures import new_picture_bytes


def zip_bytes(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


def zip_file(*files: tuple[str, bytes], name: str = "trip.zip") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, zip_bytes(*files))


def zip_of_pictures(*names: str) -> SimpleUploadedFile:
    return zip_file(*((name, new_picture_bytes()) for name in names))


def with_flags(content: bytes, flags: int) -> bytes:
    """The same ZIP, its first file marked in both places that tell of it."""
    return _changed(content, local=6, central=8, value=flags)


def with_method(content: bytes, method: int) -> bytes:
    return _changed(content, local=8, central=10, value=method)


def with_size(content: bytes, num_bytes: int) -> bytes:
    """A lie about the first file's size."""
    changed = bytearray(content)
    struct.pack_into("<L", changed, 22, num_bytes)
    struct.pack_into("<L", changed, changed.index(b"PK\x01\x02") + 24, num_bytes)
    return bytes(changed)


def _changed(content: bytes, *, local: int, central: int, value: int) -> bytes:
    changed = bytearray(content)
    struct.pack_into("<H", changed, local, value)
    struct.pack_into("<H", changed, changed.index(b"PK\x01\x02") + central, value)
    return bytes(changed)
