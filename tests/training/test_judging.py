"""training.evaluation.judging: the figures of a bundle are those of the precision that is served."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from classifier.bundle import Precision
from classifier.outliers import as_kept, distance_scores
from tests.training.folders import read, write_classes
from training.backbones.network import Network, fast_precision
from training.config import TrainingConfig
from training.dataset.preparing import Prepared
from training.evaluation.judging import Judged, judge
from training.evaluation.verdicts import Verdict
from training.head.learning import Candidate, candidate_of
from training.head.linear import LinearHead
from training.workplace import Workplace

SIZE = 32
NUM_FEATURES = 12
Embeddings = NDArray[np.float32]


class Drawn(Network):
    """Means of parts of the picture; `off` by so much, as in arithmetic that rounds."""

    def __init__(self, off: float = 0.0, key: str | None = None) -> None:
        self.off, self.key = off, key
        self.asked_for: list[Precision] = []

    @property
    def num_features(self) -> int:
        return NUM_FEATURES

    def embed(self, pictures: NDArray[np.uint8], precision: Precision) -> Embeddings:
        self.asked_for.append(precision)
        halves = pictures.reshape(len(pictures), 2, SIZE // 2, 2, SIZE // 2, 3)
        means = halves.mean(axis=(2, 4)).reshape(len(pictures), NUM_FEATURES) / 255
        wave = self.off * np.sin(1e4 * means)
        return (means + wave).astype(np.float32)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """40 training, 60 validation and 30 test pictures of two classes."""
    folder = tmp_path_factory.mktemp("noise")
    for number, (split, num) in enumerate((("train", 20), ("val", 30), ("test", 15))):
        write_classes(folder / split, {"a": num, "b": num}, first_seed=1_000 * number)
    return read(folder, tmp_path_factory.mktemp("scratch"), image_size=SIZE)


@pytest.fixture
def kept(prepared: Prepared) -> Candidate:
    """A head that calls what is lighter on the left an `a`, whatever the labels say."""
    examples = prepared.examples
    kernel = np.zeros((NUM_FEATURES, 2), np.float32)
    kernel[:3, 0] = kernel[3:6, 1] = 100
    network = Drawn()
    embeddings = network.embed(prepared.pictures.stack(examples.rows), fast_precision())
    val = examples.places("val")
    head = LinearHead(kernel, np.zeros(2, np.float32))
    return candidate_of(
        "head", network, head, 1.0, embeddings, examples.targets(val), val, "softmax"
    )


@pytest.fixture
def config(tmp_path: Path) -> TrainingConfig:
    return TrainingConfig(tmp_path, tmp_path / "out", image_size=SIZE)


def judged(
    config: TrainingConfig,
    prepared: Prepared,
    kept: Candidate,
    int8: Network | Verdict,
    place: Workplace,
) -> Judged:
    return judge(config, prepared, kept, int8, "softmax", place, lambda fraction: None)


def test_in_int8_all_figures_come_from_its_network(
    config: TrainingConfig, prepared: Prepared, kept: Candidate, place: Workplace
) -> None:
    int8 = Drawn(off=1e-5)
    found = judged(config, prepared, kept, int8, place)
    assert (found.precision.precision, found.precision.fallbacks[-1]) == ("int8", "fp32")
    assert found.network is int8
    assert set(int8.asked_for) == {"int8"}

    examples = prepared.examples
    train, val, test = (examples.places(split) for split in ("train", "val", "test"))
    in_val, in_test = (
        Drawn(off=1e-5).embed(prepared.pictures.stack(examples.rows[places]), "int8")
        for places in (val, test)
    )
    learned = as_kept(kept.embeddings[train])
    scores = distance_scores(in_val, learned).astype(np.float64)
    assert found.rule.threshold == np.quantile(scores, 0.95, method="higher")
    assert found.known.tolist() == distance_scores(in_test, learned).astype(np.float64).tolist()
    answers = kept.head.logits(in_test).argmax(axis=1)
    assert found.metrics["test_top1"] == (answers == examples.first_labels(test)).mean()
    # What the head has learned from stays: the threshold is of the distance between the two.
    np.testing.assert_array_equal(found.neighbours.embeddings, learned)


def test_where_int8_answers_otherwise_nothing_comes_from_it(
    config: TrainingConfig, prepared: Prepared, kept: Candidate, place: Workplace
) -> None:
    found = judged(config, prepared, kept, Drawn(off=0.2), place)
    assert found.precision.precision != "int8"
    assert found.precision.tried[0].verdict == "agreement"
    assert found.network is kept.network
    plain = judged(config, prepared, kept, "unwanted", place)
    assert plain.precision.tried[0].verdict == "unwanted"
    assert found.rule == plain.rule
    assert found.metrics["test_top1"] == plain.metrics["test_top1"]


def test_what_int8_computed_is_not_kept_for_the_next_training(
    config: TrainingConfig, prepared: Prepared, kept: Candidate, place: Workplace
) -> None:
    first = judged(config, prepared, kept, Drawn(off=1e-5), place)
    other = judged(config, prepared, kept, Drawn(off=3e-5), place)
    assert first.rule.threshold != other.rule.threshold


def test_without_bf16_in_the_processor_it_is_not_tried(
    config: TrainingConfig,
    prepared: Prepared,
    kept: Candidate,
    place: Workplace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("training.evaluation.judging.fast_precision", lambda: "fp32")
    found = judged(config, prepared, kept, "processor", place)
    assert [each.verdict for each in found.precision.tried] == ["processor", "processor", "exact"]
    assert (found.precision.precision, found.precision.fallbacks) == ("fp32", ())


def test_with_bf16_in_the_processor_all_three_are_compared(
    config: TrainingConfig,
    prepared: Prepared,
    kept: Candidate,
    place: Workplace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("training.evaluation.judging.fast_precision", lambda: "bf16")
    found = judged(config, prepared, kept, Drawn(off=1e-5), place)
    assert [each.precision for each in found.precision.tried] == ["int8", "bf16", "fp32"]
    assert (found.precision.precision, found.precision.fallbacks) == ("int8", ("bf16", "fp32"))
    assert found.metrics["precision"]["num_pictures"] == 60
