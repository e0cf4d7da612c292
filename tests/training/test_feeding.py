"""training.layers.feeding: batches decoded by threads, in order and never all at once."""

import threading
import time
from contextlib import closing

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from training.layers.feeding import (
    MAX_AHEAD,
    Batch,
    Kept,
    LabelledPictures,
    PictureSource,
    decoded,
    in_order,
    num_ahead,
)
from training.layers.plan import Plan


class Flat:
    """Pictures of one colour, some of which take their time."""

    def __init__(self) -> None:
        self.num_read = 0

    def read(self, row: int) -> NDArray[np.uint8]:
        self.num_read += 1
        if row % 5 == 0:
            time.sleep(0.002)
        if row == 777:
            raise OSError("gone")
        return np.full((4, 4, 3), row % 256, np.uint8)

    def open(self, row: int, short_side: int) -> Image.Image:
        return Image.fromarray(self.read(row))


def noisy(source: PictureSource, row: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    return source.read(row) + rng.integers(0, 50, (4, 4, 3), dtype=np.uint8)


def flat(num_pictures: int) -> LabelledPictures:
    rows = np.arange(num_pictures) + 100
    return LabelledPictures(Flat(), rows, np.ones((num_pictures, 1), np.float32))


def batches(num_threads: int, first: int = 0) -> list[Batch]:
    plan = Plan(num_pictures=50, num_epochs=3, batch_size=16, seed=4)
    return list(
        decoded(flat(50), plan.batches(first), noisy, seed=4, num_threads=num_threads, ahead=3)
    )


def are_equal(some: list[Batch], others: list[Batch]) -> bool:
    return all(
        a.number == b.number
        and np.array_equal(a.places, b.places)
        and np.array_equal(a.pictures, b.pictures)
        for a, b in zip(some, others, strict=True)
    )


def test_the_batches_are_the_same_whatever_the_number_of_threads() -> None:
    one = batches(1)
    assert [batch.number for batch in one] == list(range(12))
    assert are_equal(one, batches(2))
    assert are_equal(one, batches(7))


def test_a_training_that_starts_later_sees_what_it_would_have_seen() -> None:
    everything = batches(2)
    for first in (1, 3, 4, 7, 11, 12):
        assert are_equal(everything[first:], batches(2, first))


def test_each_epoch_sees_every_picture_in_another_order_and_in_other_noise() -> None:
    everything = batches(2)
    epochs = [np.concatenate([b.places for b in everything[i : i + 4]]) for i in (0, 4, 8)]
    for places in epochs:
        assert sorted(set(places.tolist())) == list(range(50))
        assert len(places) == 64
        assert np.array_equal(places[50:], places[:14])
    assert not np.array_equal(epochs[0], epochs[1])
    seen = [b.pictures[list(b.places).index(9)] for b in everything if 9 in b.places]
    assert not np.array_equal(seen[0], seen[1])


def test_only_a_few_batches_are_decoded_ahead() -> None:
    pictures = flat(200)
    with closing(decoded(pictures, in_order(200, 10), noisy, seed=0, ahead=2)) as coming:
        next(coming)
        time.sleep(0.1)
        assert pictures.source.num_read <= 30  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("batch_size", "image_size", "expected"),
    [(32, 224, MAX_AHEAD), (1024, 224, 3), (4096, 1024, 1), (1, 32, MAX_AHEAD)],
)
def test_large_batches_wait_in_smaller_numbers(
    batch_size: int, image_size: int, expected: int
) -> None:
    assert num_ahead(batch_size, image_size) == expected


def test_closing_stops_the_threads() -> None:
    coming = decoded(flat(200), in_order(200, 10), noisy, seed=0)
    next(coming)
    assert any(thread.name.startswith("decode") for thread in threading.enumerate())
    coming.close()
    assert not any(thread.name.startswith("decode") for thread in threading.enumerate())


def test_what_the_source_raises_comes_out_here() -> None:
    pictures = LabelledPictures(Flat(), np.array([1, 777, 3]), np.ones((3, 1), np.float32))
    with pytest.raises(OSError, match="gone"):
        list(decoded(pictures, in_order(3, 2), noisy, seed=0))
    assert not any(thread.name.startswith("decode") for thread in threading.enumerate())


def test_in_order_sees_each_picture_once_and_fills_the_last_batch() -> None:
    plan = list(in_order(5, 2))
    assert [number for number, _ in plan] == [0, 1, 2]
    assert [places.tolist() for _, places in plan] == [[0, 1], [2, 3], [4, 4]]


def test_pictures_are_kept_while_there_is_room() -> None:
    source = Flat()
    kept = Kept(source, max_bytes=3 * 48)
    for _ in range(2):
        for row in range(5):
            assert kept.read(row)[0, 0, 0] == row
    assert source.num_read == 5 + 2
