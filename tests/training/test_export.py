"""training.exports.graphs and training.exports.proof: what leaves the house answers as the Keras model does."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Never

import keras
import numpy as np
import onnxruntime
import openvino as ov
import pytest
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from classifier.bundle import KERAS_MODEL, SERVING_GRAPH, SERVING_WEIGHTS
from classifier.decide import Head, probabilities
from classifier.engines.openvino import compile_graph
from tests.training.folders import striped
from tests.training.weights import mobilenet_weights, randomized
from training.backbones.table import build_backbone
from training.config import BACKBONE_NAMES, FORMATS, Format
from training.errors import ExportRefused
from training.exports.agreement import Export, answers_alike
from training.exports.conversion import convert
from training.exports.graphs import backbone_graph, keras_model
from training.exports.proof import make_sure_of_room, write_exports
from training.exports.serving import serving_graph
from training.head.linear import LinearHead

TEMPERATURE = 0.7
SIZE = 64


@dataclass(frozen=True)
class Finished:
    """A backbone, a head that makes something of its features, and their pictures.

    `served`: the head of the serving graph, where it is not the Keras model's.
    """

    backbone: keras.Model
    graph: ov.Model
    head: LinearHead
    pictures: Any
    served: LinearHead | None = None

    def exported(self, folder: Path, *formats: Format, head: Head = "softmax") -> dict[Format, Any]:
        return write_exports(
            folder,
            keras_model(self.backbone, self.head, TEMPERATURE, head),
            serving_graph(self.graph, self.served or self.head),
            self.pictures,
            head=head,
            temperature=TEMPERATURE,
            formats=formats,
        )


def finished(backbone: keras.Model, pictures: NDArray[np.uint8], num_classes: int = 5) -> Finished:
    """With a random head whose logits are spread as those of a trained one."""
    graph = backbone_graph(backbone)
    request = compile_graph(graph, "fp32").create_infer_request()
    request.infer([pictures])
    embeddings = np.array(request.get_tensor("embedding").data)
    deviation = max(embeddings.std(axis=0).mean(), np.abs(embeddings).mean() / 100)
    spread = deviation * np.sqrt(embeddings.shape[1])
    kernel = np.random.default_rng(0).normal(0, 1 / spread, (embeddings.shape[1], num_classes))
    bias = -(embeddings.mean(axis=0) @ kernel)
    head = LinearHead(kernel.astype(np.float32), bias.astype(np.float32))
    return Finished(backbone, graph, head, pictures)


@pytest.fixture(scope="module")
def mobilenet(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    weights = mobilenet_weights(tmp_path_factory.mktemp("weights") / "mobilenet.h5")
    pictures = np.stack([np.asarray(striped(n % 3, n, SIZE)) for n in range(100)])
    return finished(build_backbone("mobilenet_v2", SIZE, str(weights)), pictures)


@pytest.fixture(scope="module")
def folder(mobilenet: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All formats of one model."""
    folder = tmp_path_factory.mktemp("exports")
    mobilenet.exported(folder, *FORMATS)
    return folder


@pytest.fixture(scope="module")
def expected(mobilenet: Finished) -> NDArray[np.float32]:
    model = keras_model(mobilenet.backbone, mobilenet.head, TEMPERATURE)
    answers: NDArray[np.float32] = model.predict(mobilenet.pictures.astype("float32"), verbose=0)
    assert len(set(answers.argmax(axis=1))) >= 3
    return answers


# --- Each format, elsewhere


@pytest.mark.slow
def test_onnx_has_the_same_top_1_in_onnxruntime(
    mobilenet: Finished, folder: Path, expected: NDArray[np.float32]
) -> None:
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    [entry], [answer] = session.get_inputs(), session.get_outputs()
    assert (entry.name, entry.shape) == ("picture", ["N", SIZE, SIZE, 3])
    assert (answer.name, answer.shape) == ("probabilities", ["N", 5])
    [received] = session.run(None, {"picture": mobilenet.pictures.astype(np.float32)})
    assert (received.argmax(axis=1) == expected.argmax(axis=1)).all()
    assert np.abs(received - expected).max() < 1e-4


