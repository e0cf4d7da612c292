"""training.dataset.audit and training.dataset.findings: what a curator is told, from real folders."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.folders import read, write_classes, write_picture
from training.dataset.audit import class_counts, suspect_finding
from training.dataset.findings import (
    KINDS,
    MAX_ITEMS,
    MAX_LISTED,
    MAX_NAMED,
    Finding,
    Item,
    names_listed,
    refused,
)
from training.dataset.preparing import Prepared
from training.errors import DatasetRefused


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "folder"


def photo(seed: int, size: tuple[int, int] = (96, 72)) -> Image.Image:
    """Soft colours, as a photograph's: noise would not survive being resized."""
    generator = np.random.default_rng(seed)
    mixed = np.zeros((*size[::-1], 3))
    for cells, weight in ((4, 0.6), (9, 0.3), (24, 0.1)):
        noise = generator.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        mixed += weight * np.asarray(Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC))
    return Image.fromarray(mixed.clip(0, 255).astype(np.uint8))


def write_photos(root: Path, num_pictures: Mapping[str, int], first_seed: int = 0) -> Path:
    seed = first_seed
    for name, number in num_pictures.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for i in range(number):
            photo(seed).save(root / name / f"{i}.png")
            seed += 1
    return root


def write_copy(original: Path, copy: Path) -> None:
    """The same picture, smaller, mirrored and encoded anew."""
    with Image.open(original) as image:
        smaller = image.resize((64, 48)).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        smaller.save(copy, quality=70)


def findings(prepared: Prepared) -> dict[str, Finding]:
    found = {each.code: each for each in prepared.audit.findings}
    assert len(found) == len(prepared.audit.findings)
    return found


def paths(finding: Finding) -> list[tuple[str, ...]]:
    return [item.paths for item in finding.items]


def blocking(root: Path, scratch: Path) -> str:
    """The code of the one finding that blocks; it is raised, too."""
    audit = read(root, scratch).audit
    [first, *_] = [each for each in audit.findings if each.level == "blocks"]
    with pytest.raises(DatasetRefused) as caught:
        audit.raise_if_blocked()
    assert caught.value.code == first.code
    assert first.sentence == str(caught.value)
    assert audit.to_dict()["blocks"]
    return first.code


def sentence(root: Path, scratch: Path) -> str:
    return read(root, scratch).audit.findings[0].sentence


# --- Nothing to say


def test_of_a_good_folder_there_is_nothing_to_say(root: Path, tmp_path: Path) -> None:
    prepared = read(write_photos(root, {"ant": 25, "bee": 25}), tmp_path)
    assert prepared.audit.findings == ()
    assert prepared.audit.findings == ()
    assert prepared.audit.num_files == 50
    prepared.audit.raise_if_blocked()
    assert not prepared.audit.to_dict()["blocks"]


# --- Files


def test_unreadable_files_are_listed_each_with_its_reason(root: Path, tmp_path: Path) -> None:
    write_photos(root, {"ant": 25, "bee": 25})
    (root / "ant" / "empty.jpg").touch()
    (root / "bee" / "text.png").write_text("hello")
    found = findings(read(root, tmp_path))["unreadable"]
    assert (found.level, found.num) == ("warns", 2)
    assert paths(found) == [("ant/empty.jpg",), ("bee/text.png",)]
    assert "empty file" in found.items[0].note
    assert [item.left_out for item in found.items] == [item.rows for item in found.items]
    first = found.items[0].error
    assert first is not None
    assert (first.code, str(first)) == ("empty", found.items[0].note)
    assert "another kind" in found.items[1].note
    assert "cannot be read as pictures" in found.sentence


def test_copies_are_counted_without_the_one_that_stays(root: Path, tmp_path: Path) -> None:
    write_photos(root, {"ant": 25, "bee": 25})
    for name in ("x.png", "y.png"):
        shutil.copy(root / "ant" / "3.png", root / "ant" / name)
    shutil.copy(root / "bee" / "1.png", root / "bee" / "z.png")
    found = findings(read(root, tmp_path))["copies"]
    assert (found.level, found.num) == ("notes", 3)
    assert paths(found) == [
        ("ant/3.png", "ant/x.png", "ant/y.png"),
        ("bee/1.png", "bee/z.png"),
    ]
    assert [item.left_out for item in found.items] == [item.rows[1:] for item in found.items]


