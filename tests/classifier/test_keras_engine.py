"""classifier.engines.keras, on the processor: it answers as OpenVINO's engine does, traced once."""

import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from classifier.bundle import KERAS_MODEL, Bundle, Precision, new_bundle
from classifier.engines import base
from classifier.engines import keras as engine_module
from classifier.engines import openvino as openvino_module
from classifier.engines.base import Outputs
from classifier.engines.batch_sizes import measure_sizes
from classifier.engines.keras import BATCH_SIZES, KerasEngine, gpu_problem
from classifier.engines.openvino import OpenVinoEngine
from classifier.errors import BundleCorrupt, BundleError, BundleIncompatible, EngineError
from tests.bundles import colour_bundle
from tests.classifier.keras_bundles import insect_bundle, insects, tiny_bundle
from tests.shared import needs_shared_data
from tests.training.tiny import SIZE

Pictures = NDArray[np.uint8]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("keras") / "bundle")


@pytest.fixture(scope="module")
def engine(bundle: Bundle) -> KerasEngine:
    return KerasEngine(bundle, device="cpu")


def pictures_of(num: int) -> Pictures:
    return np.random.default_rng(num).integers(0, 256, (num, SIZE, SIZE, 3), np.uint8)


def largest_difference(one: Outputs, other: Outputs) -> float:
    """Of any number that an engine gives."""
    pairs = (
        (one.logits, other.logits),
        (one.embedding, other.embedding),
        (one.feature_map, other.feature_map),
    )
    return max(float(np.abs(a - b).max()) for a, b in pairs)


# --- What it answers


def test_it_gives_what_openvino_gives(bundle: Bundle, engine: KerasEngine) -> None:
    pictures = pictures_of(5)
    mine, other = engine.run(pictures), OpenVinoEngine(bundle).run(pictures)
    for one, two in (
        (mine.logits, other.logits),
        (mine.embedding, other.embedding),
        (mine.feature_map, other.feature_map),
    ):
        assert one.shape == two.shape
        assert one.dtype == np.float32
    assert largest_difference(mine, other) <= 1e-4


def test_its_head_kernel_makes_logits_of_embeddings_up_to_the_bias(
    bundle: Bundle, engine: KerasEngine
) -> None:
    outputs = engine.run(pictures_of(4))
    bias = outputs.logits - outputs.embedding @ engine.head_kernel
    assert bias == pytest.approx(np.broadcast_to(bias[0], bias.shape), abs=1e-4)
    assert (engine.head_kernel == OpenVinoEngine(bundle).head_kernel).all()


def test_in_bf16_it_answers_nearly_the_same_and_the_head_is_exact(bundle: Bundle) -> None:
    quick = KerasEngine(bundle, precision="bf16", device="cpu")
    assert quick.precision == "bf16"
    pictures = pictures_of(8)
    outputs, exact = quick.run(pictures), OpenVinoEngine(bundle).run(pictures)
    scale = np.abs(exact.logits).max()
    assert 0 < largest_difference(outputs, exact) <= 0.05 * scale
    assert outputs.embedding == pytest.approx(outputs.feature_map.mean(axis=(1, 2)), abs=1e-5)
    bias = outputs.logits - outputs.embedding @ quick.head_kernel
    assert bias == pytest.approx(np.broadcast_to(bias[0], bias.shape), abs=1e-4)


@pytest.mark.slow
@needs_shared_data
def test_both_engines_agree_on_real_pictures(tmp_path: Path) -> None:
    """MobileNetV2 on 40 photographs. In fp32 to 1e-3 of any number, in bf16 within 5 points of
    top-1 and on logits that go along: .99 of correlation."""
    insect = insect_bundle(tmp_path / "bundle")
    pictures = insects("val", 20)
    expected = OpenVinoEngine(insect, precision="fp32").run(pictures)
    exact = KerasEngine(insect, precision="fp32", device="cpu").run(pictures)
    assert largest_difference(exact, expected) <= 1e-3
    assert (exact.logits.argmax(axis=1) == expected.logits.argmax(axis=1)).all()
    right = np.repeat([0, 1], 20)
    assert (expected.logits.argmax(axis=1) == right).mean() >= 0.9
    quick = KerasEngine(insect, device="cpu")
    assert quick.precision == "bf16"
    answers = quick.run(pictures)
    assert (answers.logits.argmax(axis=1) == expected.logits.argmax(axis=1)).mean() >= 0.95
    for one, two in (
        (answers.logits, expected.logits),
        (answers.embedding, expected.embedding),
    ):
        assert np.corrcoef(one.ravel(), two.ravel())[0, 1] >= 0.99


