"""Room on the disk: whether a run may begin."""

import shutil
from dataclasses import dataclass

from django.conf import settings

from classifier.errors import ClassifierError, gettext_noop

MEGABYTE = 1_048_576


class NoRoom(ClassifierError):
    """A run that the disk has no room for; it has not begun."""

    sentences = {
        "disk": gettext_noop(
            "Expected %(needed)s MB of room for the training beside the %(kept)s MB that stay free, found "
            "%(free)s MB free on the disk of the data folder. Make room for %(missing)s MB more, and train "
            "again."
        ),
    }


@dataclass(frozen=True)
class Room:
    """Megabytes: what a run needs, what is free, what stays free in any case, and what is missing."""

    needed: int
    free: int
    kept: int

    @property
    def missing(self) -> int:
        return max(0, self.needed + self.kept - self.free)

    def expect_enough(self) -> None:
        """Raises NoRoom."""
        if self.missing:
            raise NoRoom(
                "disk", needed=self.needed, free=self.free, kept=self.kept, missing=self.missing
            )


def room_for(needed_bytes: int) -> Room:
    """The room on the disk of the data folder, as it is now."""
    free = shutil.disk_usage(settings.DATA_DIR).free // MEGABYTE
    return Room(needed_bytes // MEGABYTE + 1, free, settings.MIN_FREE_MB)