def test_contradictions_name_all_places_and_labels(root: Path, tmp_path: Path) -> None:
    write_photos(root, {"ant": 25, "bee": 25})
    shutil.copy(root / "ant" / "3.png", root / "bee" / "x.png")
    found = findings(read(root, tmp_path))["contradictions"]
    assert (found.level, found.num) == ("warns", 1)
    [item] = found.items
    assert item.paths == ("ant/3.png", "bee/x.png")
    assert item.labels == ("ant", "bee")
    assert item.left_out == item.rows


def test_a_class_that_has_lost_all_its_pictures_is_named(root: Path, tmp_path: Path) -> None:
    write_photos(root, {"ant": 25, "bee": 25, "wasp": 0})
    (root / "wasp" / "x.jpg").write_text("hello")
    found = findings(read(root, tmp_path))["lost"]
    assert (found.level, found.num) == ("warns", 1)
    assert "wasp" in found.sentence


# --- What looks alike


def test_near_duplicates_of_one_class_are_a_note(root: Path, tmp_path: Path) -> None:
    write_photos(root, {"ant": 25, "bee": 25})
    write_copy(root / "ant" / "3.png", root / "ant" / "copy.jpg")
    prepared = read(root, tmp_path)
    found = findings(prepared)
    assert set(found) == {"alike"}
    assert (found["alike"].level, found["alike"].num) == ("notes", 1)
    assert paths(found["alike"]) == [("ant/3.png", "ant/copy.jpg")]
    assert len(prepared.examples) == 51


def test_near_duplicates_of_two_classes_are_a_warning(root: Path, tmp_path: Path) -> None:
    write_photos(root, {"ant": 25, "bee": 25})
    write_copy(root / "ant" / "3.png", root / "bee" / "copy.jpg")
    found = findings(read(root, tmp_path))
    assert set(found) == {"alike_other_label"}
    [item] = found["alike_other_label"].items
    assert item.labels == ("ant", "bee")
    assert found["alike_other_label"].level == "warns"


def test_near_duplicates_across_splits_are_not_learned_from(root: Path, tmp_path: Path) -> None:
    write_photos(root / "train", {"ant": 20, "bee": 20})
    write_photos(root / "val", {"ant": 5, "bee": 5}, first_seed=100)
    write_copy(root / "val" / "ant" / "3.png", root / "train" / "ant" / "copy.jpg")
    write_copy(root / "val" / "ant" / "4.png", root / "train" / "bee" / "copy.jpg")
    prepared = read(root, tmp_path)
    found = findings(prepared)
    assert set(found) == {"straddling", "alike_other_label"}
    assert (found["straddling"].level, found["straddling"].num) == ("warns", 2)
    assert paths(found["straddling"]) == [
        ("train/ant/copy.jpg", "val/ant/3.png"),
        ("train/bee/copy.jpg", "val/ant/4.png"),
    ]
    assert [item.left_out for item in found["straddling"].items] == [
        item.rows[:1] for item in found["straddling"].items
    ]
    kept = {prepared.index.paths[row] for row in prepared.examples.rows.tolist()}
    assert len(kept) == 50
    assert not any("copy" in path for path in kept)


# --- Odd pictures


def test_tiny_pictures_are_named_with_their_size(root: Path, tmp_path: Path) -> None:
    write_photos(root, {"ant": 25, "bee": 25})
    photo(900, (9, 30)).save(root / "ant" / "tiny.png")
    photo(901, (10, 30)).save(root / "ant" / "enough.png")
    found = findings(read(root, tmp_path, image_size=32))["tiny"]
    assert paths(found) == [("ant/tiny.png",)]
    assert found.items[0].note == "9 x 30"
    assert "smaller than 10 pixels" in found.sentence


