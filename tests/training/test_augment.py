"""training.layers.augment: changed pictures, which depend on seed and step alone."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.training.folders import striped
from training.layers.augment import (
    cropped,
    fine_tune_colours,
    fine_tune_view,
    plain,
    scratch_colours,
    scratch_view,
    shifted,
)

SIZE = 48


class Photo:
    """A photograph of 80 x 120 pixels; remembers how much of it was asked for."""

    def __init__(self) -> None:
        self.image = striped(0, 0, 120).crop((0, 0, 80, 120))
        self.short_side = 0

    def open(self, row: int, short_side: int) -> Image.Image:
        self.short_side = short_side
        return self.image

    def read(self, row: int) -> NDArray[np.uint8]:
        return np.asarray(self.image.crop((0, 0, SIZE, SIZE)))


def generator(number: int = 0) -> np.random.Generator:
    return np.random.default_rng(number)


@pytest.mark.parametrize("view", [plain, shifted, cropped(0.5, SIZE), cropped(0.25, SIZE)])
def test_a_view_is_a_function_of_the_picture_and_the_generator(view: Any) -> None:
    pictures = [view(Photo(), 0, generator(number)) for number in (1, 1, 2)]
    assert {picture.shape for picture in pictures} == {(SIZE, SIZE, 3)}
    assert {picture.dtype for picture in pictures} == {np.dtype(np.uint8)}
    assert np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[0], pictures[2]) is (view is plain)


def test_a_shifted_picture_is_a_window_of_the_whole_one_or_of_its_mirror_image() -> None:
    whole = plain(Photo(), 0, generator())
    reach = SIZE // 8
    padded = np.pad(whole, ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    windows = {
        np.ascontiguousarray(padded[top : top + SIZE, left : left + SIZE][:, ::turn]).tobytes()
        for top in range(2 * reach + 1)
        for left in range(2 * reach + 1)
        for turn in (1, -1)
    }
    for number in range(20):
        seen = shifted(Photo(), 0, generator(number))
        assert np.ascontiguousarray(seen).tobytes() in windows


def test_as_many_pixels_are_decoded_as_the_smallest_crop_needs() -> None:
    photo = Photo()
    cropped(0.25, SIZE)(photo, 0, generator())
    assert photo.short_side == 2 * SIZE


def test_which_view_belongs_to_which_phase() -> None:
    assert scratch_view("none", SIZE) is fine_tune_view("none", SIZE) is plain
    assert scratch_view("light", SIZE) is shifted
    photo = Photo()
    for view, short_side in (
        (fine_tune_view("light", SIZE), 68),
        (fine_tune_view("strong", SIZE), 96),
        (scratch_view("strong", SIZE), 96),
    ):
        view(photo, 0, generator())
        assert photo.short_side == short_side


def batch(num_pictures: int = 3) -> NDArray[np.uint8]:
    return np.stack([plain(Photo(), 0, generator())] * num_pictures)


@pytest.mark.parametrize("augmentation", ["light", "strong"])
def test_colours_depend_on_seed_and_step_alone(augmentation: Any) -> None:
    colours = fine_tune_colours(augmentation, seed=1)
    first = [colours(batch(), step) for step in range(8)]
    # In another order, by other layers: what was drawn before does not count.
    again = fine_tune_colours(augmentation, seed=1)
    for step in reversed(range(8)):
        assert np.array_equal(again(batch(), step), first[step])
    for pictures in first:
        assert pictures.dtype == np.float32
        assert pictures.shape == (3, SIZE, SIZE, 3)
        assert 0 <= pictures.min() <= pictures.max() <= 255
    assert len({pictures.tobytes() for pictures in first}) == 8
    other = fine_tune_colours(augmentation, seed=2)
    assert not np.array_equal(other(batch(), 0), first[0])


def test_light_colours_stay_near_the_picture_and_differ_between_pictures() -> None:
    changed = fine_tune_colours("light", seed=0)(batch(), 0)
    assert not np.array_equal(changed[0], changed[1])
    assert 1 < np.abs(changed - batch()).mean() < 40


def test_without_colours_the_pictures_stay_as_they_are() -> None:
    for colours in (
        fine_tune_colours("none", 0),
        scratch_colours("none", 0),
        scratch_colours("light", 0),
    ):
        assert np.array_equal(colours(batch(), 5), batch())


def test_every_strong_change_keeps_the_range() -> None:
    colours = fine_tune_colours("strong", seed=0)
    for change in colours.changes:
        changed = np.asarray(change(batch().astype(np.float32), training=True))
        assert np.isfinite(changed).all()
        assert changed.shape == (3, SIZE, SIZE, 3)
        assert changed.std() > 5, change.name
