"""training.dataset.preparing: what is learned from, what is left out, and which side each picture is on."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from classifier.preprocess import read_input
from tests.training.folders import read, write_classes, write_picture
from training.dataset.findings import Finding
from training.dataset.preparing import Prepared
from training.errors import DatasetRefused
from training.sources.index import SPLITS, Split


def sides(prepared: Prepared) -> dict[str, Split]:
    examples = prepared.examples
    return {
        prepared.index.paths[row]: SPLITS[split]
        for row, split in zip(examples.rows.tolist(), examples.splits.tolist(), strict=True)
    }


def finding(prepared: Prepared, code: str) -> Finding:
    found = [each for each in prepared.audit.findings if each.code == code]
    assert len(found) == 1, prepared.audit.findings
    return found[0]


def codes(prepared: Prepared) -> set[str]:
    return {each.code for each in prepared.audit.findings}


def labels(prepared: Prepared, split: Split) -> list[int]:
    examples = prepared.examples
    return examples.first_labels(examples.places(split)).tolist()


def refusal(root: Path, scratch: Path) -> DatasetRefused:
    with pytest.raises(DatasetRefused) as caught:
        read(root, scratch).audit.raise_if_blocked()
    return caught.value


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "folder"


# --- What is read


def test_each_example_is_the_models_input_under_its_label(root: Path, tmp_path: Path) -> None:
    prepared = read(write_classes(root, {"wasp": 6, "ant": 6, "Bee": 6}), tmp_path)
    examples = prepared.examples
    assert examples.class_names == ("Bee", "ant", "wasp")
    assert len(examples) == 18
    for place, row in enumerate(examples.rows.tolist()):
        path = prepared.index.path(row)
        assert examples.names(place) == (path.parent.name,)
        assert (prepared.pictures.read(row) == read_input(path, 32)).all()
    assert not [each for each in prepared.audit.findings if each.code != "few"]


def test_places_labels_and_targets_of_a_split_belong_together(root: Path, tmp_path: Path) -> None:
    examples = read(write_classes(root, {"ant": 12, "bee": 12}), tmp_path).examples
    for split in ("train", "val"):
        places = examples.places(split)
        assert (examples.splits[places] == SPLITS.index(split)).all()
        first = examples.first_labels(places)
        assert (examples.targets(places) == np.eye(2)[first]).all()
        assert [(examples.class_names[i],) for i in first] == [examples.names(p) for p in places]
    assert len(examples.places("train")) + len(examples.places("val")) == 24
    assert len(examples.places("test")) == 0


# --- What is left out


def test_unreadable_files_are_left_out_and_named(root: Path, tmp_path: Path) -> None:
    write_classes(root, {"ant": 4, "bee": 4})
    (root / "ant" / "empty.jpg").touch()
    (root / "bee" / "text.png").write_text("hello")
    whole = write_picture(tmp_path / "whole.jpg", 99).read_bytes()
    (root / "bee" / "half.jpg").write_bytes(whole[: len(whole) // 2])
    prepared = read(root, tmp_path)
    assert len(prepared.examples) == 8
    unreadable = finding(prepared, "unreadable")
    assert unreadable.num == 3
    notes = {item.paths[0]: item.note for item in unreadable.items}
    assert "empty file" in notes["ant/empty.jpg"]
    assert "another kind" in notes["bee/text.png"]
    assert "cut off or damaged" in notes["bee/half.jpg"]


def test_of_many_unreadable_files_the_first_are_named(root: Path, tmp_path: Path) -> None:
    write_classes(root, {"ant": 2, "bee": 2})
    for number in range(9):
        (root / "ant" / f"bad{number}.jpg").write_bytes(b"x")
    note = finding(read(root, tmp_path), "unreadable").note
    assert "left out: 9 (" in note
    assert note.count("bad") == 5
    assert note.endswith("and 4 more).")


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
    prepared = read(write_classes(root, {"ant": 3, "bee": 3, "wasp": 0}), tmp_path)
    assert prepared.examples.class_names == ("ant", "bee")
    assert "wasp" in finding(prepared, "empty_folders").sentence


def test_a_class_without_a_readable_picture_is_left_out(root: Path, tmp_path: Path) -> None:
    write_classes(root, {"ant": 3, "bee": 3, "wasp": 0})
    (root / "wasp" / "a.jpg").write_bytes(b"x")
    prepared = read(root, tmp_path)
    assert prepared.examples.class_names == ("ant", "bee")
    assert "wasp" in finding(prepared, "lost").sentence


@pytest.mark.parametrize("others", [{}, {"bee": 0}])
def test_one_class_is_refused(root: Path, tmp_path: Path, others: dict[str, int]) -> None:
    error = refusal(write_classes(root, {"ant": 5, **others}), tmp_path)
    assert error.code == "one_class"
    assert "ant" in str(error)


def test_a_class_of_one_picture_is_refused(root: Path, tmp_path: Path) -> None:
    error = refusal(write_classes(root, {"ant": 5, "bee": 1}), tmp_path)
    assert error.code == "too_few"
    assert "bee" in str(error)


def test_one_picture_to_learn_from_is_a_warning_where_there_are_others_to_test(
    root: Path, tmp_path: Path
) -> None:
    write_classes(root / "train", {"ant": 15, "bee": 1})
    write_classes(root / "test", {"ant": 3, "bee": 3}, first_seed=100)
    prepared = read(root, tmp_path)
    prepared.audit.raise_if_blocked()
    assert "bee (1)" in finding(prepared, "few").sentence


def test_a_class_only_in_validation_is_refused(root: Path, tmp_path: Path) -> None:
    write_classes(root / "train", {"ant": 3, "bee": 3})
    write_classes(root / "val", {"ant": 2, "wasp": 2}, first_seed=100)
    error = refusal(root, tmp_path)
    assert error.code == "only_in_val"
    assert "wasp" in str(error)


def test_a_class_without_validation_pictures_of_its_own_is_fine(root: Path, tmp_path: Path) -> None:
    write_classes(root / "train", {"ant": 3, "bee": 3})
    write_classes(root / "val", {"ant": 2}, first_seed=100)
    prepared = read(root, tmp_path)
    prepared.audit.raise_if_blocked()
    assert prepared.examples.class_names == ("ant", "bee")
    assert labels(prepared, "val") == [0, 0]


def test_an_empty_validation_folder_is_refused(root: Path, tmp_path: Path) -> None:
    write_classes(root / "train", {"ant": 3, "bee": 3})
    write_classes(root / "val", {"ant": 0, "bee": 0})
    assert refusal(root, tmp_path).code == "no_validation"


def test_a_picture_under_two_labels_is_left_out_of_both(root: Path, tmp_path: Path) -> None:
    write_classes(root, {"ant": 4, "bee": 4})
    shutil.copy(root / "ant" / "0.png", root / "bee" / "same.png")
    prepared = read(root, tmp_path)
    assert set(sides(prepared)).isdisjoint({"ant/0.png", "bee/same.png"})
    assert len(prepared.examples) == 7
    [item] = finding(prepared, "contradictions").items
    assert item.paths == ("ant/0.png", "bee/same.png")
    assert item.labels == ("ant", "bee")


def test_a_picture_under_two_labels_in_two_splits_is_left_out_of_both(
    root: Path, tmp_path: Path
) -> None:
    write_classes(root / "train", {"ant": 3, "bee": 3})
    write_classes(root / "val", {"ant": 2, "bee": 2}, first_seed=100)
    shutil.copy(root / "train" / "ant" / "0.png", root / "val" / "bee" / "same.png")
    examples = read(root, tmp_path).examples
    assert len(examples.places("train")) == 5
    assert len(examples.places("val")) == 4


def test_of_exact_copies_in_a_class_one_stays(root: Path, tmp_path: Path) -> None:
    write_classes(root, {"ant": 4, "bee": 4})
    for name in ("copy.png", "deep/copy.png"):
        (root / "ant" / name).parent.mkdir(exist_ok=True)
        shutil.copy(root / "ant" / "0.png", root / "ant" / name)
    prepared = read(root, tmp_path)
    assert len(prepared.examples) == 8
    assert len({each.tobytes() for each in prepared.examples.hashes}) == 8
    assert "ant/0.png" in sides(prepared)
    assert finding(prepared, "copies").num == 2


def test_of_copies_across_splits_the_one_that_measures_stays(root: Path, tmp_path: Path) -> None:
    for first_seed, split in enumerate(("train", "val", "test")):
        write_classes(root / split, {"ant": 3, "bee": 3}, first_seed=100 * first_seed)
    shutil.copy(root / "val" / "ant" / "0.png", root / "train" / "ant" / "from_val.png")
    shutil.copy(root / "test" / "bee" / "0.png", root / "val" / "bee" / "from_test.png")
    shutil.copy(root / "test" / "bee" / "0.png", root / "train" / "bee" / "from_test.png")
    kept = sides(read(root, tmp_path))
    assert kept["val/ant/0.png"] == "val"
    assert kept["test/bee/0.png"] == "test"
    assert not any("from_" in name for name in kept)


def test_a_class_that_loses_its_pictures_to_contradictions_is_left_out(
    root: Path, tmp_path: Path
) -> None:
    write_classes(root, {"ant": 4, "bee": 4, "wasp": 0})
    shutil.copy(root / "ant" / "0.png", root / "wasp" / "same.png")
    prepared = read(root, tmp_path)
    assert prepared.examples.class_names == ("ant", "bee")
    assert "wasp" in finding(prepared, "lost").sentence


# --- Splits


def test_about_the_fraction_asked_for_is_kept_for_validation(root: Path, tmp_path: Path) -> None:
    write_classes(root, {"ant": 150, "bee": 150})
    for fraction in (0.1, 0.2, 0.5):
        examples = read(root, tmp_path, val_fraction=fraction).examples
        assert len(examples.places("val")) / 300 == pytest.approx(fraction, abs=0.07)


def test_a_picture_stays_in_its_split_when_others_come(root: Path, tmp_path: Path) -> None:
    before = sides(read(write_classes(root, {"ant": 30, "bee": 30}), tmp_path))
    assert set(before.values()) == {"train", "val"}
    for number in range(30):
        write_picture(root / "ant" / f"new{number}.png", 1_000 + number)
    write_classes(root, {"wasp": 10}, first_seed=2_000)
    (root / "bee" / "0.png").unlink()
    after = sides(read(root, tmp_path))
    del before["bee/0.png"]
    assert {name: after[name] for name in before} == before


def test_a_renamed_picture_stays_in_its_split(root: Path, tmp_path: Path) -> None:
    before = sides(read(write_classes(root, {"ant": 20, "bee": 20}), tmp_path))
    for number in range(20):
        (root / "ant" / f"{number}.png").rename(root / "ant" / f"z{99 - number}.png")
    after = sides(read(root, tmp_path))
    for number in range(20):
        assert after[f"ant/z{99 - number}.png"] == before[f"ant/{number}.png"]


@pytest.mark.parametrize("val_fraction", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("num_pictures", [2, 3, 5])
def test_every_class_is_on_both_sides(
    num_pictures: int, val_fraction: float, root: Path, tmp_path: Path
) -> None:
    names = [f"class {number}" for number in range(12)]
    write_classes(root, dict.fromkeys(names, num_pictures))
    prepared = read(root, tmp_path, val_fraction=val_fraction, test_fraction=0.15)
    for split in ("train", "val"):
        assert set(labels(prepared, split)) == set(range(12))


def test_train_and_test_folders_carve_validation_out_of_train(root: Path, tmp_path: Path) -> None:
    write_classes(root / "train", {"ant": 30, "bee": 30})
    write_classes(root / "test", {"ant": 5, "bee": 5}, first_seed=500)
    kept = sides(read(root, tmp_path))
    assert {split for name, split in kept.items() if name.startswith("test/")} == {"test"}
    assert {split for name, split in kept.items() if name.startswith("train/")} == {"train", "val"}


def test_open_pictures_are_divided_in_three(root: Path, tmp_path: Path) -> None:
    write_classes(root, {"ant": 150, "bee": 150})
    examples = read(root, tmp_path, val_fraction=0.2, test_fraction=0.3).examples
    assert len(examples.places("val")) / 300 == pytest.approx(0.2, abs=0.07)
    assert len(examples.places("test")) / 300 == pytest.approx(0.3, abs=0.08)
    # Asking for test pictures takes none from validation.
    without = read(root, tmp_path, val_fraction=0.2).examples
    assert without.places("val").tolist() == examples.places("val").tolist()


def test_where_the_source_has_test_pictures_no_more_are_set_aside(
    root: Path, tmp_path: Path
) -> None:
    write_classes(root / "train", {"ant": 30, "bee": 30})
    write_classes(root / "test", {"ant": 2, "bee": 2}, first_seed=500)
    examples = read(root, tmp_path, test_fraction=0.4).examples
    assert len(examples.places("test")) == 4


# --- The fingerprint


def test_the_fingerprint_changes_with_a_label_a_split_and_a_picture(
    root: Path, tmp_path: Path
) -> None:
    write_classes(root / "train", {"ant": 4, "bee": 4})
    write_classes(root / "val", {"ant": 2, "bee": 2}, first_seed=100)
    fingerprints = [read(root, tmp_path).examples.fingerprint]
    moves = [("train/ant/0.png", "train/bee/x.png"), ("train/bee/x.png", "val/bee/x.png")]
    for old, new in moves:
        (root / old).rename(root / new)
        fingerprints.append(read(root, tmp_path).examples.fingerprint)
    write_picture(root / "val" / "bee" / "x.png", 5_000)
    fingerprints.append(read(root, tmp_path).examples.fingerprint)
    assert len(set(fingerprints)) == 4
    (root / "val" / "bee" / "x.png").rename(root / "val" / "bee" / "y.png")
    assert read(root, tmp_path).examples.fingerprint == fingerprints[-1]
