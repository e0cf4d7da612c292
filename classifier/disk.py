"""What is written is on the disk, and stays there when the power goes. Needs neither numpy nor Pillow."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Wait until the disk has a file's content; of a folder, the names in it. Raises OSError.

    A file that was renamed may lose its new name with the power until its folder is synced too.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
