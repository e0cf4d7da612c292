"""training.folder: which files of a folder count, under which class, in which split."""

import os
from pathlib import Path

import pytest

from tests.training.folders import write_classes, write_picture
from training.errors import DatasetRefused
from training.folder import Scan, scan_folder


def found(scan: Scan) -> list[tuple[str, str, str | None]]:
    root = scan.root
    return [(f.path.relative_to(root).as_posix(), f.class_name, f.split) for f in scan.files]


def refusal(root: Path) -> DatasetRefused:
    with pytest.raises(DatasetRefused) as caught:
        scan_folder(root)
    return caught.value


def test_a_folder_of_classes_leaves_the_splits_open(tmp_path: Path) -> None:
    scan = scan_folder(write_classes(tmp_path, {"bee": 1, "ant": 2}))
    assert found(scan) == [
        ("ant/0.png", "ant", None),
        ("ant/1.png", "ant", None),
        ("bee/0.png", "bee", None),
    ]
    assert scan.warnings == ()


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
    scan = scan_folder(tmp_path)
    assert {(path.partition("/")[0], split) for path, _, split in found(scan)} == set(
        splits.items()
    )
    assert {name for _, name, _ in found(scan)} == {"ant", "bee"}


@pytest.mark.parametrize("name", ["test", "val"])
def test_without_a_train_folder_test_and_val_are_classes_like_others(
    tmp_path: Path, name: str
) -> None:
    scan = scan_folder(write_classes(tmp_path, {name: 1, "exam": 1}))
    assert {(class_name, split) for _, class_name, split in found(scan)} == {
        (name, None),
        ("exam", None),
    }


def test_pictures_count_however_deep_they_lie(tmp_path: Path) -> None:
    write_picture(tmp_path / "ant" / "2024" / "May" / "morning" / "a.png", 1)
    write_picture(tmp_path / "ant" / "b.png", 2)
    write_picture(tmp_path / "bee" / "c.png", 3)
    assert found(scan_folder(tmp_path))[:2] == [
        ("ant/2024/May/morning/a.png", "ant", None),
        ("ant/b.png", "ant", None),
    ]


def test_names_may_be_unicode_and_of_mixed_case(tmp_path: Path) -> None:
    write_picture(tmp_path / "Ölkäfer" / "Käfer auf Blüte.JPG", 1)
    write_picture(tmp_path / "ölkäfer" / "IMG_1.JpEg", 2)
    write_picture(tmp_path / "蜂 & co" / "'=cmd().PNG", 3)
    assert {(name, path) for path, name, _ in found(scan_folder(tmp_path))} == {
        ("Ölkäfer", "Ölkäfer/Käfer auf Blüte.JPG"),
        ("ölkäfer", "ölkäfer/IMG_1.JpEg"),
        ("蜂 & co", "蜂 & co/'=cmd().PNG"),
    }


def test_hidden_files_are_passed_over_in_silence(tmp_path: Path) -> None:
    write_classes(tmp_path, {"ant": 1, "bee": 1, ".cache": 2})
    write_picture(tmp_path / "ant" / ".trash" / "a.png", 7)
    (tmp_path / "ant" / "._0.png").write_bytes(b"resource fork")
    (tmp_path / ".DS_Store").write_bytes(b"x")
    scan = scan_folder(tmp_path)
    assert [path for path, _, _ in found(scan)] == ["ant/0.png", "bee/0.png"]
    assert scan.warnings == ()


def test_files_that_are_no_pictures_are_counted_in_a_warning(tmp_path: Path) -> None:
    write_classes(tmp_path, {"ant": 1, "bee": 1})
    for name in ("Thumbs.db", "notes.txt", "labels.csv", "film.mp4", "without_suffix"):
        (tmp_path / "ant" / name).write_bytes(b"x")
    (tmp_path / "README.md").write_text("hello")
    scan = scan_folder(tmp_path)
    assert len(scan.files) == 2
    assert len(scan.warnings) == 2
    assert scan.warnings[0].startswith("5 files are no pictures")
    assert scan.warnings[1].startswith("1 files lie outside of a class")


def test_a_class_folder_without_pictures_is_told(tmp_path: Path) -> None:
    scan = scan_folder(write_classes(tmp_path, {"ant": 1, "bee": 1, "wasp": 0}))
    assert len(scan.warnings) == 1
    assert "wasp" in scan.warnings[0]
    assert "left out" in scan.warnings[0]


def test_a_folder_that_contains_itself_is_walked_once(tmp_path: Path) -> None:
    write_classes(tmp_path, {"ant": 1, "bee": 1})
    (tmp_path / "ant" / "again").symlink_to(tmp_path)
    assert len(scan_folder(tmp_path).files) == 2


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path / "nothing")
    assert error.code == "no_folder"
    assert str(tmp_path / "nothing") in str(error)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    assert refusal(write_picture(tmp_path / "a.png", 1)).code == "no_folder"


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
    params = dict.fromkeys(("path", "name", "formats", "num_pictures"), "…")
    assert str(DatasetRefused(code, **params)).startswith("Expected ")


def test_a_folder_beside_train_that_is_not_read_is_told(tmp_path: Path) -> None:
    for folder in ("train/ant", "train/bee", "val/ant", "valid/ant"):
        (tmp_path / folder).mkdir(parents=True)
        write_picture(tmp_path / folder / "a.png", seed=0)
    warnings = scan_folder(tmp_path).warnings
    assert any("not read: valid" in warning for warning in warnings)


def test_a_class_folder_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"k\xe4fer")).mkdir()
    with pytest.raises(DatasetRefused, match=r"found k\\xe4fer") as caught:
        scan_folder(tmp_path)
    assert caught.value.code == "odd_name"
