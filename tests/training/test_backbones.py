"""training.backbones.table: what each was pretrained to see, its last stage, and what tells it from others."""

import os
import shutil
import subprocess
import sys
import urllib.error
from dataclasses import dataclass
from pathlib import Path
from typing import Never

import keras
import numpy as np
import pytest

from tests.shared import SHARED_KERAS
from tests.training.weights import mobilenet_weights, randomized, write_legacy_weights
from training.backbones.fingerprints import fingerprint, source_fingerprint
from training.backbones.table import BACKBONES, build_backbone, top_stage_layers
from training.config import BACKBONE_NAMES
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


APPLICATIONS = {
    "resnet50": keras.applications.ResNet50,
    "resnet50_v2": keras.applications.ResNet50V2,
    "mobilenet_v2": keras.applications.MobileNetV2,
    "efficientnet_v2_b0": keras.applications.EfficientNetV2B0,
    "convnext_tiny": keras.applications.ConvNeXtTiny,
}
PREPROCESSING = {  # the others have it inside
    "resnet50": keras.applications.resnet50.preprocess_input,
    "resnet50_v2": keras.applications.resnet_v2.preprocess_input,
    "mobilenet_v2": keras.applications.mobilenet_v2.preprocess_input,
}


@dataclass(frozen=True)
class Pair:
    """Keras' own model, and a backbone with its weights."""

    name: str
    reference: keras.Model
    backbone: keras.Model


LARGE = ("convnext_tiny", "efficientnet_v2_b0")  # take seconds to build


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name
        for name in BACKBONE_NAMES
    ],
)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    name = request.param
    keras.utils.set_random_seed(0)
    build = APPLICATIONS[name]
    reference = randomized(build(input_shape=(64, 64, 3), include_top=False, weights=None))
    path = write_legacy_weights(reference, tmp_path_factory.mktemp(name) / "mine.h5")
    return Pair(name, reference, build_backbone(name, 64, str(path)))


def refusal(name: str, weights: object) -> WeightsUnavailable:
    with pytest.raises(WeightsUnavailable) as caught:
        build_backbone(name, 64, str(weights))
    return caught.value


def relative_difference(one: keras.Model, other: keras.Model, inputs: np.ndarray) -> float:
    """Between what `one` makes of the pictures and what `other` makes of `inputs`."""
    received = keras.ops.convert_to_numpy(one({"picture": PICTURES}, training=False))
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


def test_each_sees_what_keras_own_does(pair: Pair) -> None:
    preprocess = PREPROCESSING.get(pair.name, lambda pictures: pictures)
    inputs = preprocess(PICTURES.copy())
    assert relative_difference(pair.backbone, pair.reference, inputs) < 1e-4


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
        "give a weights file",
        "without weights",
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


# --- The last stage

FIRST_OF_LAST_STAGE = {
    "resnet50": "conv5_block1_1_conv",
    "resnet50_v2": "conv5_block1_preact_bn",
    "mobilenet_v2": "block_13_expand",
    "efficientnet_v2_b0": "block6a_expand_conv",
    "convnext_tiny": "convnext_tiny_downsampling_block_2",
}


def test_the_top_stage_goes_from_its_first_layer_to_the_end(pair: Pair) -> None:
    name, backbone = pair.name, pair.backbone
    probabilities = keras.layers.Dense(2, name="logits")(
        keras.layers.GlobalAveragePooling2D()(backbone.output)
    )
    model = keras.Model(backbone.inputs[0], probabilities)
    top = top_stage_layers(model, name)
    assert top[0].name == FIRST_OF_LAST_STAGE[name]
    assert top[-1].name == "logits"
    below = model.layers[: -len(top)]
    # All but ResNet50V2 halve the feature map for the last time at the beginning of the stage.
    assert below[-1].output.shape[1] == (2 if name == "resnet50_v2" else 4)
    share = sum(layer.count_params() for layer in top) / model.count_params()
    assert 0.5 < share < 0.8
    # The stage has one way in: nothing of the top is needed to compute what is below it.
    keras.Model(model.inputs[0], below[-1].output)


def test_the_top_stage_of_another_model_is_refused() -> None:
    with pytest.raises(ValueError, match="conv5_"):
        top_stage_layers(build_backbone("mobilenet_v2", 32, "none"), "resnet50")


# --- Fingerprints

PROGRAM = """
import sys
from training.backbones.fingerprints import fingerprint, source_fingerprint
assert not {"keras", "tensorflow", "jax"} & set(sys.modules)
print(source_fingerprint("convnext_tiny", 32, "none", 7))
assert not {"keras", "tensorflow", "jax"} & set(sys.modules)
import keras
from training.backbones.table import build_backbone
keras.layers.ReLU(), keras.layers.Add(), keras.Input((3,))  # so that Keras' numbers are others
keras.utils.set_random_seed(7)
print(fingerprint(build_backbone("convnext_tiny", 32, "none")))
"""


@pytest.mark.slow
def test_fingerprints_are_the_same_in_every_process() -> None:
    keras.utils.set_random_seed(7)
    here = [
        source_fingerprint("convnext_tiny", 32, "none", 7),
        fingerprint(build_backbone("convnext_tiny", 32, "none")),
    ]
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("KERAS_HOME")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == here


def test_a_fingerprint_tells_weights_sizes_and_layers_but_not_what_is_to_be_trained() -> None:
    def model(size: int = 8, activation: str = "relu", change: float = 0.0) -> keras.Model:
        keras.utils.set_random_seed(7)
        picture = keras.Input((size, size, 3))
        convolution = keras.layers.Conv2D(4, 3, activation=activation)
        made = keras.Model(picture, keras.layers.BatchNormalization()(convolution(picture)))
        kernel, bias = convolution.get_weights()
        kernel[0, 0, 0, 0] += change
        convolution.set_weights([kernel, bias])
        return made

    first = model()
    known = fingerprint(first)
    first.trainable = False
    assert fingerprint(first) == fingerprint(model()) == known
    others = (model(size=16), model(activation="gelu"), model(change=1e-6))
    assert len({known, *map(fingerprint, others)}) == 4


def test_a_source_is_known_by_what_its_file_holds(mobilenet_file: Path, tmp_path: Path) -> None:
    def source(weights: object, size: int = 64, seed: int = 0) -> str | None:
        return source_fingerprint("mobilenet_v2", size, str(weights), seed)

    assert source("imagenet") is None
    assert source(tmp_path / "nothing.h5") is None
    assert source("\0") is None
    placed = tmp_path / "home" / "models" / MOBILENET_FILE
    placed.parent.mkdir(parents=True)
    shutil.copy(mobilenet_file, placed)
    known = source("imagenet")
    assert known == source(mobilenet_file) == source(placed, seed=1)
    others = {source(placed, 96), source("none"), source("none", seed=1), known}
    assert len(others) == 4
    with placed.open("ab") as file:
        file.write(b"more")
    assert source("imagenet") not in {None, known}
