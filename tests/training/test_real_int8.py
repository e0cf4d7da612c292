"""int8 on real photographs: what is chosen is what the rule says, and the bundle answers as it was judged."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from classifier.bundle import INT8_GRAPH, Bundle, Precision
from classifier.decide import probabilities
from classifier.engines.base import Outputs, open_engine
from classifier.engines.hardware import has_int8
from classifier.neighbours import NEIGHBOURS, Neighbours
from classifier.outliers import distance_scores
from classifier.preprocess import read_input
from tests.shared import SHARED_DATA, SHARED_KERAS, needs_shared_data
from training.config import TrainingConfig
from training.run import TrainingResult, train

pytestmark = [
    pytest.mark.slow,
    needs_shared_data,
    pytest.mark.skipif(not has_int8(), reason="this processor has no dot products of bytes"),
]
FOLDER = SHARED_DATA / "cats_dogs"
NAMES = ("cats", "dogs")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    scratch = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(SHARED_KERAS))
        return train(TrainingConfig(FOLDER, scratch / "bundle", backbone="mobilenet_v2"))


@pytest.fixture(scope="module")
def labels(paths: list[Path]) -> NDArray[np.int64]:
    return np.array([NAMES.index(path.parent.name) for path in paths])


@pytest.fixture(scope="module")
def paths() -> list[Path]:
    return sorted((FOLDER / "val").rglob("*.jpg"))


def outputs(bundle: Bundle, paths: list[Path], precision: Precision | None = None) -> Outputs:
    engine = open_engine(bundle, precision=precision, device="cpu")
    found = [
        engine.run(np.stack([read_input(path, 224) for path in paths[start : start + 16]]))
        for start in range(0, len(paths), 16)
    ]
    return Outputs(
        *(np.concatenate([getattr(each, name) for each in found]) for name in
          ("logits", "embedding", "feature_map"))
    )  # fmt: skip


def test_the_manifest_says_what_the_engine_measures_and_the_rule_decides(
    result: TrainingResult, paths: list[Path], labels: NDArray[np.int64]
) -> None:
    manifest = result.bundle.manifest
    comparison = manifest.metrics["precision"]
    assert comparison["num_pictures"] == len(paths) == result.num_val
    int8 = next(each for each in comparison["tried"] if each["precision"] == "int8")
    fp32 = next(each for each in comparison["tried"] if each["precision"] == "fp32")
    is_safe = (
        int8["agreement"] >= 0.99
        and fp32["top1"] - int8["top1"] <= 0.003 + 1e-9
        and int8["mean_difference"] <= 0.02
    )
    assert (int8["verdict"] == "safe") == is_safe
    assert (manifest.precision == "int8") == is_safe
    assert (INT8_GRAPH in manifest.files) == is_safe
    assert (manifest.precision, *manifest.fallbacks)[-1] == "fp32"
    # MobileNetV2's weights are here the same for everybody, and so is what came of them.
    assert is_safe
    logits = {name: outputs(result.bundle, paths, name).logits for name in ("int8", "fp32")}
    best = {name: values.argmax(axis=1) for name, values in logits.items()}
    assert (best["int8"] == best["fp32"]).mean() == pytest.approx(int8["agreement"])
    for name, measured in (("int8", int8), ("fp32", fp32)):
        assert (best[name] == labels).mean() == pytest.approx(measured["top1"])
    shares = [probabilities(values, "softmax", manifest.temperature) for values in logits.values()]
    difference = float(np.abs(shares[0] - shares[1]).mean())
    assert difference == pytest.approx(int8["mean_difference"], rel=0.01)
    assert 0 < difference < 0.02


def test_the_bundles_figures_are_those_of_what_is_served(
    result: TrainingResult, paths: list[Path], labels: NDArray[np.int64]
) -> None:
    bundle = result.bundle
    assert open_engine(bundle, device="cpu").precision == bundle.manifest.precision
    served = outputs(bundle, paths)
    assert (served.logits.argmax(axis=1) == labels).mean() == pytest.approx(
        result.metrics["val_top1"]
    )
    known = Neighbours.load(bundle.path / NEIGHBOURS).embeddings
    scores = distance_scores(served.embedding, known)
    rule = bundle.manifest.outliers
    assert rule["method"] == "distance"
    expected = np.quantile(scores.astype(np.float64), 0.95, method="higher")
    assert rule["threshold"] == pytest.approx(expected, rel=1e-4)


def test_a_processor_without_dot_products_falls_back(
    result: TrainingResult, paths: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("classifier.engines.openvino.has_int8", lambda: False)
    engine = open_engine(result.bundle, device="cpu")
    assert engine.precision == result.bundle.manifest.fallbacks[0]
    exact = outputs(result.bundle, paths[:16], "fp32").logits
    again = engine.run(np.stack([read_input(path, 224) for path in paths[:16]])).logits
    assert (exact.argmax(axis=1) == again.argmax(axis=1)).mean() >= 0.9
