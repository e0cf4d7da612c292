"""classifier.engines: a bundle in a process, and the bundles that it refuses."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from numpy.typing import NDArray
from openvino import opset13 as ops

from classifier.bundle import (
    INT8_GRAPH,
    KERAS_MODEL,
    SERVING_GRAPH,
    SERVING_WEIGHTS,
    Bundle,
    Precision,
    new_bundle,
)
from classifier.engines import openvino as engine_module
from classifier.engines.base import Engine, open_engine
from classifier.errors import BundleCorrupt, BundleError, BundleIncompatible
from tests.bundles import COLOURS, KERNEL, colour_bundle, colour_graph
from tests.pictures import RGB, plain


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return colour_bundle(tmp_path_factory.mktemp("engines") / "bundle")


@pytest.fixture(scope="module")
def engine(bundle: Bundle) -> Engine:
    return open_engine(bundle)


def with_kernel(kernel: NDArray[np.float32]) -> ov.Model:
    graph = colour_graph(64)
    [product] = [node for node in graph.get_ops() if node.get_type_name() == "MatMul"]
    product.input(1).replace_source_output(ops.constant(kernel).output(0))
    return graph


def int8_bundle(path: Path, like: Bundle, **manifest: object) -> Bundle:
    """One that is served in int8, by a graph that is told from the other by logits ten times as high."""
    with new_bundle(path) as draft:
        for name in (KERAS_MODEL, SERVING_GRAPH, SERVING_WEIGHTS):
            (draft.folder / name).write_bytes((like.path / name).read_bytes())
        graph = with_kernel(KERNEL * 10)
        ov.save_model(graph, draft.folder / INT8_GRAPH, compress_to_fp16=False)
        draft.seal(replace(like.manifest, precision="int8", **manifest))
    return Bundle.load(path)


def bundle_with_graph(path: Path, like: Bundle, graph: ov.Model | bytes) -> Bundle:
    with new_bundle(path) as draft:
        (draft.folder / KERAS_MODEL).write_bytes(b"no model in here")
        if isinstance(graph, bytes):
            (draft.folder / SERVING_GRAPH).write_bytes(graph)
            (draft.folder / "serving.bin").write_bytes(b"")
        else:
            ov.save_model(graph, draft.folder / SERVING_GRAPH, compress_to_fp16=False)
        draft.seal(like.manifest)
    return Bundle.load(path)


def refusal(bundle: Bundle) -> BundleError:
    with pytest.raises(BundleError) as caught:
        open_engine(bundle)
    assert str(bundle.path) in str(caught.value)
    return caught.value


def test_it_tells_colours_apart(engine: Engine) -> None:
    logits = engine.run(plain("red", "green", "blue", "green")).logits
    assert [COLOURS[i] for i in logits.argmax(axis=1)] == ["red", "green", "blue", "green"]


def test_one_pass_yields_logits_embedding_and_feature_map(engine: Engine) -> None:
    outputs = engine.run(plain("red", "blue"))
    assert outputs.logits.shape == (2, 3)
    assert outputs.embedding.shape == (2, 3)
    assert outputs.feature_map.shape == (2, 2, 2, 3)
    for output in (outputs.logits, outputs.embedding, outputs.feature_map):
        assert output.dtype == np.float32
    assert outputs.embedding[0] == pytest.approx(np.array(RGB["red"]) / 255, abs=1e-5)
    assert outputs.embedding == pytest.approx(outputs.feature_map.mean(axis=(1, 2)), abs=1e-6)


def test_the_feature_map_keeps_places(engine: Engine) -> None:
    picture = plain("red")
    picture[0, 32:, :32] = RGB["blue"]  # below on the left
    feature_map = engine.run(picture).feature_map[0]
    assert feature_map[1, 0] == pytest.approx(np.array(RGB["blue"]) / 255, abs=1e-5)
    assert feature_map[0, 1] == pytest.approx(np.array(RGB["red"]) / 255, abs=1e-5)


def test_the_next_batch_does_not_overwrite_what_was_returned(engine: Engine) -> None:
    first = engine.run(plain("red", "red"))
    before = [output.copy() for output in (first.logits, first.embedding, first.feature_map)]
    engine.run(plain("blue", "blue"))
    engine.run(plain("green", "green", "green"))
    assert (first.logits == before[0]).all()
    assert (first.embedding == before[1]).all()
    assert (first.feature_map == before[2]).all()


def test_batches_of_any_size_give_the_same_answers(engine: Engine) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (9, 64, 64, 3), dtype=np.uint8)
    together = engine.run(pictures).logits
    alone = np.concatenate([engine.run(picture[None]).logits for picture in pictures])
    assert together == pytest.approx(alone, abs=1e-4)


def test_the_bundles_precision_counts_unless_another_is_asked_for(bundle: Bundle) -> None:
    assert open_engine(bundle).precision == "fp32"
    wanted: Precision = "bf16" if engine_module.has_bf16() else "fp32"
    assert open_engine(bundle, precision="bf16").precision == wanted


@pytest.mark.parametrize(
    ("has", "fallbacks", "expected"),
    [
        ({"int8", "bf16"}, ("bf16", "fp32"), "int8"),
        ({"int8"}, ("fp32",), "int8"),
        ({"bf16"}, ("bf16", "fp32"), "bf16"),
        ({"bf16"}, ("fp32",), "fp32"),
        (set(), ("bf16", "fp32"), "fp32"),
    ],
)
def test_it_computes_in_the_first_safe_precision_that_the_processor_has(
    bundle: Bundle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    has: set[str],
    fallbacks: tuple[Precision, ...],
    expected: Precision,
) -> None:
    monkeypatch.setattr(engine_module, "has_int8", lambda: "int8" in has)
    monkeypatch.setattr(engine_module, "has_bf16", lambda: "bf16" in has)
    engine = open_engine(int8_bundle(tmp_path / "bundle", bundle, fallbacks=fallbacks))
    assert engine.precision == expected
    factor = 10 if expected == "int8" else 1  # whose graph it is
    assert (engine.head_kernel == KERNEL * factor).all()
    logits = engine.run(plain("red")).logits
    assert logits.max() == pytest.approx(factor * 20 * RGB["red"][0] / 255, rel=0.01)


def test_int8_that_the_bundle_does_not_hold_is_not_computed_in(bundle: Bundle) -> None:
    assert open_engine(bundle, precision="int8").precision == "fp32"


def test_an_int8_engine_starts_from_its_own_cache(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "has_int8", lambda: True)
    quantized = int8_bundle(tmp_path / "bundle", bundle)
    pictures = plain("red", "green", "blue")
    for precision in ("int8", "fp32", "int8", "fp32"):  # filled, then read
        engine = open_engine(quantized, precision=precision, cache_dir=tmp_path / "cache")
        expected = open_engine(quantized, precision=precision).run(pictures).logits
        assert (engine.run(pictures).logits == expected).all()
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_without_bf16_in_the_processor_it_computes_and_says_fp32(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "has_bf16", lambda: False)
    compiled_in = []
    compile_graph = engine_module.compile_graph

    def spy(graph: ov.Model, precision: Precision) -> ov.CompiledModel:
        compiled_in.append(precision)
        return compile_graph(graph, precision)

    monkeypatch.setattr(engine_module, "compile_graph", spy)
    engine = open_engine(bundle, precision="bf16")
    assert engine.precision == "fp32"
    assert compiled_in == ["fp32"]
    assert engine.run(plain("red")).logits.argmax() == COLOURS.index("red")


def test_bf16_answers_as_fp32_does(bundle: Bundle) -> None:
    pictures = plain("red", "green", "blue")
    exact = open_engine(bundle, precision="fp32").run(pictures).logits
    quick = open_engine(bundle, precision="bf16").run(pictures).logits
    assert quick.dtype == np.float32
    assert quick == pytest.approx(exact, rel=0.02, abs=0.2)


# --- What it says of itself


def test_its_head_kernel_makes_logits_of_embeddings(engine: Engine) -> None:
    outputs = engine.run(plain("red", "green", "blue"))
    assert (engine.head_kernel == KERNEL).all()
    assert outputs.logits == pytest.approx(outputs.embedding @ engine.head_kernel, abs=1e-4)


LOPSIDED = np.arange(9, dtype=np.float32).reshape(3, 3)


def graph_with_bias() -> ov.Model:
    """As a training writes it, but for the kernel, which lies on its side."""
    graph = colour_graph(64)
    embedding = graph.output("embedding").get_node().input_value(0)
    product = ops.matmul(embedding, ops.constant(np.ascontiguousarray(LOPSIDED.T)), False, True)
    logits = ops.add(ops.constant(np.ones((1, 3), np.float32)), product)
    logits.output(0).get_tensor().set_names({"logits"})
    rest = [graph.output(name).get_node() for name in ("embedding", "feature_map")]
    return ov.Model([ops.result(logits), *rest], graph.get_parameters(), "with a bias")


def test_a_bias_and_a_kernel_on_its_side_do_not_hide_the_head_kernel(
    bundle: Bundle, tmp_path: Path
) -> None:
    engine = open_engine(bundle_with_graph(tmp_path / "bundle", bundle, graph_with_bias()))
    assert (engine.head_kernel == LOPSIDED).all()
    outputs = engine.run(plain("red"))
    assert outputs.logits == pytest.approx(outputs.embedding @ LOPSIDED + 1, abs=1e-4)


def test_it_is_on_the_processor_and_holds_its_weights_twice(bundle: Bundle, engine: Engine) -> None:
    assert engine.device == "cpu"
    assert engine.num_bytes == 2 * (bundle.path / SERVING_WEIGHTS).stat().st_size


# --- Refused


@pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "c", "d")])
def test_labels_that_do_not_fit_the_weights_are_refused(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    error = refusal(colour_bundle(tmp_path / "bundle", class_names=names))
    assert isinstance(error, BundleIncompatible)
    assert error.code == "label_count"
    assert f"each of the {len(names)} class names" in str(error)
    assert "received 3 outputs" in str(error)


def test_a_graph_for_another_input_size_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    error = refusal(bundle_with_graph(tmp_path / "bundle", bundle, colour_graph(96)))
    assert isinstance(error, BundleIncompatible)
    assert error.code == "input_shape"
    assert "64 x 64" in str(error)
    assert "96, 96, 3" in str(error)


def float_graph() -> ov.Model:
    pictures = ops.parameter([-1, 64, 64, 3], np.float32, name="picture")
    logits = ops.reduce_mean(pictures, np.array([1, 2]), False)
    feature_map = ops.multiply(pictures, np.float32(1))
    embedding = ops.multiply(logits, np.float32(1))
    for node, name in ((logits, "logits"), (embedding, "embedding"), (feature_map, "feature_map")):
        node.output(0).get_tensor().set_names({name})
    return ov.Model([logits, embedding, feature_map], [pictures], "floats")


def test_a_graph_that_takes_no_bytes_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    error = refusal(bundle_with_graph(tmp_path / "bundle", bundle, float_graph()))
    assert isinstance(error, BundleIncompatible)
    assert error.code == "input_shape"


def nameless_graph() -> ov.Model:
    graph = colour_graph(64)
    graph.output("feature_map").get_tensor().set_names({"something"})
    return graph


@pytest.mark.parametrize(
    ("make_graph", "words"),
    [
        (nameless_graph, "feature_map"),
        (lambda: b"<net>this is no graph</net>", "Train a new one"),
        (lambda: b"", "Train a new one"),
    ],
    ids=["output missing", "no graph", "empty"],
)
def test_a_graph_that_cannot_serve_is_corrupt(
    bundle: Bundle, tmp_path: Path, make_graph: Callable[[], ov.Model | bytes], words: str
) -> None:
    error = refusal(bundle_with_graph(tmp_path / "bundle", bundle, make_graph()))
    assert isinstance(error, BundleCorrupt)
    assert error.code == "graph_unreadable"
    assert words in str(error)


def graph_without_head() -> ov.Model:
    graph = colour_graph(64)
    embedding = graph.output("embedding").get_node().input_value(0)
    logits = ops.multiply(embedding, np.float32(20))
    logits.output(0).get_tensor().set_names({"logits"})
    rest = [graph.output(name).get_node() for name in ("embedding", "feature_map")]
    return ov.Model([ops.result(logits), *rest], graph.get_parameters(), "no head")


def test_logits_that_are_no_product_with_a_kernel_are_refused(
    bundle: Bundle, tmp_path: Path
) -> None:
    error = refusal(bundle_with_graph(tmp_path / "bundle", bundle, graph_without_head()))
    assert isinstance(error, BundleCorrupt)
    assert "kernel of (3, 3)" in str(error)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused_by_name(
    bundle: Bundle, tmp_path: Path, value: float
) -> None:
    kernel = KERNEL.copy()
    kernel[1, 2] = value
    error = refusal(bundle_with_graph(tmp_path / "bundle", bundle, with_kernel(kernel)))
    assert isinstance(error, BundleCorrupt)
    assert error.code == "not_finite"
    assert "the weights" in str(error)


def hidden_nan() -> ov.Model:
    """NaN that a maximum hides: every answer is finite, and the embedding wrong."""
    graph = colour_graph(64)
    embedding = graph.output("embedding").get_node()
    nan = ops.multiply(embedding.input_value(0), ops.constant(np.full((1, 3), np.nan, np.float32)))
    hidden = ops.multiply(ops.clamp(nan, 0.0, 1.0), np.float32(0))
    [product] = [node for node in graph.get_ops() if node.get_type_name() == "MatMul"]
    product.input(0).replace_source_output(ops.add(embedding.input_value(0), hidden).output(0))
    return graph


def test_nan_weights_are_refused_whether_an_answer_shows_them_or_not(
    bundle: Bundle, tmp_path: Path
) -> None:
    error = refusal(bundle_with_graph(tmp_path / "bundle", bundle, hidden_nan()))
    assert error.code == "not_finite"
    assert "the weights" in str(error)


def test_finite_weights_whose_answers_are_not_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    kernel = np.full((3, 3), 3e38, np.float32)
    error = refusal(bundle_with_graph(tmp_path / "bundle", bundle, with_kernel(kernel)))
    assert isinstance(error, BundleCorrupt)
    assert error.code == "not_finite"
    assert "its answer to noise" in str(error)


def test_a_bundle_that_vanishes_after_it_was_verified_is_refused(
    bundle: Bundle, tmp_path: Path
) -> None:
    copy = bundle_with_graph(tmp_path / "bundle", bundle, colour_graph(64))
    shutil.rmtree(copy.path)
    assert refusal(copy).code == "graph_unreadable"
