"""classifier.preprocess: what the model sees of a picture."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from classifier.errors import InvalidImage
from classifier.images import Limits
from classifier.preprocess import PREPROCESSING_VERSION, fit, read_input, short_side_for
from tests.classifier.makers import encoded, scene


def test_the_version_changes_only_together_with_what_the_model_sees() -> None:
    # Bundles in use depend on this very preparation. Whoever changes it on purpose changes the
    # version, this number and the pixels below, which are those of version 1.
    assert PREPROCESSING_VERSION == 1
    pixels = fit(scene(120, 80), 4)
    expected_reds = [[160, 140, 121, 102], [143, 136, 129, 122], [125, 131, 137, 143]]
    assert np.abs(pixels[:3, :, 0].astype(int) - expected_reds).max() <= 2


def test_the_short_side_is_the_crop_and_its_margin() -> None:
    assert short_side_for(224) == 256
    assert short_side_for(64) == 73


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (64, 64), (640, 480), (480, 640), (5, 900)])
def test_it_is_always_a_square_of_bytes(size: tuple[int, int]) -> None:
    for image_size in (32, 224):
        pixels = fit(Image.new("RGB", size, (1, 2, 3)), image_size)
        assert pixels.shape == (image_size, image_size, 3)
        assert pixels.dtype == np.uint8
        assert (pixels == (1, 2, 3)).all()


@pytest.mark.parametrize("is_wide", [True, False])
def test_the_crop_is_the_centre(is_wide: bool) -> None:
    # A square of 70 in the middle of 160 x 80 is what 0.875 of the short side leaves.
    image = Image.new("RGB", (160, 80), (0, 0, 255))
    image.paste((255, 0, 0), (45, 5, 115, 75))
    if not is_wide:
        image = image.transpose(Image.Transpose.ROTATE_90)
    assert (fit(image, 70) == (255, 0, 0)).all()
    image.paste((0, 255, 0), (45, 5, 46, 6) if is_wide else (5, 45, 6, 46))
    assert tuple(fit(image, 70)[0, 0]) == (0, 255, 0)


def test_the_crop_is_not_stretched() -> None:
    image = Image.new("RGB", (400, 100), (0, 0, 0))
    image.paste((255, 255, 255), (180, 30, 220, 70))  # a square of 40 in the middle
    white = fit(image, 224)[:, :, 0] > 127
    height, width = white.any(axis=1).sum(), white.any(axis=0).sum()
    assert width == height == pytest.approx(40 * 224 / 87.5, abs=1)


@pytest.mark.parametrize("size", [(1, 20_000), (20_000, 1)])
def test_of_a_strip_the_middle_counts(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, (0, 0, 255))
    middle = (0, 9_990, 1, 10_010) if size[0] == 1 else (9_990, 0, 10_010, 1)
    image.paste((255, 0, 0), middle)
    assert (fit(image, 64) == (255, 0, 0)).all()


def test_a_file_becomes_the_same_input_as_its_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(scene(300, 200), "PNG"))
    assert (read_input(path, 64) == fit(scene(300, 200), 64)).all()


def test_a_file_over_the_callers_limits_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(scene(300, 200), "PNG"))
    with pytest.raises(InvalidImage) as caught:
        read_input(path, 64, Limits(max_pixels=59_999))
    assert caught.value.code == "too_many_pixels"