# --- Fixed shapes


def test_whatever_the_batch_it_is_traced_once_and_runs_in_few_shapes(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = KerasEngine(bundle, device="cpu")
    shapes = set()
    answer = engine._answer
    monkeypatch.setattr(
        engine, "_answer", lambda pictures: shapes.add(len(pictures)) or answer(pictures)
    )
    together = engine.run(pictures_of(300))
    for num in (1, 2, 3, 5, 17, 33, 100, 256, 300):
        outputs = engine.run(pictures_of(300)[:num])
        assert outputs.logits.shape == (num, 3)
        assert largest_difference(outputs, first(together, num)) <= 1e-4
    assert shapes <= set(BATCH_SIZES)
    assert answer.experimental_get_tracing_count() == 1


def first(outputs: Outputs, num: int) -> Outputs:
    return Outputs(outputs.logits[:num], outputs.embedding[:num], outputs.feature_map[:num])


def test_the_next_batch_does_not_overwrite_what_was_returned(engine: KerasEngine) -> None:
    outputs = engine.run(pictures_of(2))
    before = outputs.logits.copy()
    engine.run(pictures_of(3))
    assert (outputs.logits == before).all()


def test_the_best_batch_size_is_kept_for_the_next_process(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert KerasEngine(bundle, device="cpu", cache_dir=tmp_path).batch_size in BATCH_SIZES

    def measured_again(*arguments: object) -> dict[int, float]:
        raise AssertionError("it was measured before")

    monkeypatch.setattr(engine_module, "measure_sizes", measured_again)
    again = KerasEngine(bundle, device="cpu", cache_dir=tmp_path)
    assert again.batch_size in BATCH_SIZES
    assert again._answer.experimental_get_tracing_count() == 1


def test_batches_are_as_large_as_a_card_likes_them(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a clock by which any batch takes a millisecond. On a processor 32 are enough."""
    ticks = itertools.count()
    monkeypatch.setattr(
        engine_module, "measure_sizes", partial(measure_sizes, clock=lambda: next(ticks) / 1000)
    )
    assert KerasEngine(bundle, device="cpu", cache_dir=tmp_path).batch_size == 256
    num_ticks = next(ticks)
    assert KerasEngine(bundle, device="cpu", cache_dir=tmp_path).batch_size == 256
    assert next(ticks) == num_ticks + 1  # nothing was measured again
    monkeypatch.setattr(
        openvino_module, "measure_sizes", partial(measure_sizes, clock=lambda: next(ticks) / 1000)
    )
    assert OpenVinoEngine(bundle, cache_dir=tmp_path).batch_size == 32


# --- Which precision


@pytest.mark.parametrize(
    ("precision", "fallbacks", "expected"),
    [
        ("fp32", (), "fp32"),
        ("bf16", ("fp32",), "bf16"),
        ("int8", ("bf16", "fp32"), "bf16"),
        ("int8", ("fp32",), "fp32"),
    ],
)
def test_it_computes_in_bf16_only_where_the_bundle_says_that_is_safe(
    bundle: Bundle, precision: Precision, fallbacks: tuple[Precision, ...], expected: Precision
) -> None:
    manifest = bundle.manifest.__class__(
        **{**vars(bundle.manifest), "precision": precision, "fallbacks": fallbacks}
    )
    said = Bundle(bundle.path, manifest, bundle.digest)
    assert KerasEngine(said, device="cpu").precision == expected


# --- What is refused


def with_model(path: Path, like: Bundle, change: Callable[[keras.Model], keras.Model]) -> Bundle:
    with new_bundle(path) as draft:
        for file in like.path.iterdir():
            (draft.folder / file.name).write_bytes(file.read_bytes())
        model = keras.models.load_model(draft.folder / KERAS_MODEL, compile=False)
        change(model).save(draft.folder / KERAS_MODEL)
        (draft.folder / "manifest.json").unlink()
        draft.seal(like.manifest)
    return Bundle.load(path)


def refusal(bundle: Bundle) -> BundleError:
    with pytest.raises(BundleError) as caught:
        KerasEngine(bundle, device="cpu")
    assert str(bundle.path) in str(caught.value)
    return caught.value


def test_nan_weights_are_refused_though_a_relu_hides_them(bundle: Bundle, tmp_path: Path) -> None:
    def spoil(model: keras.Model) -> keras.Model:
        kernel, bias = model.get_layer("low_conv").get_weights()
        bias[0] = np.nan
        model.get_layer("low_conv").set_weights([kernel, bias])
        return model

    error = refusal(with_model(tmp_path / "bundle", bundle, spoil))
    assert isinstance(error, BundleCorrupt)
    assert error.code == "not_finite"
    assert "low_conv" in str(error)


def test_a_file_that_holds_no_model_is_refused(tmp_path: Path) -> None:
    assert refusal(colour_bundle(tmp_path / "bundle")).code == "model_unreadable"


def test_a_model_without_the_layers_of_ours_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    def rename(model: keras.Model) -> keras.Model:
        return keras.Sequential([keras.Input((SIZE, SIZE, 3)), keras.layers.Flatten()])

    error = refusal(with_model(tmp_path / "bundle", bundle, rename))
    assert error.code == "model_unreadable"
    assert "embedding" in str(error)


def test_labels_that_do_not_fit_the_weights_are_refused(tmp_path: Path) -> None:
    error = refusal(tiny_bundle(tmp_path / "bundle", class_names=("a", "b")))
    assert isinstance(error, BundleIncompatible)
    assert error.code == "label_count"


def test_pictures_of_another_size_are_refused(tmp_path: Path) -> None:
    error = refusal(tiny_bundle(tmp_path / "bundle", image_size=SIZE * 2))
    assert error.code == "model_unreadable"
    assert "64 x 64" in str(error)


# --- When the device fails


@pytest.mark.parametrize(
    ("failure", "code", "words"),
    [
        (tf.errors.ResourceExhaustedError, "gpu_memory", "OCELLUS_ENGINE_MEMORY_MB"),
        (tf.errors.InternalError, "gpu_failed", "cuDNN is lost"),
    ],
)
def test_what_tensorflow_raises_becomes_a_sentence(
    bundle: Bundle, failure: type[tf.errors.OpError], code: str, words: str
) -> None:
    engine = KerasEngine(bundle, device="cpu")

    def fail(pictures: tf.Tensor) -> None:
        raise failure(None, None, "cuDNN is lost\nand so on")

    engine._answer = fail
    with pytest.raises(EngineError) as caught:
        engine.run(pictures_of(3))
    assert caught.value.code == code
    assert "a batch of 4" in str(caught.value)  # 3, filled up
    assert words in str(caught.value)
    assert "and so on" not in str(caught.value)
    assert isinstance(caught.value, RuntimeError)  # so that the worker tries them one by one


def test_memory_that_ends_at_a_size_is_no_failure_but_the_end_of_measuring(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = KerasEngine(bundle, device="cpu")
    answer = engine._answer

    def answer_a_few(pictures: tf.Tensor) -> object:
        if len(pictures) > 4:
            raise tf.errors.ResourceExhaustedError(None, None, "no room")
        return answer(pictures)

    engine._answer = answer_a_few
    assert engine.batch_size <= 4


# --- Which device


def test_without_an_nvidia_device_a_gpu_is_refused_with_a_sentence(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "has_nvidia", lambda: False)
    with pytest.raises(EngineError, match=r"Expected an NVIDIA GPU.*OCELLUS_DEVICE"):
        base.open_engine(bundle, device="gpu")
    assert isinstance(base.open_engine(bundle, device="auto"), OpenVinoEngine)


def test_a_device_that_tensorflow_does_not_see_is_no_gpu(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if gpu_problem() is None:
        pytest.skip("TensorFlow sees a GPU here")
    monkeypatch.setattr(base, "has_nvidia", lambda: True)
    with pytest.raises(EngineError, match=r"Expected TensorFlow to see.*and-cuda"):
        base.open_engine(bundle, device="gpu")
    assert isinstance(base.open_engine(bundle, device="auto"), OpenVinoEngine)
    assert "and-cuda" in caplog.text


def test_a_gpu_that_is_seen_is_taken_unless_the_processor_was_asked_for(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "has_nvidia", lambda: True)
    monkeypatch.setattr(engine_module, "gpu_problem", lambda: None)
    opened: list[dict[str, object]] = []
    monkeypatch.setattr(
        engine_module, "KerasEngine", lambda bundle, **options: opened.append(options)
    )
    base.open_engine(bundle, device="auto")
    base.open_engine(bundle, device="gpu")
    assert [options["device"] for options in opened] == ["gpu", "gpu"]
    assert isinstance(base.open_engine(bundle, device="cpu"), OpenVinoEngine)


def test_on_another_backend_of_keras_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    problem = gpu_problem()
    assert problem is not None
    assert "jax" in str(problem)
