"""Memory of this process."""

import resource
import sys
from pathlib import Path

from webapp.studio.runs.room import MEGABYTE


def resident_megabytes() -> int:
    """What it has in memory now; where the system does not say, the most that it has had."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most // (MEGABYTE if sys.platform == "darwin" else 1024)
    return pages * resource.getpagesize() // MEGABYTE
