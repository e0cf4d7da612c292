"""The backbone as a graph that computes embeddings fast, exported once and kept for the next training."""

import json
import logging
import tempfile
from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from classifier.bundle import Precision, file_sha256
from classifier.engines.openvino import compile_graph, has_bf16
from classifier.preprocess import PREPROCESSING_VERSION
from training.backbones.fingerprints import source_fingerprint

if TYPE_CHECKING:
    import keras

logger = logging.getLogger(__name__)


class Network:
    """A backbone: its OpenVINO graph, and the Keras model, which is built when somebody wants it.

    `key` names what it computes, for a cache of its features; None for one that is not kept.
    """

    def __init__(
        self, graph: ov.Model, key: str | None, build: "Callable[[], keras.Model]"
    ) -> None:
        self.graph = graph
        self.key = key
        self._build = build
        self._requests: dict[Precision, Any] = {}

    @cached_property
    def model(self) -> "keras.Model":
        """RGB 0-255 `[N, S, S, 3]` to a feature map `[N, h, w, D]`, in Keras."""
        return self._build()

    @property
    def num_features(self) -> int:
        return int(self.graph.output("embedding").partial_shape[1].get_length())

    def key_in(self, precision: Precision) -> str | None:
        """The key of its features as computed in `precision`."""
        return self.key and f"{self.key} {PREPROCESSING_VERSION} {precision}"

    def embed(self, pictures: NDArray[np.uint8], precision: Precision) -> NDArray[np.float32]:
        """Embeddings float32 `[N, D]` of uint8 `[N, S, S, 3]`; a picture's do not depend on its batch."""
        return self._run(pictures, precision, "embedding")

    def feature_maps(
        self, pictures: NDArray[np.uint8], precision: Precision
    ) -> NDArray[np.float32]:
        """What an embedding is the mean of, float32 `[N, h, w, D]`."""
        return self._run(pictures, precision, "feature_map")

    def _run(
        self, pictures: NDArray[np.uint8], precision: Precision, output: str
    ) -> NDArray[np.float32]:
        if precision not in self._requests:
            self._requests[precision] = compile_graph(self.graph, precision).create_infer_request()
        request = self._requests[precision]
        request.infer([pictures])
        return np.array(request.get_tensor(output).data)


def open_network(name: str, *, image_size: int, weights: str, seed: int, graphs: Path) -> Network:
    """The backbone of that name as a network, from the folder `graphs` if it was exported before.

    Keras is imported only when it was not. Raises WeightsUnavailable.
    """

    def build() -> "keras.Model":
        import keras

        from training.backbones.table import build_backbone

        keras.utils.set_random_seed(seed)
        return build_backbone(name, image_size, weights)

    key = source_fingerprint(name, image_size, weights, seed)
    graph = kept_graph(graphs, key) if key else None
    if graph is not None:
        return Network(graph, key, build)
    from training.exports.graphs import backbone_graph

    model = build()
    key = source_fingerprint(name, image_size, weights, seed)  # after a download it is known
    graph = backbone_graph(model)
    if key:
        keep_graph(graphs, key, graph)
    return Network(graph, key, lambda: model)


def kept_graph(graphs: Path, key: str) -> ov.Model | None:
    """The graph that was kept under that key; None where there is none, or it was changed since."""
    path = graphs / f"{key}.xml"
    try:
        hashes = json.loads((graphs / f"{key}.json").read_text())
        if hashes == [file_sha256(path), file_sha256(path.with_suffix(".bin"))]:
            return ov.Core().read_model(path)
        logger.warning("%s was changed; exporting the backbone again", path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, RuntimeError) as error:
        logger.warning("%s cannot be used (%s); exporting the backbone again", path, error)
    return None


def graph_digest(graphs: Path, key: str) -> str | None:
    """What tells a kept graph from another that is kept under the same key later; None for none."""
    try:
        return file_sha256(graphs / f"{key}.json")
    except OSError:
        return None


def forget_graph(graphs: Path, key: str) -> None:
    """Have the next one who asks for it make it anew."""
    for suffix in (".json", ".xml", ".bin"):  # the hashes first, so that half is none
        (graphs / f"{key}{suffix}").unlink(missing_ok=True)


def keep_graph(graphs: Path, key: str, graph: ov.Model) -> None:
    """Keep a graph for the next training; where the disk does not take it, that one makes it anew."""
    path = graphs / f"{key}.xml"
    try:
        graphs.mkdir(parents=True, exist_ok=True)
        # Written beside and renamed: another run may have the old file mapped into its memory.
        with tempfile.TemporaryDirectory(prefix=".", dir=graphs) as folder:
            new = Path(folder) / path.name
            ov.save_model(graph, new, compress_to_fp16=False)
            hashes = [file_sha256(new), file_sha256(new.with_suffix(".bin"))]
            new.with_suffix(".json").write_text(json.dumps(hashes))
            for suffix in (".xml", ".bin", ".json"):  # the hashes last, so that half is none
                new.with_suffix(suffix).replace(path.with_suffix(suffix))
    except (OSError, RuntimeError) as error:
        logger.warning("%s could not be kept (%s); going on", path, error)


@cache
def fast_precision() -> Precision:
    """What features are computed in here: bf16 where the processor has it."""
    return "bf16" if has_bf16() else "fp32"
