"""training.sources.folder: which files of a folder count, under which class, in which split."""

import os
import subprocess
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.training.folders import write_classes, write_picture
from tests.training.indexes import found
from training.dataset.findings import remarked
from training.errors import DatasetRefused
from training.sources.folder import scan_folder
from training.sources.index import Index


def refusal(root: Path) -> DatasetRefused:
    with pytest.raises(DatasetRefused) as caught:
        scan_folder(root)
    return caught.value


def said(index: Index) -> list[str]:
    return [remarked(remark).sentence for remark in index.remarks]


def touch(root: Path, *paths: str) -> Path:
    """Files that are pictures by their name; a scan opens none."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def test_a_folder_of_classes_leaves_the_splits_open(tmp_path: Path) -> None:
    index = scan_folder(write_classes(tmp_path, {"bee": 1, "ant": 2}))
    assert found(index) == [
        ("ant/0.png", ("ant",), None),
        ("ant/1.png", ("ant",), None),
        ("bee/0.png", ("bee",), None),
    ]
    assert index.class_names == ("ant", "bee")
    assert index.path(2).is_file()
    assert index.remarks == ()
    assert not index.is_multi_label


@pytest.mark.parametrize(
    ("folders", "splits"),
    [
        (("train", "val"), {"train": "train", "val": "val"}),
        (("train", "val", "test"), {"train": "train", "val": "val", "test": "test"}),
        (("train", "test"), {"train": None, "test": "test"}),
        (("train",), {"train": None}),
    ],
)
def test_split_folders_fix_the_splits(
    tmp_path: Path, folders: tuple[str, ...], splits: dict[str, str | None]
) -> None:
    for folder in folders:
        write_classes(tmp_path / folder, {"ant": 1, "bee": 1})
    index = scan_folder(tmp_path)
    assert {(path.partition("/")[0], split) for path, _, split in found(index)} == set(
        splits.items()
    )
    assert index.class_names == ("ant", "bee")


@pytest.mark.parametrize("name", ["test", "val"])
def test_without_a_train_folder_test_and_val_are_classes_like_others(
    tmp_path: Path, name: str
) -> None:
    index = scan_folder(write_classes(tmp_path, {name: 1, "exam": 1}))
    assert {(class_name, split) for _, class_name, split in found(index)} == {
        ((name,), None),
        (("exam",), None),
    }


def test_pictures_count_however_deep_they_lie(tmp_path: Path) -> None:
    touch(tmp_path, "ant/2024/May/morning/a.png", "ant/b.png", "bee/c.png")
    assert found(scan_folder(tmp_path)) == [
        ("ant/2024/May/morning/a.png", ("ant",), None),
        ("ant/b.png", ("ant",), None),
        ("bee/c.png", ("bee",), None),
    ]


def test_a_class_is_the_first_folder_below_the_split_whatever_deeper_ones_are_called(
    tmp_path: Path,
) -> None:
    touch(tmp_path, "train/ant/bee/a.png", "train/bee/train/b.png", "val/ant/c.png")
    assert found(scan_folder(tmp_path)) == [
        ("train/ant/bee/a.png", ("ant",), "train"),
        ("train/bee/train/b.png", ("bee",), "train"),
        ("val/ant/c.png", ("ant",), "val"),
    ]


@pytest.fixture
def digger(tmp_path: Path) -> Iterator[Callable[[list[str]], int]]:
    """Makes nested folders below the test's; what Python may be unable to remove is removed."""
    opened: list[int] = []

    def dig(names: list[str]) -> int:
        """The descriptor of the innermost folder."""
        opened.append(os.open(tmp_path, os.O_RDONLY))
        for name in names:
            os.mkdir(name, dir_fd=opened[-1])
            opened.append(os.open(name, os.O_RDONLY, dir_fd=opened[-1]))
            os.close(opened.pop(-2))
        return opened[-1]

    yield dig
    for descriptor in opened:
        os.close(descriptor)
    subprocess.run(["rm", "-rf", *tmp_path.iterdir()], check=True)


def test_trees_may_be_deeper_than_the_stack(
    tmp_path: Path, digger: Callable[[list[str]], int]
) -> None:
    deep = ["ant", *["d"] * 1200]
    os.close(os.open("a.png", os.O_CREAT, dir_fd=digger(deep)))
    touch(tmp_path, "bee/b.png")
    assert list(scan_folder(tmp_path).paths) == [f"{'/'.join(deep)}/a.png", "bee/b.png"]


def test_a_tree_deeper_than_the_system_can_name_is_refused(
    tmp_path: Path, digger: Callable[[list[str]], int]
) -> None:
    digger(["ant", *["d" * 200] * 25])
    assert refusal(tmp_path).code == "unreadable"


def test_names_may_be_unicode_and_of_mixed_case(tmp_path: Path) -> None:
    touch(tmp_path, "Ölkäfer/Käfer auf Blüte.JPG", "Öl/IMG_1.JpEg", "蜂 & co/'=cmd().PNG")
    assert {(names, path) for path, names, _ in found(scan_folder(tmp_path))} == {
        (("Ölkäfer",), "Ölkäfer/Käfer auf Blüte.JPG"),
        (("Öl",), "Öl/IMG_1.JpEg"),
        (("蜂 & co",), "蜂 & co/'=cmd().PNG"),
    }


def test_a_file_name_that_is_no_text_is_read_all_the_same(tmp_path: Path) -> None:
    touch(tmp_path, "ant/" + os.fsdecode(b"k\xe4fer.png"), "bee/b.png")
    assert scan_folder(tmp_path).path(0).is_file()


