"""training.backbones.network: the backbone's graph, exported once and kept for the next training."""

import logging
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import openvino as ov
import pytest
from numpy.typing import NDArray

from tests.bundles import colour_graph
from training.backbones.network import Network, keep_graph, kept_graph, open_network

ROOT = Path(__file__).parents[2]
IMAGE_SIZE = 32


def pictures(num: int, seed: int = 0) -> NDArray[np.uint8]:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (num, IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8)


@pytest.fixture
def graphs(tmp_path: Path) -> Path:
    return tmp_path / "graphs"


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the backbones that were built and exported, without any Keras."""
    names: list[str] = []
    monkeypatch.setattr("training.backbones.network.source_fingerprint", lambda *args: "key")
    keras, backbones, export = (
        ModuleType(name)
        for name in ("keras", "training.backbones.table", "training.exports.graphs")
    )
    keras.utils = ModuleType("keras.utils")  # type: ignore[attr-defined]
    keras.utils.set_random_seed = lambda seed: None  # type: ignore[attr-defined]

    def build_backbone(name: str, image_size: int, weights: str) -> Any:
        names.append(name)
        return name

    backbones.build_backbone = build_backbone  # type: ignore[attr-defined]
    export.backbone_graph = lambda model: colour_graph(IMAGE_SIZE)  # type: ignore[attr-defined]
    for module in (keras, backbones, export):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return names


def opened(graphs: Path) -> Network:
    return open_network(
        "mobilenet_v2", image_size=IMAGE_SIZE, weights="imagenet", seed=0, graphs=graphs
    )


def answers(network: Network) -> NDArray[np.float32]:
    return network.embed(pictures(4), "fp32")


# --- What it computes


def test_an_embedding_does_not_depend_on_the_rest_of_its_batch() -> None:
    network = Network(colour_graph(IMAGE_SIZE), "k", lambda: None)
    batch = pictures(5)
    together = network.embed(batch, "fp32")
    assert together.shape == (5, network.num_features) == (5, 3)
    assert together.dtype == np.float32
    for number in range(5):
        assert (network.embed(batch[number : number + 1], "fp32")[0] == together[number]).all()


def test_what_was_returned_is_not_overwritten_by_the_next_batch() -> None:
    network = Network(colour_graph(IMAGE_SIZE), "k", lambda: None)
    first = network.embed(pictures(2), "fp32")
    kept = first.copy()
    network.embed(pictures(2, seed=1), "fp32")
    assert (first == kept).all()


def test_the_model_is_built_once_and_only_when_somebody_wants_it() -> None:
    built: list[int] = []
    network = Network(colour_graph(IMAGE_SIZE), "k", lambda: built.append(1) or "model")
    assert built == []
    assert network.model == network.model == "model"
    assert built == [1]


# --- What is kept


def test_a_kept_graph_answers_as_the_exported_one(graphs: Path, exported: list[str]) -> None:
    first, second = opened(graphs), opened(graphs)
    assert exported == ["mobilenet_v2"]
    assert first.key == second.key == "key"
    assert (answers(first) == answers(second)).all()
    assert second.graph.output("feature_map").partial_shape[3].get_length() == 3
    assert second.model == "mobilenet_v2"  # and can still be built


def test_a_kept_graph_is_opened_without_keras(graphs: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights.h5"
    weights.write_bytes(b"whatever they are")
    code = f"""
import sys
from pathlib import Path
from tests.bundles import colour_graph
from training.backbones.fingerprints import source_fingerprint
from training.backbones.network import keep_graph, open_network
key = source_fingerprint("mobilenet_v2", {IMAGE_SIZE}, {str(weights)!r}, 0)
keep_graph(Path({str(graphs)!r}), key, colour_graph({IMAGE_SIZE}))
network = open_network(
    "mobilenet_v2",
    image_size={IMAGE_SIZE},
    weights={str(weights)!r},
    seed=0,
    graphs=Path({str(graphs)!r}),
)
assert network.key == key
assert network.num_features == 3
loaded = {{"keras", "tensorflow", "jax", "torch"}} & set(sys.modules)
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def deleted(path: Path) -> None:
    path.unlink()


def no_json(path: Path) -> None:
    path.write_bytes(b"\xff{")


@pytest.mark.parametrize(
    ("suffix", "damage"),
    [
        ("xml", cut_off),
        ("xml", changed),
        ("xml", deleted),
        ("bin", cut_off),
        ("bin", changed),
        ("bin", deleted),
        ("json", cut_off),
        ("json", deleted),
        ("json", no_json),
    ],
)
def test_a_changed_or_cut_off_graph_is_exported_again(
    suffix: str, damage: Any, graphs: Path, exported: list[str]
) -> None:
    expected = answers(opened(graphs))
    damage(graphs / f"key.{suffix}")
    again = opened(graphs)
    assert len(exported) == 2
    assert (answers(again) == expected).all()
    opened(graphs)
    assert len(exported) == 2  # what was damaged has been replaced


def test_a_graph_that_cannot_be_kept_costs_a_warning(
    graphs: Path, exported: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    graphs.write_text("a file where the folder should be")
    assert opened(graphs).num_features == 3
    assert "could not be kept" in caplog.text


def test_a_graph_that_is_kept_by_half_is_none(graphs: Path) -> None:
    keep_graph(graphs, "key", colour_graph(IMAGE_SIZE))
    (graphs / "key.json").unlink()
    assert kept_graph(graphs, "key") is None


def test_keeping_a_graph_again_leaves_those_alone_that_read_the_old_one(graphs: Path) -> None:
    keep_graph(graphs, "key", colour_graph(IMAGE_SIZE))
    with (graphs / "key.bin").open("rb") as reader:  # as the graph's memory map does
        before = reader.read()
        keep_graph(graphs, "key", slow_graph())
        reader.seek(0)
        assert reader.read() == before
    assert kept_graph(graphs, "key") is not None
    assert sorted(each.name for each in graphs.iterdir()) == ["key.bin", "key.json", "key.xml"]


def slow_graph() -> ov.Model:
    return colour_graph(IMAGE_SIZE, is_slow=True)


def test_without_a_key_nothing_is_kept(
    graphs: Path, exported: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.backbones.network.source_fingerprint", lambda *args: None)
    assert opened(graphs).key is None
    assert opened(graphs).key is None
    assert len(exported) == 2
    assert not graphs.exists()


def test_a_key_that_is_known_only_after_a_download_is_kept(
    graphs: Path, exported: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = iter([None, "key", "key"])
    monkeypatch.setattr("training.backbones.network.source_fingerprint", lambda *args: next(keys))
    assert opened(graphs).key == "key"
    assert opened(graphs).key == "key"
    assert len(exported) == 1


def test_a_damaged_graph_is_told_in_the_log(
    graphs: Path, exported: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    opened(graphs)
    changed(graphs / "key.bin")
    with caplog.at_level(logging.WARNING):
        opened(graphs)
    assert "exporting the backbone again" in caplog.text
