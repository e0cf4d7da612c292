"""python -m classifier.smoke: what promotion runs before a version may go live."""

from pathlib import Path

import numpy as np
import pytest

from classifier.answering import open_answerer
from classifier.bundle import SERVING_GRAPH, Bundle
from classifier.engines import base
from classifier.errors import BundleCorrupt, EngineError
from classifier.smoke import main, smoke_test
from tests.bundles import colour_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return colour_bundle(tmp_path_factory.mktemp("smoke") / "bundle")


def said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The sentence that it ends with; nothing where it is content."""
    try:
        main(arguments)
    except SystemExit as ended:
        return str(ended.code)
    assert capsys.readouterr().out == ""
    return ""


def test_a_bundle_that_answers_is_passed_over_in_silence_and_leaves_nothing(
    bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said([str(bundle.path)], capsys) == ""
    assert list(tmp_path.iterdir()) == []


def test_with_a_cache_it_leaves_there_what_the_workers_will_start_from(
    bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "cache"
    assert said([str(bundle.path), "--device", "cpu", "--cache", str(cache)], capsys) == ""
    assert len(list(cache.iterdir())) == 1


def test_a_changed_byte_is_told_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = colour_bundle(tmp_path / "bundle")
    graph = changed.path / SERVING_GRAPH
    graph.write_bytes(graph.read_bytes() + b" ")
    sentence = said([str(changed.path)], capsys)
    assert SERVING_GRAPH in sentence
    assert str(changed.path) in sentence


def test_a_gpu_that_is_not_there_is_told(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(base, "has_nvidia", lambda: False)
    assert "OCELLUS_DEVICE" in said([str(bundle.path), "--device", "gpu"], capsys)


def test_an_engine_that_breaks_is_the_bundles_fault_unless_it_says_otherwise(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    answerer = open_answerer(bundle, device="cpu")
    for raised, expected in (
        (RuntimeError("it broke"), BundleCorrupt),
        (EngineError("gpu_memory", num_pictures=2), EngineError),
    ):

        def run(pictures: np.ndarray, error: RuntimeError = raised) -> None:
            raise error

        monkeypatch.setattr(answerer.engine, "run", run)
        with pytest.raises(expected):
            smoke_test(answerer)