def test_copies_from_a_mac_are_no_class_of_their_own(tmp_path: Path) -> None:
    nfc, nfd = (unicodedata.normalize(form, "Käfer") for form in ("NFC", "NFD"))
    touch(tmp_path, f"train/{nfc}/a.png", "train/ant/b.png", f"val/{nfd}/c.png")
    index = scan_folder(tmp_path)
    assert index.class_names == (nfc, "ant")
    assert [path for path, names, _ in found(index) if names == (nfc,)] == [
        f"train/{nfc}/a.png",
        f"val/{nfd}/c.png",
    ]
    assert all(index.path(row).is_file() for row in range(len(index)))


@pytest.mark.parametrize("folders", [("Ant", "ant"), ("train/Ant", "val/ant"), ("ÄNT", "änt")])
def test_classes_that_differ_only_in_case_are_refused(
    tmp_path: Path, folders: tuple[str, str]
) -> None:
    for folder in folders:
        touch(tmp_path, f"{folder}/a.png")
    error = refusal(tmp_path)
    assert error.code == "case"
    assert all(folder.rpartition("/")[2] in str(error) for folder in folders)


def test_hidden_files_are_passed_over_in_silence(tmp_path: Path) -> None:
    write_classes(tmp_path, {"ant": 1, "bee": 1, ".cache": 2})
    write_picture(tmp_path / "ant" / ".trash" / "a.png", 7)
    (tmp_path / "ant" / "._0.png").write_bytes(b"resource fork")
    (tmp_path / ".DS_Store").write_bytes(b"x")
    index = scan_folder(tmp_path)
    assert list(index.paths) == ["ant/0.png", "bee/0.png"]
    assert index.remarks == ()


def test_files_that_are_no_pictures_are_counted_in_a_warning(tmp_path: Path) -> None:
    write_classes(tmp_path, {"ant": 1, "bee": 1})
    for name in ("Thumbs.db", "notes.txt", "labels.csv", "film.mp4", "without_suffix"):
        (tmp_path / "ant" / name).write_bytes(b"x")
    (tmp_path / "README.md").write_text("hello")
    index = scan_folder(tmp_path)
    assert len(index) == 2
    assert said(index) == [
        "Files that are no pictures by their name, left out: 5.",
        "Files that lie outside of a class folder, left out: 1.",
    ]


def test_a_class_folder_without_pictures_is_told(tmp_path: Path) -> None:
    index = scan_folder(write_classes(tmp_path, {"ant": 1, "bee": 1, "wasp": 0}))
    assert index.class_names == ("ant", "bee")
    assert said(index) == ["Class folders without pictures, left out: 1 (wasp)."]


def test_a_folder_that_contains_itself_is_walked_once(tmp_path: Path) -> None:
    write_classes(tmp_path, {"ant": 1, "bee": 1})
    (tmp_path / "ant" / "again").symlink_to(tmp_path)
    assert len(scan_folder(tmp_path)) == 2


def test_links_to_pictures_and_to_class_folders_count_and_broken_ones_do_not(
    tmp_path: Path,
) -> None:
    store = write_classes(tmp_path / "store", {"bee": 1})
    root = touch(tmp_path / "root", "ant/a.png")
    (root / "bee").symlink_to(store / "bee")
    (root / "ant" / "linked.png").symlink_to(store / "bee" / "0.png")
    (root / "ant" / "lost.png").symlink_to(store / "nothing")
    (root / "ant" / "itself.png").symlink_to("itself.png")
    (root / "itself").symlink_to("itself")
    assert list(scan_folder(root).paths) == ["ant/a.png", "ant/linked.png", "bee/0.png"]


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path / "nothing")
    assert error.code == "no_folder"
    assert str(tmp_path / "nothing") in str(error)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    assert refusal(write_picture(tmp_path / "a.png", 1)).code == "no_folder"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_class_folder_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "ant/a.png", "bee/b.png")
    (tmp_path / "bee").chmod(0)
    try:
        error = refusal(tmp_path)
    finally:
        (tmp_path / "bee").chmod(0o700)
    assert error.code == "no_access"
    assert str(tmp_path / "bee") in str(error)


def test_an_empty_folder_is_refused_with_what_to_do(tmp_path: Path) -> None:
    error = refusal(tmp_path)
    assert error.code == "no_classes"
    assert "Sort the pictures into subfolders" in str(error)


def test_pictures_without_class_folders_are_refused(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", 1)
    assert refusal(tmp_path).code == "no_classes"


def test_empty_split_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "val").mkdir()
    assert refusal(tmp_path).code == "no_classes"


@pytest.mark.parametrize("code", DatasetRefused.sentences)
def test_every_refusal_says_what_was_expected(code: str) -> None:
    params = dict.fromkeys(("path", "name", "other", "formats", "num_pictures", "problem"), "…")
    assert str(DatasetRefused(code, **params)).startswith("Expected ")


def test_a_folder_beside_train_that_is_not_read_is_told(tmp_path: Path) -> None:
    touch(tmp_path, "train/ant/a.png", "train/bee/a.png", "val/ant/a.png", "valid/ant/a.png")
    assert said(scan_folder(tmp_path)) == ["Folders beside train/ that are not read: 1 (valid)."]


def test_a_class_folder_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"k\xe4fer")).mkdir()
    with pytest.raises(DatasetRefused, match=r"found k\\xe4fer") as caught:
        scan_folder(tmp_path)
    assert caught.value.code == "odd_name"
