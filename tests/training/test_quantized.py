"""training.backbones.quantized: a backbone in int8, with ranges from training pictures; nobody is told."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from numpy.typing import NDArray

from classifier.bundle import INT8_GRAPH, INT8_WEIGHTS
from classifier.engines.openvino import compile_graph
from tests.training.folders import read, write_classes
from tests.training.tiny import NUM_FEATURES, NUM_KINDS, SIZE, drawn, tiny_backbone
from training.backbones import quantized
from training.backbones.network import Network, keep_graph, kept_graph
from training.backbones.quantized import (
    Calibration,
    int8_forget,
    int8_network,
    quantize,
    spread,
)
from training.config import TrainingConfig
from training.dataset.preparing import Prepared
from training.errors import DatasetRefused, ExportRefused, TrainingCancelled
from training.exports.graphs import backbone_graph
from training.exports.int8 import write_int8
from training.exports.serving import serving_graph
from training.head.linear import LinearHead

Pictures = NDArray[np.uint8]


def told(fraction: float) -> None:
    """Nobody listens."""


def pictures_of(first: int, last: int) -> Pictures:
    pictures = drawn(first, last)
    return np.stack([pictures.source.read(row) for row in pictures.rows.tolist()])


def calibration(pictures: Pictures) -> Calibration:
    return Calibration(lambda: (picture[None] for picture in pictures), len(pictures))


def answers(graph: ov.Model, pictures: Pictures) -> dict[str, NDArray[np.float32]]:
    request = compile_graph(graph, "int8").create_infer_request()
    request.infer([pictures])
    names = [name for output in graph.outputs for name in output.get_names()]
    return {name: np.array(request.get_tensor(name).data) for name in names}


@pytest.fixture(scope="module")
def graph() -> ov.Model:
    return backbone_graph(tiny_backbone())


@pytest.fixture(scope="module")
def in_int8(graph: ov.Model) -> ov.Model:
    return quantize(graph, calibration(pictures_of(0, 32)))


@pytest.fixture(scope="module")
def head() -> LinearHead:
    kernel = np.random.default_rng(0).normal(0, 1, (NUM_FEATURES, NUM_KINDS)).astype(np.float32)
    return LinearHead(kernel, np.arange(NUM_KINDS, dtype=np.float32))


# --- The graph


def test_it_takes_and_gives_what_the_graph_did(graph: ov.Model, in_int8: ov.Model) -> None:
    assert in_int8.input().element_type == ov.Type.u8
    assert in_int8.input().partial_shape == graph.input().partial_shape
    shapes = {name: output.partial_shape for output in graph.outputs for name in output.get_names()}
    assert set(shapes) == {"embedding", "feature_map"}
    for name, shape in shapes.items():
        assert in_int8.output(name).partial_shape == shape


def test_its_convolutions_multiply_bytes(in_int8: ov.Model) -> None:
    compiled = compile_graph(in_int8, "int8").get_runtime_model()
    kinds = [node.get_rt_info()["layerType"].astype(str) for node in compiled.get_ops()]
    kernels = [
        node.get_rt_info()["runtimePrecision"].astype(str)
        for node, kind in zip(compiled.get_ops(), kinds, strict=True)
        if kind == "Convolution"
    ]
    assert len(kernels) == 2
    assert set(kernels) <= {"u8", "i8"}


def test_it_answers_nearly_as_in_fp32_for_pictures_it_has_not_seen(
    graph: ov.Model, in_int8: ov.Model
) -> None:
    pictures = pictures_of(100, 140)
    exact, quick = answers(graph, pictures), answers(in_int8, pictures)
    for name in ("embedding", "feature_map"):
        a, b = exact[name].reshape(40, -1), quick[name].reshape(40, -1)
        likeness = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        assert likeness.mean() > 0.99
        assert not np.array_equal(a, b)


def test_the_embedding_is_still_the_mean_of_the_feature_map(in_int8: ov.Model) -> None:
    got = answers(in_int8, pictures_of(100, 110))
    np.testing.assert_allclose(got["embedding"], got["feature_map"].mean(axis=(1, 2)), rtol=1e-5)


def test_the_head_stays_exact(in_int8: ov.Model, head: LinearHead) -> None:
    got = answers(serving_graph(in_int8, head), pictures_of(100, 110))
    np.testing.assert_allclose(got["logits"], head.logits(got["embedding"]), rtol=1e-5, atol=1e-5)


def test_the_same_pictures_make_the_same_graph(graph: ov.Model, in_int8: ov.Model) -> None:
    again = quantize(graph, calibration(pictures_of(0, 32)))
    pictures = pictures_of(100, 110)
    first, second = answers(in_int8, pictures), answers(again, pictures)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def test_a_pictures_answer_does_not_depend_on_its_batch(in_int8: ov.Model) -> None:
    pictures = pictures_of(100, 117)
    together = answers(in_int8, pictures)
    for i in (0, 16):
        alone = answers(in_int8, pictures[i : i + 1])
        for name, values in alone.items():
            np.testing.assert_array_equal(values[0], together[name][i])


PROGRAM = """
import json, socket, sys
import numpy as np
from training.backbones.quantized import Calibration, quantize
from tests.bundles import colour_graph
from nncf.telemetry import telemetry

