"""Where a run keeps what it needs while it goes on, and what lets it go on after it was killed."""

import fcntl
import glob
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from training.bundle_files import DRAFTED
from training.cache import Cache
from training.config import TrainingConfig
from training.errors import ConfigRefused, LossNotFinite, TrainingCancelled

SOURCE, CACHE, CHECKPOINTS, LOCK = "source", "cache", "checkpoints", "lock"


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
    """The run's folders, which no other run has at the same time.

    They are gone after a success, a cancel or a training that diverged; whatever else ends the run
    (a kill, a full disk, a setting that is refused at the end), checkpoints stay to go on from.
    Raises ConfigRefused and OSError.
    """
    folder = config.work_folder
    folder.mkdir(parents=True, exist_ok=True)
    keep = True
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigRefused("running", path=folder) from error
        try:
            shutil.rmtree(folder / SOURCE, ignore_errors=True)  # perhaps unpacked by half
            _sweep_drafts(config.out)
            cache = _cache(config.cache or folder / CACHE)
            try:
                yield Workplace(cache, folder / SOURCE, folder / CHECKPOINTS)
                cache.prune()
            finally:
                cache.close()
            keep = False
        except (TrainingCancelled, LossNotFinite):
            keep = False
            raise
        finally:
            _clean(folder, keep_checkpoints=keep)


def _cache(folder: Path) -> Cache:
    try:
        return Cache(folder)
    except OSError as error:
        raise ConfigRefused("cache", path=folder, problem=error.strerror or error) from error


def _clean(folder: Path, *, keep_checkpoints: bool) -> None:
    """Remove what is ours, and the folder where nothing else is in it."""
    checkpoints = folder / CHECKPOINTS
    if keep_checkpoints and any(checkpoints.rglob("*.checkpoint")):
        shutil.rmtree(folder / SOURCE, ignore_errors=True)
        return
    for name in (SOURCE, CACHE, CHECKPOINTS):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / LOCK).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def _sweep_drafts(out: Path) -> None:
    """Remove drafts of this very bundle that a killed run left half written, and nothing else."""
    for path in out.parent.glob(f".{glob.escape(out.name)}.????????"):
        if path.is_dir() and all(each.name in DRAFTED for each in path.iterdir()):
            shutil.rmtree(path, ignore_errors=True)
