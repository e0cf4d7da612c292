"""training.backbones.pretrained: weights files of every layout, of other architectures, and hostile ones."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import psutil
import pytest

from tests.training.weights import randomized, write_legacy_weights
from training.backbones.pretrained import load_weights_file
from training.backbones.table import build_backbone
from training.errors import WeightsUnavailable


def small_model(seed: int = 0, filters: int = 4) -> keras.Model:
    keras.utils.set_random_seed(seed)
    picture = keras.Input((8, 8, 3))
    stem = keras.Sequential(
        [
            keras.layers.Conv2D(filters, 3, name="stem_conv"),
            keras.layers.LayerNormalization(name="stem_norm"),
        ],
        name="stem",
    )
    norm = keras.layers.BatchNormalization(name="bn")
    again = keras.layers.Conv2D(2, 1, name="again")
    return randomized(keras.Model(picture, again(norm(stem(picture)))), seed)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The weights of a small model, in the layout of those that are published."""
    return write_legacy_weights(small_model(), tmp_path / "mine.h5")


def same_weights(one: keras.Model, other: keras.Model) -> bool:
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all((left == right).all() for left, right in pairs)


def refusal(model: keras.Model, path: Path) -> str:
    with pytest.raises(WeightsUnavailable) as caught:
        load_weights_file(model, path, "Small")
    assert caught.value.code == "misfit"
    assert "Small" in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value.params["problem"])


# --- Layouts


@pytest.mark.parametrize("name", ["mine.weights.h5", "whole.h5"])
def test_each_layout_of_keras_loads(name: str, tmp_path: Path) -> None:
    reference = small_model(seed=1)
    if name == "mine.weights.h5":
        reference.save_weights(tmp_path / name)
    else:
        reference.save(tmp_path / name)
    model = small_model()
    assert not same_weights(model, reference)
    load_weights_file(model, tmp_path / name, "Small")
    assert same_weights(model, reference)


def test_the_layout_that_is_published_loads(path: Path) -> None:
    model = small_model(seed=1)
    load_weights_file(model, path, "Small")
    assert same_weights(model, small_model())