def test_onnx_keeps_what_the_libraries_on_the_way_get_wrong(tmp_path: Path) -> None:
    """Constants of Normalization, GELU, and zeros around negative numbers before max pooling."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Normalization(mean=(1.0, 2.0, 3.0), variance=(4.0, 5.0, 6.0)),
            layers.Conv2D(4, 1, activation="gelu", bias_initializer="ones"),
            layers.Rescaling(-1.0, offset=-1.0),
            layers.ZeroPadding2D(1),
            layers.MaxPooling2D(3, 2),
            layers.Flatten(),
        ]
    )
    convert(model, tmp_path / "model.onnx")
    pictures = np.random.default_rng(0).uniform(0, 255, (5, 8, 8, 3)).astype(np.float32)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    [received] = session.run(None, {"picture": pictures})
    expected = model.predict_on_batch(pictures)
    assert (expected == 0).any()
    assert np.abs(received - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.slow
def test_tflite_has_the_same_top_1_in_its_interpreter_one_picture_or_all_at_once(
    mobilenet: Finished, folder: Path, expected: NDArray[np.float32]
) -> None:
    interpreter = Interpreter(str(folder / "model.tflite"))
    [entry], [answer] = interpreter.get_input_details(), interpreter.get_output_details()
    for num_pictures in (1, len(mobilenet.pictures)):
        if num_pictures > 1:
            interpreter.resize_tensor_input(entry["index"], mobilenet.pictures.shape)
        interpreter.allocate_tensors()
        batch = mobilenet.pictures[:num_pictures].astype(np.float32)
        interpreter.set_tensor(entry["index"], batch)
        interpreter.invoke()
        received = interpreter.get_tensor(answer["index"])
        assert (received.argmax(axis=1) == expected[:num_pictures].argmax(axis=1)).all()
        assert np.abs(received - expected[:num_pictures]).max() < 1e-4


HEADS: dict[str, Head] = {
    "resnet50": "softmax",
    "resnet50_v2": "sigmoid",
    "mobilenet_v2": "sigmoid",
    "efficientnet_v2_b0": "softmax",
    "convnext_tiny": "softmax",
}


def check_exports(name: str, folder: Path, *formats: Format) -> None:
    """Build a backbone with random weights and prove its exports on batches of pictures, read once."""
    keras.utils.set_random_seed(0)
    pictures = np.stack([np.asarray(striped(n % 3, n, 32)) for n in range(40)])
    whole = finished(randomized(build_backbone(name, 32, "none")), pictures)
    batches = (pictures[start : start + 16] for start in (0, 16, 32))
    agreements = replace(whole, pictures=batches).exported(folder, *formats, head=HEADS[name])
    assert set(agreements) == {"h5", "openvino", *formats}
    for each, agreement in agreements.items():
        assert agreement.format == each
        assert agreement.num_pictures == 40
        assert agreement.top1_agreement == 1.0
        assert agreement.largest_difference < 1e-3
        assert agreement.seconds > 0
        assert (folder / agreement.file).is_file()
    json.dumps({each: asdict(agreement) for each, agreement in agreements.items()})


# The plainest and the oddest of them; the others with all formats in the slow test below.
@pytest.mark.parametrize(
    "name", ["mobilenet_v2", pytest.param("convnext_tiny", marks=pytest.mark.slow)]
)
def test_a_backbone_is_exported_and_agrees(name: str, tmp_path: Path) -> None:
    check_exports(name, tmp_path)
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {KERAS_MODEL, SERVING_GRAPH, SERVING_WEIGHTS}


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONE_NAMES)
def test_each_backbone_is_exported_to_all_formats_and_agrees(name: str, tmp_path: Path) -> None:
    check_exports(name, tmp_path, *FORMATS)


def test_a_sigmoid_head_gives_each_class_its_own_probability(mobilenet: Finished) -> None:
    model = keras_model(mobilenet.backbone, mobilenet.head, TEMPERATURE, "sigmoid")
    pictures = mobilenet.pictures[:8]
    answers = model.predict_on_batch(pictures.astype("float32"))
    request = compile_graph(mobilenet.graph, "fp32").create_infer_request()
    request.infer([pictures])
    logits = mobilenet.head.logits(request.get_tensor("embedding").data)
    assert np.abs(answers - probabilities(logits, "sigmoid", TEMPERATURE)).max() < 1e-4
    assert answers.sum(axis=1).std() > 0.1


# --- What is refused


def refusal(finished: Finished, folder: Path, *formats: Format) -> ExportRefused:
    with pytest.raises(ExportRefused) as caught:
        finished.exported(folder, *formats)
    return caught.value


def test_a_graph_that_answers_otherwise_is_refused_with_the_reason(
    mobilenet: Finished, tmp_path: Path
) -> None:
    other = LinearHead(np.roll(mobilenet.head.kernel, 1, axis=1), mobilenet.head.bias)
    error = refusal(replace(mobilenet, served=other), tmp_path)
    assert error.code == "disagrees"
    assert error.params["format"] == "openvino"
    assert 0 <= float(str(error.params["agreement"])) < 0.995
    for words in ("openvino", "99.5 %", "100 validation pictures", "differ by up to"):
        assert words in str(error)


def test_an_h5_file_that_holds_another_model_is_refused(
    mobilenet: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = keras_model(
        mobilenet.backbone, LinearHead(mobilenet.head.kernel * 2, mobilenet.head.bias), TEMPERATURE
    )
    monkeypatch.setattr("keras.models.load_model", lambda *arguments, **options: other)
    error = refusal(mobilenet, tmp_path)
    assert (error.code, error.params["format"]) == ("failed", "h5")


def test_a_file_that_its_runtime_cannot_read_is_refused(
    mobilenet: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "training.exports.proof.convert",
        lambda model, target: target.write_bytes(b"no such format" * 9),
    )
    error = refusal(mobilenet, tmp_path, "onnx")
    assert (error.code, error.params["format"]) == ("failed", "onnx")
    assert "\n" not in str(error)


def test_a_full_disk_is_an_os_error_whatever_the_library_calls_it(
    mobilenet: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> Never:
        raise RuntimeError("basic_ios::clear: iostream error")

    monkeypatch.setattr("training.exports.proof.ov.save_model", refuse)
    with pytest.raises(OSError, match=r"serving\.xml could not be written"):
        mobilenet.exported(tmp_path)


# --- What counts as the same answer


def compared(expected: Any, received: Any) -> Export:
    export = Export("onnx", "model.onnx", run=lambda batch: received, seconds=0.0)
    export.compare(np.array(expected), np.array(received), "softmax")
    return export


def test_a_tie_may_go_either_way_and_nothing_else() -> None:
    expected = np.array([[0.5, 0.49995, 0.00005], [0.5, 0.4, 0.1], [0.5, 0.4, 0.1]])
    received = np.array([[0.4999, 0.5001, 0.0], [0.4, 0.5, 0.1], [0.9, 0.05, 0.05]])
    assert answers_alike(expected, received, "softmax").tolist() == [True, False, True]


def test_sigmoid_answers_are_alike_when_all_decisions_are() -> None:
    expected = np.array([[0.9, 0.1], [0.9, 0.1], [0.50005, 0.9], [0.2, 0.3]])
    received = np.array([[0.6, 0.4], [0.6, 0.6], [0.49999, 0.9], [0.1, 0.1]])
    assert answers_alike(expected, received, "sigmoid").tolist() == [True, False, True, True]


@pytest.mark.parametrize(("num_other", "code"), [(1, None), (2, "disagrees")])
def test_one_other_answer_in_two_hundred_is_allowed(num_other: int, code: str | None) -> None:
    expected = np.tile([0.51, 0.49], (200, 1))
    received = expected.copy()
    received[:num_other] = [0.49, 0.51]
    export = compared(expected, received)
    if code is None:
        agreement = export.agreement()
        assert (agreement.top1_agreement, agreement.num_pictures) == (0.995, 200)
        assert agreement.largest_difference == pytest.approx(0.02)
    else:
        with pytest.raises(ExportRefused) as caught:
            export.agreement()
        assert caught.value.code == code
        assert "99.0 %" in str(caught.value)


def test_the_same_top_1_with_other_probabilities_is_refused() -> None:
    with pytest.raises(ExportRefused) as caught:
        compared([[0.9, 0.1]], [[0.6, 0.4]]).agreement()
    assert caught.value.code == "differs"
    assert "0.3" in str(caught.value)


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(odd: float) -> None:
    for expected, received in (([[0.9, 0.1]], [[0.9, odd]]), ([[odd, 0.1]], [[0.9, 0.1]])):
        with pytest.raises(ExportRefused) as caught:
            compared(expected, received)
        assert (caught.value.code, caught.value.params["format"]) == ("not_finite", "onnx")


def test_no_pictures_prove_nothing() -> None:
    with pytest.raises(ExportRefused) as caught:
        Export("h5", KERAS_MODEL, run=lambda batch: batch, seconds=0.0).agreement()
    assert caught.value.code == "no_pictures"


# --- Trained on another of Keras' backends

JAX_PROGRAM = """
import sys
from pathlib import Path
import keras, numpy as np
from training.backbones.table import build_backbone
from training.config import FORMATS
from training.exports.graphs import backbone_graph, keras_model
from training.exports.serving import serving_graph
from training.head.linear import LinearHead
from training.exports.proof import write_exports
assert keras.backend.backend() == "jax"
keras.utils.set_random_seed(0)
backbone = build_backbone("mobilenet_v2", 32, sys.argv[1])
generator = np.random.default_rng(0)
head = LinearHead(generator.normal(0, 0.05, (1280, 4)).astype("f4"), np.zeros(4, "f4"))
pictures = generator.integers(0, 256, (40, 32, 32, 3), np.uint8)
agreements = write_exports(
    Path(sys.argv[2]), keras_model(backbone, head, 1.5), serving_graph(backbone_graph(backbone), head),
    pictures, head="softmax", temperature=1.5, formats=FORMATS,
)
assert set(agreements) == set(FORMATS)
assert all(each.top1_agreement == 1.0 and each.num_pictures == 40 for each in agreements.values())
np.save(Path(sys.argv[2]) / "pictures.npy", pictures)
"""


@pytest.mark.slow
def test_a_model_of_keras_on_jax_is_exported_and_answers_the_same_on_tensorflow(
    tmp_path: Path,
) -> None:
    weights = mobilenet_weights(tmp_path / "mobilenet.h5")
    done = subprocess.run(
        [sys.executable, "-c", JAX_PROGRAM, weights, tmp_path],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pictures = np.load(tmp_path / "pictures.npy").astype("float32")
    model = keras.models.load_model(tmp_path / KERAS_MODEL, compile=False)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    [received] = session.run(None, {"picture": pictures})
    assert np.abs(received - model.predict_on_batch(pictures)).max() < 1e-4


def test_a_disk_without_room_for_the_model_is_met_before_hdf5_meets_it(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"space|large"):
        make_sure_of_room(tmp_path, 2**61)
    make_sure_of_room(tmp_path, 1000)
    assert list(tmp_path.iterdir()) == []
