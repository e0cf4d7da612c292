"""The backbone's graph in int8: its convolutions multiply bytes, within ranges seen on training pictures.

By NNCF, which is imported here alone. It reports to nobody: see `classifier/__init__.py`.
"""

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from classifier.engines.hardware import has_int8
from training.backbones.network import (
    Network,
    forget_graph,
    graph_digest,
    keep_graph,
    kept_graph,
)
from training.config import TrainingConfig
from training.dataset.examples import Examples
from training.dataset.preparing import Prepared
from training.evaluation.verdicts import MIN_PICTURES_FOR_INT8, Verdict

logger = logging.getLogger(__name__)

# Of 32, 100 and 300 pictures, 100 gave the same answers as 300 on two sets of photographs, 32 fewer.
MAX_PICTURES = 128
# What is told of the way once the pictures are through; the rest corrects each layer's bias.
SHARE_OF_PICTURES = 0.9
# Of each list of class names there is one, of 24 MB for ResNet50; so many recognizers can take turns.
MAX_KEPT = 8
_MARK = "-int8-"


class Calibration:
    """So many pictures uint8 `[1, S, S, 3]`, read when NNCF asks for them; tells how far it is.

    `error`: what reading a picture or the caller's callback raised, which is no fault of NNCF's.
    """

    def __init__(
        self,
        read: Callable[[], Iterable[NDArray[np.uint8]]],
        num: int,
        on_progress: Callable[[float], None] = lambda fraction: None,
    ) -> None:
        self.error: Exception | None = None
        self._read, self._num, self._on_progress = read, num, on_progress

    def __len__(self) -> int:
        return self._num

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        try:
            for number, picture in enumerate(self._read()):
                self._on_progress(SHARE_OF_PICTURES * number / self._num)
                yield picture
        except Exception as error:
            self.error = error
            raise


def int8_network(
    config: TrainingConfig,
    prepared: Prepared,
    network: Network,
    on_progress: Callable[[float], None],
    *,
    graphs: Path | None = None,
) -> Network | Verdict:
    """The network in int8, or why there is none. Raises DatasetRefused when a picture has changed.

    `graphs`: where it is kept, as quantizing takes longer than all else of a second training. One that
    an earlier training made of the same network for the same classes is taken as it is: the ranges that
    it saw are those of pictures like these, and how it answers is measured each time. A network whose
    layers have learned here has no key and is quantized each time.
    """
    examples = prepared.examples
    if not config.int8:
        return "unwanted"
    if not has_int8():
        return "processor"
    if len(examples.places("val")) < MIN_PICTURES_FOR_INT8:
        return "few_pictures"  # before the work, since nothing could come of it
    key = kept_key(network, examples) if graphs else None
    if graphs and key and (kept := kept_graph(graphs, key)):
        _mark_used(graphs, key)
        return Network(kept, graph_digest(graphs, key), lambda: network.model)
    train = examples.places("train")
    places = spread(train, examples.labels[train], MAX_PICTURES, config.seed)
    rows = examples.rows[places]
    pictures = Calibration(lambda: prepared.pictures.batches(rows, 1), len(rows), on_progress)
    try:
        graph = quantize(network.graph, pictures)
    except Exception as error:
        if error is pictures.error:
            raise
        logger.warning("The backbone cannot be used in int8: %s", error)
        return "failed"
    if graphs and key:
        keep_graph(graphs, key, graph)
        _forget_unused(graphs)
    # Its features depend on the pictures that it was made with, too: on the graph as it is kept.
    features_key = graph_digest(graphs, key) if graphs and key else None
    return Network(graph, features_key, lambda: network.model)


def kept_key(network: Network, examples: Examples) -> str | None:
    """Under what the network in int8 is kept; None where it is not."""
    if network.key is None:
        return None
    made_of = [network.key, MAX_PICTURES, *(version(name) for name in ("nncf", "openvino"))]
    text = json.dumps([*made_of, examples.class_names])
    return f"{network.key}{_MARK}{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def int8_forget(network: Network, examples: Examples, *, graphs: Path) -> None:
    """The next training shall quantize the network anew: this one did not answer well enough."""
    if key := kept_key(network, examples):
        forget_graph(graphs, key)


def _mark_used(graphs: Path, key: str) -> None:
    with suppress(OSError):  # another training has forgotten it, and this one has it in its memory
        os.utime(graphs / f"{key}.xml")  # touch() would make an empty one of it


def _forget_unused(graphs: Path) -> None:
    """Leave the graphs that were used last; whoever wants another one quantizes anew."""
    try:
        kept = sorted(graphs.glob(f"*{_MARK}*.xml"), key=lambda path: path.stat().st_mtime)
        for path in kept[:-MAX_KEPT]:
            forget_graph(graphs, path.stem)
    except OSError as error:
        logger.warning("Graphs in %s could not be removed (%s); going on", graphs, error)


def spread(
    places: NDArray[np.int64], labels: NDArray[np.int32], num: int, seed: int
) -> NDArray[np.int64]:
    """At most `num` of the places, from as many labels as possible and as evenly as they come."""
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(places))
    by_label = shuffled[np.argsort(labels[shuffled], kind="stable")]
    _, starts, counts = np.unique(labels[by_label], return_index=True, return_counts=True)
    turn = np.arange(len(places)) - np.repeat(starts, counts)
    chosen = np.lexsort((generator.permutation(len(places)), turn))[:num]
    return np.sort(places[by_label[chosen]])


def quantize(graph: ov.Model, pictures: Calibration) -> ov.Model:
    """A backbone's graph with the same input and outputs that computes in int8.

    The pooling before the embedding stays as it is, so that the embedding is still the mean of the
    feature map. Weights use all of their eight bits: half of them would be safe on
    processors without dot products of bytes, which Ocellus does not run int8 on. NNCF takes pictures
    of any processor's fp32, one at a time.
    """
    import nncf

    pooling = graph.output("embedding").get_node().input_value(0).get_node()
    with _quiet():
        return nncf.quantize(
            graph,
            nncf.Dataset(pictures),
            # Weights symmetric, activations not: less is lost on those that go below zero.
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(pictures),
            ignored_scope=nncf.IgnoredScope(names=[pooling.get_friendly_name()]),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                overflow_fix=nncf.OverflowFix.DISABLE
            ),
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without progress bars and log lines on stdout, where a command's result goes."""
    from rich import get_console

    console, log = get_console(), logging.getLogger("nncf")
    was_quiet, level = console.quiet, log.level
    console.quiet = True
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        console.quiet = was_quiet
        log.setLevel(level)