def test_extreme_shapes_are_named_with_their_size(root: Path, tmp_path: Path) -> None:
    write_photos(root, {"ant": 25, "bee": 25})
    photo(900, (310, 100)).save(root / "ant" / "wide.png")
    photo(901, (100, 310)).save(root / "bee" / "high.png")
    photo(902, (300, 100)).save(root / "bee" / "fine.png")
    found = findings(read(root, tmp_path))["extreme"]
    assert paths(found) == [("ant/wide.png",), ("bee/high.png",)]
    assert [item.note for item in found.items] == ["310 x 100", "100 x 310"]


def test_pictures_of_one_colour_are_named(root: Path, tmp_path: Path) -> None:
    write_photos(root, {"ant": 25, "bee": 25})
    Image.new("RGB", (60, 40), (200, 30, 30)).save(root / "ant" / "red.png")
    found = findings(read(root, tmp_path))["blank"]
    assert paths(found) == [("ant/red.png",)]


def placeholder(text_side: int = 60) -> Image.Image:
    """Like those that a photo service sends where a picture is gone: some dark letters on light grey."""
    image = Image.new("RGB", (300, 300), (247, 247, 247))
    image.paste(photo(900, (text_side, 20)), (120, 140))
    return image


def test_a_placeholder_among_photographs_is_named(root: Path, tmp_path: Path) -> None:
    write_photos(root, {"ant": 25, "bee": 25})
    placeholder().save(root / "ant" / "notFound.gif")
    found = findings(read(root, tmp_path))["placeholder"]
    assert (found.level, found.num) == ("warns", 1)
    assert paths(found) == [("ant/notFound.gif",)]
    again = findings(read(root, tmp_path))["placeholder"]
    assert paths(again) == paths(found), "from the cache, too"


def test_where_all_are_flat_none_is_a_placeholder(root: Path, tmp_path: Path) -> None:
    for name in ("ant", "bee"):
        (root / name).mkdir(parents=True)
        for number in range(20):
            side = 20 + number + (name == "bee")
            placeholder(side).rotate(number * 9).save(root / name / f"{number}.png")
    assert "placeholder" not in findings(read(root, tmp_path))


# --- Odd classes


def test_classes_with_few_pictures_to_learn_from_are_named(root: Path, tmp_path: Path) -> None:
    write_photos(root / "train", {"ant": 10, "bee": 9, "wasp": 3})
    write_photos(root / "val", {"ant": 5, "bee": 5, "wasp": 5}, first_seed=100)
    found = findings(read(root, tmp_path))["few"]
    assert found.num == 2
    assert "fewer than 10 pictures" in found.sentence
    assert "bee (9), wasp (3)" in found.sentence
    assert found.classes == ["bee", "wasp"]
    assert "ant" not in found.sentence


def test_of_many_classes_with_few_pictures_some_are_named(root: Path, tmp_path: Path) -> None:
    write_classes(root, {f"class {number:02}": 2 for number in range(MAX_LISTED + 3)})
    found = findings(read(root, tmp_path))["few"]
    assert found.num == MAX_LISTED + 3
    assert "class 19 (1), …" in found.sentence
    assert "class 20" not in found.sentence


def test_imbalance_names_the_largest_and_the_smallest_class(root: Path, tmp_path: Path) -> None:
    write_classes(root / "train", {"ant": 33, "bee": 10, "wasp": 3})
    write_classes(root / "val", {"ant": 2, "bee": 2}, first_seed=100)
    found = findings(read(root, tmp_path))["imbalance"]
    assert "(ant) has 11 times" in found.sentence
    assert "(wasp)" in found.sentence
    (root / "train" / "ant" / "0.png").unlink()
    for number in range(1, 4):
        (root / "train" / "ant" / f"{number}.png").unlink()
    assert "imbalance" not in findings(read(root, tmp_path))


# --- What blocks


def test_a_folder_of_which_nothing_can_be_read_blocks(root: Path, tmp_path: Path) -> None:
    for name in ("ant", "bee"):
        (root / name).mkdir(parents=True)
        (root / name / "a.jpg").write_bytes(b"x")
    assert blocking(root, tmp_path) == "no_pictures"
    assert "JPEG" in sentence(root, tmp_path)


