"""What a version of a dataset held, as its manifest says, and how the dataset differs from it now."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from webapp.accounts.models import User
from webapp.studio.datasets.services import manifest_rows, version_freeze
from webapp.studio.models import Dataset, DatasetVersion, Example

PAGE_SIZE = 60
ROWS_AT_ONCE = 5000
# Comparing keeps all paths in memory, and takes as long as a page may.
MAX_COMPARED = 300_000


class ManifestGone(Exception):
    """A version whose list is not on the disk any more."""


@dataclass(frozen=True)
class Line:
    """A picture as a version held it. `number`: of the line in the manifest. `example`: its row as it
    is now; None where there is none."""

    number: int
    path: str
    label: str
    split: str
    example: Example | None = None

    @property
    def file_name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def is_gone(self) -> bool:
        return self.example is None or self.example.excluded == Example.Excluded.GONE


@dataclass(frozen=True)
class Differences:
    """How many pictures the dataset has that the version had not, the other way round, and how many
    have another class."""

    num_added: int
    num_removed: int
    num_relabelled: int

    def __bool__(self) -> bool:
        return bool(self.num_added or self.num_removed or self.num_relabelled)


def version_make(*, dataset: Dataset, created_by: User, note: str) -> tuple[DatasetVersion, bool]:
    """The dataset as it is now, as a version, and whether that is new: one that holds the same is taken
    for it, and is given the note where it has none. Raises FolderRefused while it is being read."""
    last = dataset.latest_version()
    version = version_freeze(dataset=dataset, created_by=created_by, note=note)
    is_new = last is None or version.number > last.number
    if not is_new and note and not version.note:
        DatasetVersion.objects.filter(pk=version.pk, note="").update(note=note)
        version.refresh_from_db(fields=["note"])
    return version, is_new


def lines_of(
    version: DatasetVersion, *, label: str | None = None, after: int = 0
) -> tuple[list[Line], bool]:
    """The pictures of a page, in the order of the manifest, and whether there are more. Raises
    ManifestGone."""
    found: list[Line] = []
    for line in _manifest(version):
        if line.number <= after or (label is not None and line.label != label):
            continue
        if len(found) == PAGE_SIZE:
            return _with_examples(version, found), True
        found.append(line)
    return _with_examples(version, found), False


def differences(version: DatasetVersion) -> Differences | None:
    """Between a version and its dataset as it is now; None where there is too much to compare. Raises
    ManifestGone."""
    rows = Example.objects.filter(dataset=version.dataset_id).included()
    if version.num_examples > MAX_COMPARED or rows[: MAX_COMPARED + 1].count() > MAX_COMPARED:
        return None
    held = {line.path: line.label for line in _manifest(version)}
    counts: Counter[str] = Counter()
    for path, label in rows.values_list("path", "label").iterator(ROWS_AT_ONCE):
        before = held.pop(path, None)
        if before is None:
            counts["added"] += 1
        elif before != label:
            counts["relabelled"] += 1
    return Differences(counts["added"], len(held), counts["relabelled"])


def _manifest(version: DatasetVersion) -> Iterator[Line]:
    try:
        for number, row in enumerate(manifest_rows(version.manifest_path), start=1):
            yield Line(number, *row)
    except (OSError, ValueError) as error:
        raise ManifestGone(version.manifest_name) from error


def _with_examples(version: DatasetVersion, lines: list[Line]) -> list[Line]:
    paths = [line.path for line in lines]
    rows = Example.objects.present().filter(dataset=version.dataset_id, path__in=paths)
    by_path = {row.path: row for row in rows}
    return [
        Line(line.number, line.path, line.label, line.split, by_path.get(line.path))
        for line in lines
    ]
