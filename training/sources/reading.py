"""Whatever holds labelled pictures to an index: the one door to folders, ZIPs, CSVs and lists."""

from pathlib import Path

from training.errors import DatasetRefused
from training.sources.archive import extracted
from training.sources.archive_rules import DEFAULT_LIMITS, ArchiveLimits
from training.sources.csv_manifest import is_manifest, read_csv
from training.sources.cub import is_cub, read_cub
from training.sources.folder import scan_folder
from training.sources.index import Index


def read_index(
    source: Path,
    *,
    into: Path,
    limits: ArchiveLimits = DEFAULT_LIMITS,
    root: Path | None = None,
) -> Index:
    """The pictures of a labelled folder, a ZIP of one, a CSV manifest, or a folder in the layout of
    CUB-200-2011; none of them is opened yet.

    `into`: a new or empty folder, which only a ZIP needs; what is unpacked there must stay as long
    as the index is used. `root`: where the paths of a CSV manifest begin; None: in its folder. Raises DatasetRefused and ArchiveRefused.
    """
    suffix = source.suffix.lower()
    if source.is_dir():
        return read_cub(source) if is_cub(source) else scan_folder(source)
    if source.is_file() and suffix == ".zip":
        return read_unpacked(extracted(source, into, limits))
    if source.is_file() and suffix == ".csv":
        return read_csv(source, root)
    if suffix in {".zip", ".csv"} or source.exists():
        raise DatasetRefused("no_source", path=source)
    raise DatasetRefused("no_folder", path=source)


def read_unpacked(folder: Path) -> Index:
    """What came out of a ZIP may be a manifest, too: the only CSV beside the pictures. Raises
    DatasetRefused."""
    if is_cub(folder):
        return read_cub(folder)
    lists = [entry for entry in folder.iterdir() if entry.suffix.lower() == ".csv"]
    if len(lists) == 1 and is_manifest(lists[0]):
        return read_csv(lists[0])
    return scan_folder(folder)
