"""training.sources.reading: one door, whatever the pictures come in."""

import zipfile
from pathlib import Path

import pytest

from tests.training.indexes import found
from training.errors import DatasetRefused
from training.sources.archive_rules import ArchiveLimits
from training.sources.errors import ArchiveRefused
from training.sources.reading import read_index

CLASSES = {"ant/a.jpg": "", "bee/b.jpg": ""}
MANIFEST = {"labels.csv": "path,label\nx/a.jpg,ant\nx/b.jpg,bee\n", "x/a.jpg": "", "x/b.jpg": ""}
CUB = {
    "images.txt": "1 a/a.jpg\n2 b/b.jpg\n",
    "image_class_labels.txt": "1 1\n2 2\n",
    "classes.txt": "1 001.ant\n2 002.bee\n",
    "images/a/a.jpg": "",
    "images/b/b.jpg": "",
}
LABELS = [("ant",), ("bee",)]


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def pack(path: Path, files: dict[str, str], prefix: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        for name, text in files.items():
            packed.writestr(f"{prefix}{name}", text)
    return path


def labels(source: Path) -> list[tuple[str, ...]]:
    """The labels in the order of the paths; every path leads to a file."""
    into = source.parent / "into"
    index = read_index(source, into=into)
    assert all(index.path(row).is_file() for row in range(len(index)))
    assert into.exists() == (source.suffix.lower() == ".zip")
    return [names for _, names, _ in sorted(found(index))]


@pytest.mark.parametrize("files", [CLASSES, CUB], ids=["classes", "cub"])
def test_a_folder_is_read_in_its_layout(tmp_path: Path, files: dict[str, str]) -> None:
    assert labels(write(tmp_path / "birds", files)) == LABELS


def test_a_csv_is_read_as_a_manifest(tmp_path: Path) -> None:
    assert labels(write(tmp_path / "birds", MANIFEST) / "labels.csv") == LABELS


@pytest.mark.parametrize("prefix", ["", "birds/", "download/birds/"])
@pytest.mark.parametrize("files", [CLASSES, MANIFEST, CUB], ids=["classes", "manifest", "cub"])
@pytest.mark.parametrize("name", ["birds.zip", "BIRDS.ZIP"])
def test_a_zip_is_read_in_the_layout_of_what_is_in_it(
    tmp_path: Path, name: str, files: dict[str, str], prefix: str
) -> None:
    assert labels(pack(tmp_path / name, files, prefix)) == LABELS


def test_a_csv_of_other_things_in_a_zip_is_passed_over(tmp_path: Path) -> None:
    files = {**CLASSES, "prices.csv": "name,price\nant,3\n"}
    assert labels(pack(tmp_path / "birds.zip", files)) == LABELS


def test_a_folder_with_a_manifest_is_still_a_folder_of_classes(tmp_path: Path) -> None:
    assert labels(write(tmp_path / "birds", {**CLASSES, "labels.csv": "path,label\n"})) == LABELS


def test_a_folder_may_be_called_like_a_zip(tmp_path: Path) -> None:
    source = write(tmp_path / "birds.zip", CLASSES)
    assert len(read_index(source, into=tmp_path / "into")) == 2


def test_the_limits_are_the_callers(tmp_path: Path) -> None:
    source = pack(tmp_path / "birds.zip", CLASSES)
    with pytest.raises(ArchiveRefused):
        read_index(source, into=tmp_path / "into", limits=ArchiveLimits(max_files=1))


@pytest.mark.parametrize(
    ("name", "code"),
    [("none", "no_folder"), ("none.zip", "no_source"), ("none.csv", "no_source")],
)
def test_what_is_not_there_is_refused(tmp_path: Path, name: str, code: str) -> None:
    with pytest.raises(DatasetRefused) as caught:
        read_index(tmp_path / name, into=tmp_path / "into")
    assert caught.value.code == code
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize("name", ["birds.tar.gz", "a.jpg", "birds"])
def test_another_kind_of_file_is_refused_with_what_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(DatasetRefused, match=r"\.zip.*\.csv") as caught:
        read_index(tmp_path / name, into=tmp_path / "into")
    assert caught.value.code == "no_source"
