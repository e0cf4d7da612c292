"""training.pictures: what is learned from, what is left out, and which side each picture is on."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from classifier.preprocess import read_input
from tests.training.folders import read, write_classes, write_picture
from training.errors import DatasetRefused
from training.folder import LabelledFile, Split, scan_folder
from training.pictures import Pictures, assign_splits, read_pictures


def sides(pictures: Pictures, root: Path) -> dict[str, Split]:
    return {e.path.relative_to(root).as_posix(): e.split for e in pictures.examples}


def warning_with(pictures: Pictures, words: str) -> str:
    found = [warning for warning in pictures.warnings if words in warning]
    assert len(found) == 1, pictures.warnings
    return found[0]


def refusal(root: Path, scratch: Path) -> DatasetRefused:
    with pytest.raises(DatasetRefused) as caught:
        read(root, scratch)
    return caught.value


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "folder"


# --- What is read


def test_each_example_is_the_models_input_under_its_label(root: Path, tmp_path: Path) -> None:
    pictures = read(write_classes(root, {"wasp": 6, "ant": 6, "Bee": 6}), tmp_path)
    assert pictures.class_names == ("Bee", "ant", "wasp")
    assert len(pictures.examples) == 18
    assert pictures.array.shape == (18, 32, 32, 3)
    assert pictures.array.dtype == np.uint8
    for example in pictures.examples:
        assert pictures.class_names[example.label] == example.path.parent.name
        assert (pictures.array[example.row] == read_input(example.path, 32)).all()
    assert pictures.warnings == ()


def test_rows_and_labels_of_a_split_belong_together(root: Path, tmp_path: Path) -> None:
    pictures = read(write_classes(root, {"ant": 12, "bee": 12}), tmp_path)
    by_row = {e.row: e for e in pictures.examples}
    for split in ("train", "val"):
        rows, labels = pictures.rows(split), pictures.labels(split)
        assert rows.dtype == labels.dtype == np.int64
        assert [by_row[row].split for row in rows] == [split] * len(rows)
        assert [by_row[row].label for row in rows] == labels.tolist()
    assert len(pictures.rows("train")) + len(pictures.rows("val")) == 24
    assert len(pictures.rows("test")) == 0


def test_progress_goes_from_little_to_all(root: Path, tmp_path: Path) -> None:
    told: list[float] = []
    read_pictures(
        scan_folder(write_classes(root, {"ant": 2, "bee": 2})),
        image_size=32,
        val_fraction=0.2,
        scratch_file=tmp_path / "pictures.npy",
        on_progress=told.append,
    )
    assert told == [0.25, 0.5, 0.75, 1.0]


# --- What is left out


def test_unreadable_files_are_left_out_and_named(root: Path, tmp_path: Path) -> None:
    write_classes(root, {"ant": 4, "bee": 4})
    (root / "ant" / "empty.jpg").touch()
    (root / "bee" / "text.png").write_text("hello")
    whole = write_picture(tmp_path / "whole.jpg", 99).read_bytes()
    (root / "bee" / "half.jpg").write_bytes(whole[: len(whole) // 2])
    pictures = read(root, tmp_path)
    assert len(pictures.examples) == 8
    warning = warning_with(pictures, "could not be read")
    assert warning.startswith("3 files")
    for name in ("empty.jpg", "text.png", "half.jpg"):
        assert name in warning


def test_of_many_unreadable_files_the_first_are_named(root: Path, tmp_path: Path) -> None:
    write_classes(root, {"ant": 2, "bee": 2})
    for number in range(9):
        (root / "ant" / f"bad{number}.jpg").write_bytes(b"x")
    warning = warning_with(read(root, tmp_path), "could not be read")
    assert warning.startswith("9 files")
    assert warning.count("bad") == 5
    assert "and 4 more" in warning


def test_a_folder_in_which_nothing_can_be_read_is_refused(root: Path, tmp_path: Path) -> None:
    for name in ("ant", "bee"):
        (root / name).mkdir(parents=True)
        (root / name / "a.jpg").write_bytes(b"x")
    error = refusal(root, tmp_path)
    assert error.code == "no_pictures"
    assert "JPEG" in str(error)


def test_class_folders_without_any_picture_are_refused(root: Path, tmp_path: Path) -> None:
    assert refusal(write_classes(root, {"ant": 0, "bee": 0}), tmp_path).code == "no_pictures"


def test_an_empty_class_is_left_out_with_a_warning(root: Path, tmp_path: Path) -> None:
    pictures = read(write_classes(root, {"ant": 3, "bee": 3, "wasp": 0}), tmp_path)
    assert pictures.class_names == ("ant", "bee")
    assert "left out" in warning_with(pictures, "wasp")


def test_a_class_without_a_readable_picture_is_left_out(root: Path, tmp_path: Path) -> None:
    write_classes(root, {"ant": 3, "bee": 3, "wasp": 0})
    (root / "wasp" / "a.jpg").write_bytes(b"x")
    pictures = read(root, tmp_path)
    assert pictures.class_names == ("ant", "bee")
    assert warning_with(pictures, "The class wasp").endswith("left out.")


@pytest.mark.parametrize("others", [{}, {"bee": 0}])
def test_one_class_is_refused(root: Path, tmp_path: Path, others: dict[str, int]) -> None:
    error = refusal(write_classes(root, {"ant": 5, **others}), tmp_path)
    assert error.code == "one_class"
    assert "ant" in str(error)


def test_a_class_of_one_picture_is_refused(root: Path, tmp_path: Path) -> None:
    error = refusal(write_classes(root, {"ant": 5, "bee": 1}), tmp_path)
    assert error.code == "too_few"
    assert "bee" in str(error)


def test_a_class_of_one_picture_is_refused_also_beside_its_test_pictures(
    root: Path, tmp_path: Path
) -> None:
    write_classes(root / "train", {"ant": 5, "bee": 1})
    write_classes(root / "test", {"ant": 3, "bee": 3}, first_seed=100)
    error = refusal(root, tmp_path)
    assert error.code == "too_few"
    assert "bee" in str(error)


def test_a_class_only_in_validation_is_refused(root: Path, tmp_path: Path) -> None:
    write_classes(root / "train", {"ant": 3, "bee": 3})
    write_classes(root / "val", {"ant": 2, "wasp": 2}, first_seed=100)
    error = refusal(root, tmp_path)
    assert error.code == "only_in_val"
    assert "wasp" in str(error)


def test_a_class_without_validation_pictures_of_its_own_is_fine(root: Path, tmp_path: Path) -> None:
    write_classes(root / "train", {"ant": 3, "bee": 3})
    write_classes(root / "val", {"ant": 2}, first_seed=100)
    pictures = read(root, tmp_path)
    assert pictures.class_names == ("ant", "bee")
    assert pictures.labels("val").tolist() == [0, 0]


def test_an_empty_validation_folder_is_refused(root: Path, tmp_path: Path) -> None:
    write_classes(root / "train", {"ant": 3, "bee": 3})
    write_classes(root / "val", {"ant": 0, "bee": 0})
    assert refusal(root, tmp_path).code == "no_validation"


def test_a_picture_under_two_labels_is_left_out_of_both(root: Path, tmp_path: Path) -> None:
    write_classes(root, {"ant": 4, "bee": 4})
    shutil.copy(root / "ant" / "0.png", root / "bee" / "same.png")
    pictures = read(root, tmp_path)
    names = {e.path.relative_to(root).as_posix() for e in pictures.examples}
    assert names.isdisjoint({"ant/0.png", "bee/same.png"})
    assert len(names) == 7
    warning = warning_with(pictures, "two labels")
    assert "ant/0.png = " in warning
    assert "bee/same.png" in warning


def test_a_picture_under_two_labels_in_two_splits_is_left_out_of_both(
    root: Path, tmp_path: Path
) -> None:
    write_classes(root / "train", {"ant": 3, "bee": 3})
    write_classes(root / "val", {"ant": 2, "bee": 2}, first_seed=100)
    shutil.copy(root / "train" / "ant" / "0.png", root / "val" / "bee" / "same.png")
    pictures = read(root, tmp_path)
    assert len(pictures.rows("train")) == 5
    assert len(pictures.rows("val")) == 4


def test_of_exact_copies_in_a_class_one_stays(root: Path, tmp_path: Path) -> None:
    write_classes(root, {"ant": 4, "bee": 4})
    for name in ("copy.png", "deep/copy.png"):
        (root / "ant" / name).parent.mkdir(exist_ok=True)
        shutil.copy(root / "ant" / "0.png", root / "ant" / name)
    pictures = read(root, tmp_path)
    assert len(pictures.examples) == 8
    assert len({e.sha256 for e in pictures.examples}) == 8
    assert "ant/0.png" in sides(pictures, root)
    assert warning_with(pictures, "exact copies").startswith("2 files")


def test_of_copies_across_splits_the_one_that_measures_stays(root: Path, tmp_path: Path) -> None:
    for first_seed, split in enumerate(("train", "val", "test")):
        write_classes(root / split, {"ant": 3, "bee": 3}, first_seed=100 * first_seed)
    shutil.copy(root / "val" / "ant" / "0.png", root / "train" / "ant" / "from_val.png")
    shutil.copy(root / "test" / "bee" / "0.png", root / "val" / "bee" / "from_test.png")
    shutil.copy(root / "test" / "bee" / "0.png", root / "train" / "bee" / "from_test.png")
    kept = sides(read(root, tmp_path), root)
    assert kept["val/ant/0.png"] == "val"
    assert kept["test/bee/0.png"] == "test"
    assert not any("from_" in name for name in kept)


def test_a_class_that_loses_its_pictures_to_contradictions_is_left_out(
    root: Path, tmp_path: Path
) -> None:
    write_classes(root, {"ant": 4, "bee": 4, "wasp": 0})
    shutil.copy(root / "ant" / "0.png", root / "wasp" / "same.png")
    pictures = read(root, tmp_path)
    assert pictures.class_names == ("ant", "bee")
    warning_with(pictures, "The class wasp")


# --- Splits


def test_about_the_fraction_asked_for_is_kept_for_validation(root: Path, tmp_path: Path) -> None:
    write_classes(root, {"ant": 150, "bee": 150})
    for fraction in (0.1, 0.2, 0.5):
        pictures = read(root, tmp_path, val_fraction=fraction)
        assert len(pictures.rows("val")) / 300 == pytest.approx(fraction, abs=0.07)


def test_a_picture_stays_in_its_split_when_others_come(root: Path, tmp_path: Path) -> None:
    before = sides(read(write_classes(root, {"ant": 30, "bee": 30}), tmp_path), root)
    assert set(before.values()) == {"train", "val"}
    for number in range(30):
        write_picture(root / "ant" / f"new{number}.png", 1_000 + number)
    write_classes(root, {"wasp": 10}, first_seed=2_000)
    (root / "bee" / "0.png").unlink()
    after = sides(read(root, tmp_path), root)
    del before["bee/0.png"]
    assert {name: after[name] for name in before} == before


def test_a_renamed_picture_stays_in_its_split(root: Path, tmp_path: Path) -> None:
    before = sides(read(write_classes(root, {"ant": 20, "bee": 20}), tmp_path), root)
    for number in range(20):
        (root / "ant" / f"{number}.png").rename(root / "ant" / f"z{99 - number}.png")
    after = sides(read(root, tmp_path), root)
    for number in range(20):
        assert after[f"ant/z{99 - number}.png"] == before[f"ant/{number}.png"]


def test_splits_and_fingerprint_do_not_depend_on_the_order_of_files(
    root: Path, tmp_path: Path
) -> None:
    scan = scan_folder(write_classes(root, {"ant": 15, "bee": 15}))
    shutil.copy(root / "ant" / "0.png", root / "ant" / "copy.png")

    def read_in(order: slice) -> Pictures:
        shuffled = type(scan)(scan.root, scan.files[order], scan.warnings)
        return read_pictures(
            shuffled, image_size=32, val_fraction=0.3, scratch_file=tmp_path / "pictures.npy"
        )

    forwards, backwards = read_in(slice(None)), read_in(slice(None, None, -1))
    assert sides(forwards, root) == sides(backwards, root)
    assert forwards.fingerprint == backwards.fingerprint


@pytest.mark.parametrize("val_fraction", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("num_pictures", [2, 3, 5])
def test_every_class_is_on_both_sides(
    num_pictures: int, val_fraction: float, root: Path, tmp_path: Path
) -> None:
    names = [f"class {number}" for number in range(12)]
    write_classes(root, dict.fromkeys(names, num_pictures))
    pictures = read(root, tmp_path, val_fraction=val_fraction)
    for split in ("train", "val"):
        assert set(pictures.labels(split).tolist()) == set(range(12))


def test_splits_of_the_folder_are_kept_whatever_the_hashes_say() -> None:
    files = [LabelledFile(Path(f"{n}.png"), "ant", "test" if n % 2 else "train") for n in range(20)]
    hashes = [f"{n:064x}" for n in range(20)]  # near 0, so they would all be validation
    assert assign_splits(files, hashes, 0.5) == ["train", "test"] * 10


def test_of_open_files_the_hash_decides() -> None:
    files = [LabelledFile(Path(f"{n}.png"), "ant", None) for n in range(4)]
    hashes = [digit + "0" * 63 for digit in "048c"]  # 0, 1/4, 1/2 and 3/4
    assert assign_splits(files, hashes, 0.3) == ["val", "val", "train", "train"]
    assert assign_splits(files, hashes, 0.2) == ["val", "train", "train", "train"]


def test_train_and_test_folders_carve_validation_out_of_train(root: Path, tmp_path: Path) -> None:
    write_classes(root / "train", {"ant": 30, "bee": 30})
    write_classes(root / "test", {"ant": 5, "bee": 5}, first_seed=500)
    kept = sides(read(root, tmp_path), root)
    assert {split for name, split in kept.items() if name.startswith("test/")} == {"test"}
    assert {split for name, split in kept.items() if name.startswith("train/")} == {"train", "val"}


# --- The fingerprint


def test_the_fingerprint_changes_with_a_label_a_split_and_a_picture(
    root: Path, tmp_path: Path
) -> None:
    write_classes(root / "train", {"ant": 4, "bee": 4})
    write_classes(root / "val", {"ant": 2, "bee": 2}, first_seed=100)
    fingerprints = [read(root, tmp_path).fingerprint]
    moves = [("train/ant/0.png", "train/bee/x.png"), ("train/bee/x.png", "val/bee/x.png")]
    for old, new in moves:
        (root / old).rename(root / new)
        fingerprints.append(read(root, tmp_path).fingerprint)
    write_picture(root / "val" / "bee" / "x.png", 5_000)
    fingerprints.append(read(root, tmp_path).fingerprint)
    assert len(set(fingerprints)) == 4
    (root / "val" / "bee" / "x.png").rename(root / "val" / "bee" / "y.png")
    assert read(root, tmp_path).fingerprint == fingerprints[-1]
