"""training.dataset.pictures: pictures as model input, decoded once while there is room for them."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from classifier.preprocess import read_input
from tests.training.folders import write_picture
from training.cache import Cache
from training.dataset.pictures import Pictures
from training.dataset.survey import survey_files
from training.errors import DatasetRefused
from training.sources.index import Index, IndexBuilder

IMAGE_SIZE = 32
NUM_BYTES = 3 * IMAGE_SIZE**2
NUM = 7


@pytest.fixture
def index(tmp_path: Path) -> Index:
    builder = IndexBuilder(tmp_path)
    for number in range(NUM):
        write_picture(tmp_path / f"{number}.jpg", number, (70 + number, 50))
        builder.add(f"{number}.jpg", ("thing",), None)
    return builder.build()


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    cache = Cache(tmp_path / "cache")
    yield cache
    cache.close()


def surveyed(index: Index, cache: Cache, max_kept: int = 0) -> Pictures:
    pictures = Pictures(index, IMAGE_SIZE, max_kept_bytes=max_kept * NUM_BYTES)
    survey_files(index, cache, pictures)
    return pictures


def delete_all(index: Index) -> None:
    for row in range(len(index)):
        index.path(row).unlink()


def rows_of(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def test_a_picture_is_what_the_model_is_served(index: Index, cache: Cache) -> None:
    for pictures in (Pictures(index, IMAGE_SIZE), surveyed(index, cache, max_kept=NUM)):
        for row in range(NUM):
            assert (pictures.read(row) == read_input(index.path(row), IMAGE_SIZE)).all()


def test_pictures_are_kept_while_there_is_room(index: Index) -> None:
    pictures = Pictures(index, IMAGE_SIZE, max_kept_bytes=3 * NUM_BYTES + NUM_BYTES // 2)
    for row in range(NUM):
        pictures.keep(row, pictures.open(row))
    delete_all(index)
    num_kept = 0
    for row in range(NUM):
        with contextlib.suppress(DatasetRefused):
            pictures.read(row)
            num_kept += 1
    assert num_kept == 3


def test_no_more_is_decoded_than_the_short_side_that_is_asked_for(
    index: Index, tmp_path: Path
) -> None:
    write_picture(tmp_path / "0.jpg", 0, (800, 600))
    pictures = Pictures(index, IMAGE_SIZE)
    assert pictures.open(0).size == (100, 75)  # an eighth still has the 37 pixels of the crop
    assert pictures.open(0, short_side=100).size == (200, 150)


def test_a_stack_is_in_the_order_of_its_rows(index: Index) -> None:
    pictures = Pictures(index, IMAGE_SIZE)
    stack = pictures.stack(rows_of(5, 0, 5, 3))
    assert stack.dtype == np.uint8
    assert stack.shape == (4, IMAGE_SIZE, IMAGE_SIZE, 3)
    for picture, row in zip(stack, (5, 0, 5, 3), strict=True):
        assert (picture == pictures.read(row)).all()


def test_a_stack_of_nothing_is_empty(index: Index) -> None:
    assert Pictures(index, IMAGE_SIZE).stack(rows_of()).shape == (0, IMAGE_SIZE, IMAGE_SIZE, 3)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 100])
def test_batches_in_a_row_are_the_stack(index: Index, batch_size: int) -> None:
    pictures = Pictures(index, IMAGE_SIZE)
    rows = np.arange(NUM)[::-1]
    batches = list(pictures.batches(rows, batch_size))
    assert [len(batch) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
    assert (np.concatenate(batches) == pictures.stack(rows)).all()


def test_batches_of_nothing_are_none(index: Index) -> None:
    assert list(Pictures(index, IMAGE_SIZE).batches(rows_of(), 4)) == []


def test_batches_may_be_left_in_the_middle(index: Index) -> None:
    batches = Pictures(index, IMAGE_SIZE).batches(np.arange(NUM), 2)
    next(batches)
    batches.close()  # type: ignore[attr-defined]


def test_a_picture_that_has_vanished_is_refused(index: Index, cache: Cache) -> None:
    pictures = surveyed(index, cache)
    delete_all(index)
    with pytest.raises(DatasetRefused) as caught:
        pictures.stack(rows_of(2))
    assert caught.value.code == "changed"
    assert "2.jpg" in str(caught.value)


def test_another_picture_in_its_place_is_refused(index: Index, cache: Cache) -> None:
    pictures = surveyed(index, cache)
    write_picture(index.path(2), 99)
    with pytest.raises(DatasetRefused) as caught:
        pictures.read(2)
    assert caught.value.code == "changed"
    assert "2.jpg" in str(caught.value)
    pictures.read(3)