@pytest.mark.slow
def test_a_weights_file_of_keras_3_loads_into_a_backbone(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    build = keras.applications.ConvNeXtTiny
    reference = randomized(build(input_shape=(32, 32, 3), include_top=False, weights=None))
    reference.save_weights(tmp_path / "mine.weights.h5")
    backbone = build_backbone("convnext_tiny", 32, str(tmp_path / "mine.weights.h5"))
    pairs = zip(reference.get_weights(), backbone.get_weights(), strict=True)
    assert all((left.ravel() == right.ravel()).all() for left, right in pairs)


# --- Another architecture


@pytest.fixture(scope="module", params=["mobilenet.h5", "mobilenet.weights.h5"])
def mobilenet_file(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path: Path = tmp_path_factory.mktemp("mobilenet") / request.param
    model = keras.applications.MobileNetV2(input_shape=(32, 32, 3), include_top=False, weights=None)
    if path.name == "mobilenet.h5":
        return write_legacy_weights(model, path)
    model.save_weights(path)
    return path


def test_another_architectures_file_names_the_first_layer_that_differs(
    mobilenet_file: Path,
) -> None:
    with pytest.raises(WeightsUnavailable) as caught:
        build_backbone("resnet50", 32, str(mobilenet_file))
    assert caught.value.code == "misfit"
    assert (
        "expected layer conv1_conv with 7x7x3x64 and 64, the file has Conv1 with 3x3x3x32"
        in str(caught.value)
    )


@pytest.mark.parametrize("layout", ["legacy", "keras 3", "whole"])
def test_what_is_missing_or_too_much_is_named(layout: str, tmp_path: Path) -> None:
    backbone = small_model()
    logits = keras.layers.Dense(5, name="logits")(backbone.output)
    longer = keras.Model(backbone.inputs[0], logits)
    paths = {}
    for name, model in (("short", backbone), ("long", longer)):
        suffix = ".weights.h5" if layout == "keras 3" else ".h5"
        paths[name] = tmp_path / f"{name}{suffix}"
        if layout == "legacy":
            write_legacy_weights(model, paths[name])
        elif layout == "keras 3":
            model.save_weights(paths[name])
        else:
            model.save(paths[name])
    problem = refusal(small_model(), paths["long"])
    assert problem.startswith("expected no more layers, the file has ")
    assert problem.endswith(" with 2x5 and 5")
    problem = refusal(longer, paths["short"])
    assert problem.startswith("expected layer logits with 2x5 and 5, the file ")


def test_a_missing_weights_file_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.h5", tmp_path, tmp_path / ("long" * 100)):
        with pytest.raises(WeightsUnavailable) as caught:
            build_backbone("resnet50", 64, str(path))
        assert caught.value.code == "no_file"
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["notes.txt", "notes.h5", "notes.weights.h5", "notes.keras"])
def test_a_text_file_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("these are no weights\n" * 20)
    refusal(small_model(), tmp_path / name)


def test_half_a_file_and_one_without_layers_are_refused(path: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.h5"
    half.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refusal(small_model(), half)
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    assert "expected layer stem" in refusal(small_model(), tmp_path / "empty.h5")


# --- Hostile files: each is the good one, with the first convolution's kernel replaced

KERNEL = "stem/stem/stem_conv/kernel"


def test_weights_that_are_no_numbers_are_refused(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file[KERNEL][0, 0, 0, 0] = np.nan
    assert "not finite numbers in stem" in refusal(small_model(), path)


def soft_link(file: h5py.File, outside: Path) -> None:
    file[KERNEL] = h5py.SoftLink("/again/again/bias")


def external_link(file: h5py.File, outside: Path) -> None:
    file[KERNEL] = h5py.ExternalLink(str(outside), KERNEL)


def external_data(file: h5py.File, outside: Path) -> None:
    file.create_dataset(KERNEL, (3, 3, 3, 4), "f4", external=[(str(outside), 0, 3 * 3 * 3 * 4 * 4)])


def virtual_data(file: h5py.File, outside: Path) -> None:
    layout = h5py.VirtualLayout((3, 3, 3, 4), "f4")
    layout[:] = h5py.VirtualSource(str(outside), KERNEL, (3, 3, 3, 4))
    file.create_virtual_dataset(KERNEL, layout)


def compressed(file: h5py.File, outside: Path) -> None:
    file.create_dataset(KERNEL, data=np.ones((3, 3, 3, 4), "f4"), compression="gzip")


def no_storage(file: h5py.File, outside: Path) -> None:
    file.create_dataset(KERNEL, (3, 3, 3, 4), "f4")


def text(file: h5py.File, outside: Path) -> None:
    file.create_dataset(KERNEL, data=np.full((3, 3, 3, 4), b"text"))


def a_group(file: h5py.File, outside: Path) -> None:
    file.create_group(KERNEL)


def nothing(file: h5py.File, outside: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("replace", "words"),
    [
        (soft_link, "a link at stem/stem_conv/kernel"),
        (external_link, "a link at stem/stem_conv/kernel"),
        (external_data, "in another file"),
        (virtual_data, "in another file"),
        (compressed, "compressed"),
        (no_storage, "more numbers than it holds"),
        (text, "numbers of type"),
        (a_group, ""),
        (nothing, "nothing at stem/stem_conv/kernel"),
    ],
)
def test_what_leads_out_of_the_file_or_is_not_plain_data_is_refused(
    replace: Callable[[h5py.File, Path], None], words: str, path: Path, tmp_path: Path
) -> None:
    outside = write_legacy_weights(small_model(seed=1), tmp_path / "outside.h5")
    with h5py.File(path, "r+") as file:
        del file[KERNEL]
        replace(file, outside)
    assert words in refusal(small_model(), path)


def test_a_link_in_the_layout_of_keras_3_is_refused(tmp_path: Path) -> None:
    path, outside = tmp_path / "mine.weights.h5", tmp_path / "outside.weights.h5"
    small_model().save_weights(path)
    small_model(seed=1).save_weights(outside)
    for link in (h5py.ExternalLink(str(outside), "layers/conv2d"), h5py.SoftLink("/layers")):
        with h5py.File(path, "r+") as file:
            del file["layers/conv2d"]
            file["layers/conv2d"] = link
        assert "expected layer again with 1x1x4x2 and 2" in refusal(small_model(), path)


def test_a_tensor_that_is_announced_huge_is_refused_before_memory_is_taken(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file[KERNEL]
        file.create_dataset(KERNEL, (3, 3, 3, 1 << 38), "f4", chunks=(1, 1, 1, 1 << 20))
    before = psutil.Process().memory_info().rss
    assert f"has stem with 3x3x3x{1 << 38}" in refusal(small_model(), path)
    assert psutil.Process().memory_info().rss - before < 100 << 20


@pytest.mark.parametrize("names", [np.arange(5), np.float32(1), ["no/such", "layers"], "stem"])
def test_odd_lists_of_layers_are_refused(names: Any, path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["layer_names"] = names
    refusal(small_model(), path)


def test_a_list_of_too_many_layers_is_refused(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file.attrs["layer_names"]
        for part in range(4):
            file.attrs[f"layer_names{part}"] = np.full(4_000, b"stem")
    assert "more than 10000 layer_names" in refusal(small_model(), path)


def test_names_from_the_file_cannot_paint_on_a_terminal(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["layer_names"] = ["\x1b[31mred\r\n" + "long" * 100]
    problem = refusal(small_model(), path)
    assert "?[31mred??long" in problem
    assert len(problem) < 200
