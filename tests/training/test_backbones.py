"""training.backbones: weights from wherever they may come, and what they were pretrained to see."""

import shutil
import urllib.error
from pathlib import Path
from typing import Never

import keras
import numpy as np
import pytest

from tests.shared import SHARED_KERAS
from tests.training.weights import mobilenet_weights, randomized, write_legacy_weights
from training.backbones import BACKBONES, build_backbone
from training.errors import WeightsUnavailable

PICTURES = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype("float32")
MOBILENET_FILE = BACKBONES["mobilenet_v2"].weights_file
RESNET_FILE = BACKBONES["resnet50"].weights_file


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test downloads, and none finds weights that somebody downloaded before."""

    def refuse(*arguments: object) -> Never:
        raise urllib.error.URLError("Temporary failure in name resolution")

    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", refuse)
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Model, Path]:
    """Keras' own ResNet50 with its weights, and the file of them as Keras publishes it."""
    keras.utils.set_random_seed(0)
    model = keras.applications.ResNet50(input_shape=(64, 64, 3), include_top=False, weights=None)
    path = tmp_path_factory.mktemp("resnet") / "mine.h5"
    return randomized(model), write_legacy_weights(model, path)


@pytest.fixture(scope="module")
def mobilenet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mobilenet_weights(tmp_path_factory.mktemp("mobilenet") / "mine.h5")


def refusal(name: str, weights: object) -> WeightsUnavailable:
    with pytest.raises(WeightsUnavailable) as caught:
        build_backbone(name, 64, str(weights))
    return caught.value


def relative_difference(one: keras.Model, other: keras.Model, inputs: np.ndarray) -> float:
    """Between what `one` makes of the pictures and what `other` makes of `inputs`."""
    received = keras.ops.convert_to_numpy(one(PICTURES, training=False))
    expected = keras.ops.convert_to_numpy(other(inputs, training=False))
    assert received.shape == expected.shape
    assert expected.std() > 0
    return float(np.abs(received - expected).max() / np.abs(expected).max())


def test_resnet50_takes_rgb_exactly_as_keras_own_takes_bgr(
    resnet: tuple[keras.Model, Path],
) -> None:
    reference, path = resnet
    inputs = keras.applications.resnet50.preprocess_input(PICTURES.copy())
    backbone = build_backbone("resnet50", 64, str(path))
    assert relative_difference(backbone, reference, inputs) < 1e-4
    rgb = PICTURES - np.array([123.68, 116.779, 103.939], dtype="float32")
    assert relative_difference(backbone, reference, rgb) > 1e-2  # so the channels do matter
    kernel, _ = backbone.get_layer("conv1_conv").get_weights()
    assert (kernel[:, :, ::-1] == reference.get_layer("conv1_conv").get_weights()[0]).all()


def test_a_file_under_keras_own_name_in_keras_home_is_taken_and_kept(
    resnet: tuple[keras.Model, Path], tmp_path: Path
) -> None:
    # Its hash is not the published one: Keras alone would try to download and then delete it.
    reference, path = resnet
    placed = tmp_path / "home" / "models" / RESNET_FILE
    placed.parent.mkdir(parents=True)
    shutil.copy(path, placed)
    inputs = keras.applications.resnet50.preprocess_input(PICTURES.copy())
    assert relative_difference(build_backbone("resnet50", 64, "imagenet"), reference, inputs) < 1e-4
    assert placed.is_file()


def test_mobilenet_is_scaled_as_keras_own_preprocessing_does(mobilenet_file: Path) -> None:
    reference = keras.applications.MobileNetV2(
        input_shape=(64, 64, 3), include_top=False, weights=None
    )
    reference.load_weights(mobilenet_file)
    inputs = keras.applications.mobilenet_v2.preprocess_input(PICTURES.copy())
    backbone = build_backbone("mobilenet_v2", 64, str(mobilenet_file))
    assert relative_difference(backbone, reference, inputs) < 1e-4


@pytest.mark.skipif(
    not (SHARED_KERAS / "models" / MOBILENET_FILE).is_file(), reason="the weights are not here"
)
def test_published_weights_in_keras_home_load_at_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(SHARED_KERAS))
    file = SHARED_KERAS / "models" / MOBILENET_FILE
    expected = build_backbone("mobilenet_v2", 64, str(file)).get_layer("Conv1").get_weights()[0]
    for image_size in (64, 96):  # for 96 Keras would look for a file of another name
        backbone = build_backbone("mobilenet_v2", image_size, "imagenet")
        assert (backbone.get_layer("Conv1").get_weights()[0] == expected).all()
        assert backbone.output_shape[1:3] == (image_size // 32, image_size // 32)


def test_without_network_the_error_names_the_file_the_folder_and_the_other_choices(
    tmp_path: Path,
) -> None:
    error = refusal("mobilenet_v2", "imagenet")
    assert error.code == "download"
    for words in (
        "MobileNetV2",
        MOBILENET_FILE,
        str(tmp_path / "home" / "models"),
        "name resolution",
        "KERAS_HOME",
        "--weights FILE",
        "--weights none",
    ):
        assert words in str(error)


def test_half_a_download_is_fetched_again(mobilenet_file: Path, tmp_path: Path) -> None:
    placed = tmp_path / "home" / "models" / MOBILENET_FILE
    placed.parent.mkdir(parents=True)
    whole = mobilenet_file.read_bytes()
    placed.write_bytes(whole[: len(whole) // 2])
    error = refusal("mobilenet_v2", "imagenet")
    assert error.code == "download"
    assert MOBILENET_FILE in str(error)


def test_a_missing_weights_file_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.h5", tmp_path):
        error = refusal("resnet50", path)
        assert error.code == "no_file"
        assert str(path) in str(error)


def test_another_architectures_file_is_refused(resnet: tuple[keras.Model, Path]) -> None:
    _, path = resnet
    error = refusal("mobilenet_v2", path)
    assert error.code == "misfit"
    assert "MobileNetV2" in str(error)
    assert str(path) in str(error)


@pytest.mark.parametrize("name", ["notes.txt", "notes.h5", "notes.weights.h5", "notes.keras"])
def test_a_text_file_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text("these are no weights\n" * 20)
    error = refusal("mobilenet_v2", path)
    assert error.code == "misfit"
    assert "\n" not in str(error)


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    model = keras.applications.MobileNetV2(input_shape=(64, 64, 3), include_top=False, weights=None)
    kernel = model.get_layer("Conv1").get_weights()[0]
    kernel[0, 0, 0, 0] = np.nan
    model.get_layer("Conv1").set_weights([kernel])
    path = write_legacy_weights(model, tmp_path / "broken.h5")
    error = refusal("mobilenet_v2", path)
    assert error.code == "misfit"
    assert "finite" in str(error)
