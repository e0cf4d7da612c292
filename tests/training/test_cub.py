"""training.sources.cub: the published lists of CUB-200-2011, joined by their ids."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.training.indexes import found
from training.dataset.findings import remarked
from training.errors import DatasetRefused
from training.sources.cub import is_cub, read_cub
from training.sources.errors import ListRefused
from training.sources.index import Index
from training.sources.remarks import Remark

ALBATROSS = "001.Black_footed_Albatross"
AUKLET = "005.Crested_Auklet"
LISTS = {
    "images.txt": f"1 {ALBATROSS}/a.jpg\n2 {ALBATROSS}/b.jpg\n3 {AUKLET}/c.jpg\n",
    "image_class_labels.txt": "1 1\n2 1\n3 5\n",
    "classes.txt": f"1 {ALBATROSS}\n5 {AUKLET}\n",
    "train_test_split.txt": "1 0\n2 1\n3 1\n",
}


def write(root: Path, lists: Mapping[str, str | bytes] = LISTS, **changes: str | bytes) -> Path:
    """The published layout with three pictures; `changes` by the list's name without `.txt`."""
    root.mkdir(exist_ok=True)
    for name, text in {**lists, **{f"{name}.txt": text for name, text in changes.items()}}.items():
        (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    for folder, name in ((ALBATROSS, "a"), (ALBATROSS, "b"), (AUKLET, "c")):
        (root / "images" / folder).mkdir(parents=True, exist_ok=True)
        (root / "images" / folder / f"{name}.jpg").touch()
    return root


def names(index: Index) -> list[tuple[str, ...]]:
    return [class_names for _, class_names, _ in found(index)]


def test_the_published_layout_is_read_with_readable_names(tmp_path: Path) -> None:
    index = read_cub(write(tmp_path))
    assert found(index) == [
        (f"images/{ALBATROSS}/a.jpg", ("Black footed Albatross",), "test"),
        (f"images/{ALBATROSS}/b.jpg", ("Black footed Albatross",), None),
        (f"images/{AUKLET}/c.jpg", ("Crested Auklet",), None),
    ]
    assert index.remarks == ()
    assert all(index.path(row).is_file() for row in range(3))


def test_without_a_published_split_everything_is_open(tmp_path: Path) -> None:
    root = write(tmp_path)
    (root / "train_test_split.txt").unlink()
    assert [split for _, _, split in found(read_cub(root))] == [None] * 3


def test_lists_need_not_have_one_order_or_numbers_for_ids(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        images=f"x-2 {ALBATROSS}/b.jpg\r\nx-3 {AUKLET}/c.jpg\r\n\r\nx-1 {ALBATROSS}/a.jpg\r\n",
        image_class_labels="x-3 5\nx-1 1\nx-2 1\n",
        train_test_split="x-1 0\nx-3 0\nx-2 1",
    )
    assert found(read_cub(root)) == [
        (f"images/{ALBATROSS}/b.jpg", ("Black footed Albatross",), None),
        (f"images/{AUKLET}/c.jpg", ("Crested Auklet",), "test"),
        (f"images/{ALBATROSS}/a.jpg", ("Black footed Albatross",), "test"),
    ]


def test_names_stay_as_published_where_readable_ones_would_be_the_same(tmp_path: Path) -> None:
    root = write(tmp_path, classes="1 001.Crow\n5 002.crow\n")
    assert names(read_cub(root)) == [("001.Crow",), ("001.Crow",), ("002.crow",)]


def test_classes_without_pictures_are_told(tmp_path: Path) -> None:
    index = read_cub(write(tmp_path, classes=f"1 {ALBATROSS}\n5 {AUKLET}\n6 006.Least_Auklet\n"))
    assert index.class_names == ("Black footed Albatross", "Crested Auklet")
    assert index.remarks == (Remark("empty_classes", 1, file="classes.txt"),)
    said = "Classes of classes.txt without pictures, left out: 1."
    assert remarked(index.remarks[0]).sentence == said


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"images": "1\n"}, "pair", ("images.txt", "line 1")),
        ({"images": f"1 {ALBATROSS}/none.jpg\n"}, "missing", ("images.txt", "line 1", "none.jpg")),
        ({"images": "1 ../../etc/passwd\n"}, "outside", ("images.txt", "line 1", "column path")),
        ({"images": "1 b\xe4.jpg\n".encode("latin-1")}, "text", ("images.txt", "line 1")),
        ({"images": ""}, "id", ("image_class_labels.txt", "line 1")),
        (
            {"images": LISTS["images.txt"] + f"4 {AUKLET}/c.jpg\n"},
            "no_value",
            ("images.txt", "line 4", "image_class_labels.txt"),
        ),
        (
            {"images": LISTS["images.txt"] + f"3 {AUKLET}/c.jpg\n"},
            "no_value",
            ("images.txt", "line 4"),
        ),
        ({"image_class_labels": "1 1\n2 1\n3 7\n"}, "class_id", ("line 3", "class id", "7")),
        ({"image_class_labels": "1 1\n2 1\n3 5\n9 5\n"}, "id", ("line 4", "received 9")),
        (
            {"image_class_labels": "1 1\n2 1\n2 5\n3 5\n"},
            "id",
            ("image_class_labels.txt", "line 3", "received 2"),
        ),
        ({"train_test_split": "1 0\n2 yes\n3 1\n"}, "is_training", ("line 2", "received yes")),
        ({"train_test_split": "1 0\n2 1\n"}, "no_value", ("train_test_split.txt", "line 3")),
        ({"classes": f"1 {ALBATROSS}\n1 {AUKLET}\n"}, "id", ("classes.txt", "line 2")),
        ({"classes": "1 Crow\n5 crow\n"}, "case", ("classes.txt", "line 2", "Crow")),
    ],
)
def test_what_cannot_be_used_is_told_with_its_place(
    tmp_path: Path, changes: dict[str, str | bytes], code: str, words: tuple[str, ...]
) -> None:
    with pytest.raises(DatasetRefused) as caught:
        read_cub(write(tmp_path, **changes))
    assert caught.value.code == code
    for word in words:
        assert word in str(caught.value)


def test_a_picture_listed_under_two_ids_is_refused(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        images=LISTS["images.txt"] + f"4 {AUKLET}/c.jpg\n",
        image_class_labels="1 1\n2 1\n3 5\n4 1\n",
        train_test_split="1 0\n2 1\n3 1\n4 1\n",
    )
    with pytest.raises(ListRefused, match=r"line 4.*line 3 already") as caught:
        read_cub(root)
    assert caught.value.code == "twice"


def test_empty_lists_are_refused(tmp_path: Path) -> None:
    root = write(tmp_path, images="", image_class_labels="", train_test_split="")
    with pytest.raises(ListRefused) as caught:
        read_cub(root)
    assert caught.value.code == "no_labels"


def test_the_layout_is_known_by_its_lists(tmp_path: Path) -> None:
    assert is_cub(write(tmp_path))
    (tmp_path / "classes.txt").unlink()
    assert not is_cub(tmp_path)
