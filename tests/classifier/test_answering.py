"""classifier.answering: many pictures through one engine."""

import numpy as np
import pytest
from numpy.typing import NDArray

from classifier.answering import Answerer, answer_pictures, open_answerer, read_all
from classifier.decide import Answer
from classifier.errors import InvalidImage
from tests.bundles import colour_bundle
from tests.pictures import RGB, plain


@pytest.fixture(scope="module")
def answerer(tmp_path_factory: pytest.TempPathFactory) -> Answerer:
    return open_answerer(colour_bundle(tmp_path_factory.mktemp("answering") / "bundle"))


def read(colour: str) -> NDArray[np.uint8]:
    if colour not in RGB:
        raise InvalidImage("empty")
    [picture] = plain(colour)
    return picture


def told(answerer: Answerer, sources: list[str], batch_size: int) -> list[tuple[str, str]]:
    return [
        (source, outcome.label if isinstance(outcome, Answer) else outcome.code)
        for source, outcome in answer_pictures(answerer, sources, read, batch_size=batch_size)
    ]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 16])
def test_each_source_gets_its_own_outcome_in_order(answerer: Answerer, batch_size: int) -> None:
    sources = ["red", "bad", "blue", "bad", "bad", "bad", "green", "red"]
    expected = [(s, "empty" if s == "bad" else s) for s in sources]
    assert told(answerer, sources, batch_size) == expected


def test_no_source_gives_no_outcome(answerer: Answerer) -> None:
    assert told(answerer, [], 4) == []


def test_an_error_that_is_no_refusal_is_not_hidden(answerer: Answerer) -> None:
    def broken(source: str) -> NDArray[np.uint8]:
        raise MemoryError(source)

    with pytest.raises(MemoryError):
        read_all(["a", "b"], broken)
    with pytest.raises(MemoryError):
        list(answer_pictures(answerer, ["a"], broken))


def test_a_batch_is_decided_with_the_manifests_temperature(
    answerer: Answerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed = np.full((1, 64, 64, 3), (200, 180, 100), dtype=np.uint8)
    sharp = answerer.answer(mixed, top_k=2)[0]
    monkeypatch.setitem(answerer.bundle.manifest.__dict__, "temperature", 10.0)
    soft = answerer.answer(mixed, top_k=2)[0]
    assert len(sharp.top) == len(soft.top) == 2
    assert sharp.label == soft.label == "red"
    assert sharp.confidence > soft.confidence
