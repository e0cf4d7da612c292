"""Where a run keeps what it needs while it goes on, and what lets it go on after it was killed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from training.cache import Cache
from training.config import TrainingConfig
from training.errors import TrainingError

CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class Workplace:
    """`source`: where an archive is unpacked. `checkpoints`: what a killed run goes on from."""

    cache: Cache
    source: Path
    checkpoints: Path

    @property
    def graphs(self) -> Path:
        """Where exported backbones are kept."""
        return self.cache.folder / "graphs"


@contextmanager
def workplace(config: TrainingConfig) -> Iterator[Workplace]:
    """The run's folders. They are gone afterwards, unless something from outside stopped the run
    (a kill, Ctrl-C, a full disk) and there is a checkpoint to go on from. Raises OSError.
    """
    folder = config.work_folder
    folder.mkdir(parents=True, exist_ok=True)
    cache = Cache(config.cache or folder / "cache")
    shutil.rmtree(folder / "source", ignore_errors=True)  # perhaps unpacked by half
    place = Workplace(cache, folder / "source", folder / CHECKPOINTS)
    keep = False
    try:
        yield place
        cache.prune()
    except TrainingError:  # what was refused or cancelled once would be again
        raise
    except BaseException:
        keep = place.checkpoints.is_dir() and any(place.checkpoints.iterdir())
        raise
    finally:
        cache.close()
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