def test_one_class_blocks_and_tells_the_way_out(root: Path, tmp_path: Path) -> None:
    write_classes(root, {"ant": 12})
    assert blocking(root, tmp_path) == "one_class"
    assert "only ant" in sentence(root, tmp_path)
    assert "Add a folder with pictures of something else." in sentence(root, tmp_path)


def test_a_class_of_one_picture_blocks_and_tells_the_way_out(root: Path, tmp_path: Path) -> None:
    write_classes(root, {"ant": 12, "bee": 1})
    assert blocking(root, tmp_path) == "too_few"
    assert "found 1 in bee" in sentence(root, tmp_path)
    assert "Add pictures or remove the folder." in sentence(root, tmp_path)


def test_a_class_that_is_only_measured_on_blocks(root: Path, tmp_path: Path) -> None:
    write_classes(root / "train", {"ant": 12, "bee": 12})
    write_classes(root / "val", {"ant": 2, "wasp": 2}, first_seed=100)
    assert blocking(root, tmp_path) == "only_in_val"
    assert "Add pictures under train/ or remove the class." in sentence(root, tmp_path)


def test_no_validation_pictures_block(root: Path, tmp_path: Path) -> None:
    write_classes(root / "train", {"ant": 12, "bee": 12})
    write_classes(root / "val", {"ant": 0, "bee": 0})
    assert blocking(root, tmp_path) == "no_validation"
    assert "remove the empty folder val/" in sentence(root, tmp_path)


def test_what_blocks_comes_first_and_the_rest_is_told_too(root: Path, tmp_path: Path) -> None:
    write_classes(root, {"ant": 12, "bee": 1, "wasp": 1})
    (root / "ant" / "empty.jpg").touch()
    found = read(root, tmp_path).audit.findings
    assert [each.code for each in found] == ["too_few", "too_few", "unreadable", "few", "imbalance"]
    assert found[0].fix == ""


# --- Wrong labels


def test_suspects_are_told_with_what_they_look_like(root: Path, tmp_path: Path) -> None:
    prepared = read(write_classes(root, {"ant": 3, "bee": 3}), tmp_path)
    shares = np.tile([0.9, 0.1], (6, 1))
    shares[4] = [0.3, 0.7]
    order = np.array([5, 3])
    [found] = suspect_finding(prepared.index, prepared.examples, np.arange(6), order, shares)
    assert (found.code, found.num) == ("suspects", 2)
    assert paths(found) == [("bee/2.png",), ("bee/0.png",)]
    assert found.items[0].note == "labelled bee (10%), looks like ant (90%)"
    assert (found.items[0].suggestion, found.items[1].suggestion) == ("ant", "ant")
    assert found.items[0].shares == pytest.approx((0.1, 0.9))
    none = suspect_finding(prepared.index, prepared.examples, np.arange(6), order[:0], shares)
    assert list(none) == []


# --- As plain values


def test_classes_are_counted_by_split(root: Path, tmp_path: Path) -> None:
    write_classes(root / "train", {"ant": 5, "bee": 4})
    write_classes(root / "val", {"ant": 3, "bee": 2}, first_seed=100)
    write_classes(root / "test", {"ant": 0, "bee": 1}, first_seed=200)
    prepared = read(root, tmp_path)
    assert class_counts(prepared.examples).tolist() == [[5, 4], [3, 2], [0, 1]]
    assert prepared.audit.to_dict()["classes"] == [
        {"name": "ant", "count": 8, "train": 5, "val": 3, "test": 0},
        {"name": "bee", "count": 7, "train": 4, "val": 2, "test": 1},
    ]


def test_a_picture_with_several_labels_counts_for_each(tmp_path: Path) -> None:
    lines = ["path,label,split"]
    for number in range(6):
        write_picture(tmp_path / "p" / f"{number}.png", number)
        label = ("ant", "ant|bee", "")[number % 3]
        lines.append(f"p/{number}.png,{label},{'val' if number > 3 else 'train'}")
    (tmp_path / "list.csv").write_text("\n".join(lines))
    prepared = read(tmp_path / "list.csv", tmp_path)
    assert prepared.examples.class_names == ("ant", "bee")
    assert class_counts(prepared.examples).tolist() == [[3, 1], [1, 1], [0, 0]]


