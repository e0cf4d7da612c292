"""Where the embedded Redis listens."""

import hashlib
import tempfile
from pathlib import Path

MAX_SOCKET_PATH = 100  # the kernel's limit is 108, with the terminating NUL and Redis' own suffix


def socket_path(data_dir: Path) -> Path:
    """A socket in the data folder; in a folder of its own under /tmp where that path is too long."""
    path = data_dir / "redis.sock"
    if len(str(path)) <= MAX_SOCKET_PATH:
        return path
    digest = hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"ocellus-{digest}" / "redis.sock"