def no_network(*arguments, **options):
    raise SystemExit("somebody was called")

socket.socket.connect = socket.getaddrinfo = socket.create_connection = no_network
pictures = np.random.default_rng(0).integers(0, 256, (4, 1, 16, 16, 3), np.uint8)
quantize(colour_graph(16, is_slow=True), Calibration(lambda: iter(pictures), len(pictures)))
print(json.dumps([type(telemetry).__name__, sys.modules["openvino_telemetry"]]))
"""


def test_it_prints_nothing_and_tells_nobody() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    # Outside of pytest it is only a stub where its package cannot be imported.
    assert json.loads(done.stdout) == ["MagicMock", None]


# --- Which pictures


def test_few_pictures_are_all_taken() -> None:
    places = np.array([3, 5, 8, 9])
    assert spread(places, np.array([0, 0, 1, 0], np.int32), 10, seed=0).tolist() == [3, 5, 8, 9]


def test_of_many_pictures_every_class_gives_as_many() -> None:
    labels = np.repeat(np.arange(3, dtype=np.int32), [500, 40, 2])
    places = np.arange(542) * 2
    chosen = spread(places, labels, 30, seed=0)
    assert len(set(chosen.tolist())) == 30
    assert set(chosen.tolist()) <= set(places.tolist())
    assert np.bincount(labels[chosen // 2]).tolist() == [14, 14, 2]


def test_with_more_classes_than_pictures_no_class_comes_twice() -> None:
    labels = np.repeat(np.arange(200, dtype=np.int32), 5)
    chosen = spread(np.arange(1_000), labels, 128, seed=1)
    assert len(np.unique(labels[chosen])) == 128


def test_the_seed_decides_which() -> None:
    places, labels = np.arange(500), np.zeros(500, np.int32)
    first, second, other = (spread(places, labels, 50, seed=seed) for seed in (0, 0, 1))
    assert first.tolist() == second.tolist()
    assert first.tolist() != other.tolist()


# --- Whether there is one at all


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """120 training and 60 validation pictures."""
    folder = tmp_path_factory.mktemp("noise")
    write_classes(folder / "train", {"a": 60, "b": 60})
    write_classes(folder / "val", {"a": 30, "b": 30}, first_seed=1_000)
    return read(folder, tmp_path_factory.mktemp("scratch"), image_size=SIZE)


@pytest.fixture
def network(graph: ov.Model) -> Network:
    def no_keras() -> None:
        raise AssertionError("nobody wants the Keras model")

    return Network(graph, "key", no_keras)


@pytest.fixture
def config(tmp_path: Path) -> TrainingConfig:
    return TrainingConfig(tmp_path, tmp_path / "out", image_size=SIZE)


@pytest.fixture
def with_dot_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantized, "has_int8", lambda: True)


@pytest.mark.usefixtures("with_dot_products")
def test_the_network_in_int8_tells_how_far_it_is(
    config: TrainingConfig, prepared: Prepared, network: Network
) -> None:
    fractions: list[float] = []
    found = int8_network(config, prepared, network, fractions.append)
    assert isinstance(found, Network)
    assert found.num_features == NUM_FEATURES
    assert found.key_in("int8") is None  # what it computes is kept for nobody
    assert found.embed(pictures_of(0, 2), "int8").shape == (2, NUM_FEATURES)
    assert fractions == sorted(fractions)
    assert len(fractions) == 120
    assert (fractions[0], round(fractions[-1], 2)) == (0, 0.89)


@pytest.mark.usefixtures("with_dot_products")
def test_it_is_kept_for_the_next_training_on_the_same_classes(
    config: TrainingConfig,
    prepared: Prepared,
    network: Network,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = int8_network(config, prepared, network, told, graphs=tmp_path)
    assert isinstance(first, Network)
    with monkeypatch.context() as patch:
        patch.setattr(quantized, "quantize", lambda *given: pytest.fail("it was kept"))
        again = int8_network(config, prepared, network, told, graphs=tmp_path)
    assert isinstance(again, Network)
    assert again.key_in("int8") == first.key_in("int8") is not None
    pictures = pictures_of(0, 4)
    np.testing.assert_array_equal(first.embed(pictures, "int8"), again.embed(pictures, "int8"))
    # Not for other classes, nor once it has answered badly, nor of layers that have learned here.
    others = replace(prepared, examples=replace(prepared.examples, class_names=("a", "c")))
    assert quantized.kept_key(network, others.examples) != quantized.kept_key(
        network, prepared.examples
    )
    int8_forget(network, prepared.examples, graphs=tmp_path)
    assert not list(tmp_path.iterdir()), "neither the hashes nor the weights"
    with monkeypatch.context() as patch:
        patch.setattr(quantized, "quantize", lambda *given: 1 / 0)
        assert int8_network(config, prepared, network, told, graphs=tmp_path) == "failed"
    assert quantized.kept_key(Network(network.graph, None, lambda: None), prepared.examples) is None


@pytest.mark.usefixtures("with_dot_products")
def test_one_that_another_training_forgets_while_it_is_read_leaves_nothing(
    config: TrainingConfig,
    prepared: Prepared,
    network: Network,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read_and_forget(graphs: Path, key: str) -> ov.Model | None:
        graph = kept_graph(graphs, key)
        int8_forget(network, prepared.examples, graphs=graphs)
        return graph

    monkeypatch.setattr(quantized, "quantize", lambda graph, pictures: graph)
    assert isinstance(int8_network(config, prepared, network, told, graphs=tmp_path), Network)
    monkeypatch.setattr(quantized, "kept_graph", read_and_forget)
    assert isinstance(int8_network(config, prepared, network, told, graphs=tmp_path), Network)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("with_dot_products")
def test_of_those_that_are_kept_the_ones_used_last_stay(
    config: TrainingConfig,
    prepared: Prepared,
    network: Network,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def train(*class_names: str) -> str:
        """On these classes, a while after whatever was before."""
        for path in tmp_path.iterdir():
            time = path.stat().st_mtime - 60
            os.utime(path, (time, time))
        examples = replace(prepared.examples, class_names=class_names)
        int8_network(config, replace(prepared, examples=examples), network, told, graphs=tmp_path)
        return f"{quantized.kept_key(network, examples)}"

    monkeypatch.setattr(quantized, "quantize", lambda graph, pictures: graph)
    monkeypatch.setattr(quantized, "MAX_KEPT", 2)
    keep_graph(tmp_path, "network", network.graph)  # not in int8: each backbone has one
    first, second = train("a", "b"), train("a", "c")
    assert train("a", "b") == first, "used again"
    third = train("a", "d")
    assert second != third
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{key}{suffix}"
        for key in ("network", first, third)
        for suffix in (".json", ".xml", ".bin")
    }


@pytest.mark.usefixtures("with_dot_products")
def test_it_is_not_tried_where_the_settings_say_no(
    config: TrainingConfig, prepared: Prepared, network: Network
) -> None:
    assert int8_network(replace(config, int8=False), prepared, network, told) == "unwanted"


def test_it_is_not_tried_on_a_processor_without_dot_products(
    config: TrainingConfig, prepared: Prepared, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantized, "has_int8", lambda: False)
    assert int8_network(config, prepared, network, told) == "processor"


@pytest.mark.usefixtures("with_dot_products")
def test_it_is_not_tried_for_a_handful_of_validation_pictures(
    config: TrainingConfig, prepared: Prepared, network: Network
) -> None:
    val = prepared.examples.places("val")
    fewer = replace(prepared, examples=prepared.examples.without(val[:11]))
    assert int8_network(config, fewer, network, told) == "few_pictures"


@pytest.mark.usefixtures("with_dot_products")
def test_a_network_that_cannot_be_quantized_is_served_as_it_is(
    config: TrainingConfig,
    prepared: Prepared,
    network: Network,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(graph: ov.Model, pictures: Calibration) -> ov.Model:
        raise RuntimeError("no such layer")

    monkeypatch.setattr(quantized, "quantize", refuse)
    assert int8_network(config, prepared, network, told) == "failed"
    assert "no such layer" in caplog.text


@pytest.mark.usefixtures("with_dot_products")
def test_whoever_listens_can_stop_it(
    config: TrainingConfig, prepared: Prepared, network: Network
) -> None:
    def stop(fraction: float) -> None:
        if fraction > 0.1:
            raise TrainingCancelled("cancelled")

    with pytest.raises(TrainingCancelled):
        int8_network(config, prepared, network, stop)


@pytest.mark.usefixtures("with_dot_products")
def test_a_picture_that_changed_is_a_reason_to_stop(
    config: TrainingConfig,
    prepared: Prepared,
    network: Network,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def changed(rows: NDArray[np.int64], batch_size: int) -> Iterator[Pictures]:
        yield pictures_of(0, 1)
        raise DatasetRefused("changed", path="a.png", problem="it is another picture now.")

    monkeypatch.setattr(prepared.pictures, "batches", changed)
    with pytest.raises(DatasetRefused):
        int8_network(config, prepared, network, told)


# --- The file


def test_the_file_answers_bit_for_bit_as_the_graph_in_memory(
    in_int8: ov.Model, head: LinearHead, tmp_path: Path
) -> None:
    served, pictures = serving_graph(in_int8, head), pictures_of(100, 140)
    write_int8(tmp_path, served, pictures)
    assert {path.name for path in tmp_path.iterdir()} == {INT8_GRAPH, INT8_WEIGHTS}
    loaded = ov.Core().read_model(tmp_path / INT8_GRAPH)
    expected, received = answers(served, pictures), answers(loaded, pictures)
    assert set(received) == {"logits", "embedding", "feature_map"}
    for name in expected:
        np.testing.assert_array_equal(expected[name], received[name])


def test_a_file_that_answers_otherwise_is_refused(
    in_int8: ov.Model, head: LinearHead, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = LinearHead(head.kernel, head.bias + np.float32(1e-3))
    save = ov.save_model

    def save_another(graph: ov.Model, path: Path, **options: bool) -> None:
        save(serving_graph(in_int8, other), path, **options)

    monkeypatch.setattr(ov, "save_model", save_another)
    with pytest.raises(ExportRefused, match=r"int8.*other logits"):
        write_int8(tmp_path, serving_graph(in_int8, head), pictures_of(100, 104))