def test_it_is_json_whatever_the_files_are_called(root: Path, tmp_path: Path) -> None:
    write_photos(root, {"ant": 25, "bee": 25})
    odd = os.fsdecode(b"\xff\xfe")
    shutil.copy(root / "ant" / "0.png", root / "ant" / f"copy{odd}.png")
    (root / "bee" / f"bad{odd}.png").write_text("hello")
    Image.new("RGB", (5, 60)).save(root / "bee" / "blank.png")
    (root / "bee" / "blank.png").rename(root / "bee" / f"blank{odd}.png")
    prepared = read(root, tmp_path)
    text = json.dumps(prepared.audit.to_dict(), ensure_ascii=False, allow_nan=False)
    content = json.loads(text.encode())
    assert {each["code"] for each in content["findings"]} == {
        "unreadable",
        "copies",
        "tiny",
        "extreme",
        "blank",
    }
    [copies] = [each for each in content["findings"] if each["code"] == "copies"]
    assert copies["items"][0]["paths"] == ["ant/0.png", r"ant/copy\xff\xfe.png"]
    assert (content["num_files"], content["num_examples"]) == (53, 51)
    "\n".join(finding.note for finding in prepared.audit.findings).encode()


def test_it_is_json_whatever_the_folder_is_called(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"odd\xff")
    prepared = read(write_classes(odd, {"ant": 12, "bee": 0}), tmp_path)
    vanished = replace(
        prepared.audit,
        findings=(
            *prepared.audit.findings,
            Finding("unreadable", 1, items=[Item((0,), ("x",), ("ant",), f"no file at {odd}")]),
        ),
    )
    content = json.loads(json.dumps(vanished.to_dict(), ensure_ascii=False).encode())
    assert content["source"].endswith(r"odd\xff")
    assert r"odd\xff" in content["findings"][0]["sentence"]


# --- Findings


def item(number: int) -> Item:
    return Item((number,), (f"{number}.jpg",), ("ant",))


def test_a_note_names_five_places_and_counts_the_others() -> None:
    assert MAX_NAMED == 5
    few = Finding("blank", 5, items=[item(number) for number in range(5)])
    assert few.note == few.sentence.rstrip(".") + " (0.jpg; 1.jpg; 2.jpg; 3.jpg; 4.jpg)."
    many = Finding("blank", 9, items=[item(number) for number in range(9)])
    assert many.note.endswith("3.jpg; 4.jpg; and 4 more).")
    assert Finding("blank", 1).note == Finding("blank", 1).sentence


def test_a_note_shows_what_belongs_together_as_one_place() -> None:
    pair = Item((0, 1), ("a.jpg", "b.jpg"), ("ant", "ant"))
    assert Finding("alike", 1, items=[pair]).note.endswith("(a.jpg = b.jpg).")


def test_no_more_places_are_written_down_than_can_be_looked_at() -> None:
    found = Finding("blank", 500, items=[item(number) for number in range(500)])
    content = found.to_dict()
    assert content["num"] == 500
    assert len(content["items"]) == MAX_ITEMS


def test_every_kind_that_warns_tells_what_to_do() -> None:
    for kind in KINDS.values():
        assert kind.level in ("warns", "notes")
        assert kind.fix or kind.level == "notes"


def test_of_many_names_the_first_are_listed() -> None:
    assert names_listed(["ant", "bee"]) == "ant, bee"
    names = [f"class {number}" for number in range(MAX_LISTED + 1)]
    assert names_listed(names) == ", ".join(names[:MAX_LISTED]) + ", …"


def test_a_refusal_is_a_finding_that_blocks() -> None:
    found = refused(DatasetRefused("too_few", num_pictures=1, name="bee"))
    assert (found.level, found.code) == ("blocks", "too_few")
    assert json.loads(json.dumps(found.to_dict()))["params"] == {"num_pictures": "1", "name": "bee"}
