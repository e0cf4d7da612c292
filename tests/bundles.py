"""Bundles that a test makes in a tenth of a second: a small graph that tells colours apart.

They are real bundles with a real serving graph; only `model.h5` holds no model.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops
from PIL import Image

from classifier.bundle import (
    KERAS_MODEL,
    NEIGHBOURS_PICTURES,
    SERVING_GRAPH,
    Bundle,
    Manifest,
    new_bundle,
)
from classifier.images import encode_jpeg
from classifier.neighbours import NEIGHBOURS, Neighbours
from classifier.outliers import as_kept
from training.bundle_files import LEARNED, OUTCOMES

COLOURS = ("blue", "green", "red")
# Of a training picture's other two channels; the third is 250.
SHADES = (0, 10, 20, 30)
OUTLIER_RULE = {
    "method": "distance",
    "threshold": 0.1,
    "num_nearest": 3,
    "usual_distances": (0.005, 0.1),
}
# In the order of COLOURS: which channel of RGB speaks for each.
KERNEL = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]], dtype=np.float32) * 20


def colour_bundle(
    path: Path,
    *,
    class_names: tuple[str, ...] = COLOURS,
    image_size: int = 64,
    is_slow: bool = False,
    knows_pictures: bool = False,
    thresholds: tuple[float, ...] = (),
    outcomes: Sequence[Mapping[str, object]] | None = None,
    learned: Sequence[str] | None = None,
) -> Bundle:
    """A bundle that answers with the strongest colour of a picture.

    `is_slow`: it takes about a second for a batch of 16, doing nothing useful. `knows_pictures`: it
    keeps SHADES of each colour as training pictures, and whatever is none of the colours, such as
    grey, is an outlier. `thresholds`: each colour is judged by itself, from which probability on it is
    there. `outcomes`: what it says of the pictures it was measured on; `learned`: the SHA-256 of what it
    has learned from. Without these it is a bundle of an older release.
    """
    with new_bundle(path) as draft:
        (draft.folder / KERAS_MODEL).write_bytes(b"no model in here")
        graph = colour_graph(image_size, is_slow=is_slow)
        ov.save_model(graph, draft.folder / SERVING_GRAPH, compress_to_fp16=False)
        if knows_pictures:
            offsets = _write_thumbnails(draft.folder / NEIGHBOURS_PICTURES)
            known_colours(offsets).save(draft.folder / NEIGHBOURS)
        if outcomes is not None:
            head = "sigmoid" if thresholds else "softmax"
            about = {"measured_on": "test", "head": head, "class_names": class_names}
            lines = [json.dumps(line) for line in (about, *outcomes)]
            (draft.folder / OUTCOMES).write_text("\n".join(lines) + "\n")
        if learned is not None:
            digests = [bytes.fromhex(digest) for digest in sorted(learned)]
            (draft.folder / LEARNED).write_bytes(b"".join(digests))
        draft.seal(
            Manifest(
                class_names=class_names,
                head="sigmoid" if thresholds else "softmax",
                thresholds=thresholds,
                backbone="colours",
                image_size=image_size,
                temperature=1.0,
                precision="fp32",
                seed=0,
                dataset_fingerprint="0" * 64,
                created_at=datetime.now(UTC).isoformat(timespec="seconds"),
                metrics={"val_top1": 1.0},
                outliers=OUTLIER_RULE if knows_pictures else {},
            )
        )
    return Bundle.load(path)


def known_colours(offsets: NDArray[np.int64] | None = None) -> Neighbours:
    """The training pictures: all shades of blue, then of green, then of red."""
    pictures = _training_colours()
    return Neighbours(
        embeddings=as_kept(np.array(pictures, np.float32) / np.float32(255)),
        labels=np.repeat(np.arange(len(COLOURS), dtype=np.int32), len(SHADES)),
        hashes=np.arange(32 * len(pictures), dtype=np.uint8).reshape(-1, 32),
        label_sets=tuple((i,) for i in range(len(COLOURS))),
        offsets=offsets,
    )


def _training_colours() -> list[tuple[int, ...]]:
    mains = (2, 1, 0)  # of COLOURS in RGB
    return [tuple(250 if c == main else s for c in range(3)) for main in mains for s in SHADES]


def _write_thumbnails(path: Path) -> NDArray[np.int64]:
    jpegs = [
        encode_jpeg(Image.new("RGB", (96, 64), colour), long_side=96)
        for colour in _training_colours()
    ]
    path.write_bytes(b"".join(jpegs))
    return np.cumsum([0, *map(len, jpegs)], dtype=np.int64)


def colour_graph(image_size: int, *, is_slow: bool = False) -> ov.Model:
    """uint8 `[N, S, S, 3]` in; mean colours 0 to 1 as embedding, quarters of the picture as map."""
    pictures = ops.parameter([-1, image_size, image_size, 3], np.uint8, name="picture")
    scaled = ops.multiply(ops.convert(pictures, np.float32), np.float32(1 / 255))
    channels_first = ops.transpose(scaled, np.array([0, 3, 1, 2]))
    half = image_size // 2
    quarters = ops.avg_pool(
        channels_first, [half, half], [0, 0], [0, 0], [half, half], True, "floor", "explicit"
    )
    feature_map = ops.transpose(quarters, np.array([0, 2, 3, 1]))
    embedding = ops.reduce_mean(feature_map, np.array([1, 2]), False)
    logits = ops.matmul(embedding, ops.constant(KERNEL), False, False)
    if is_slow:
        logits = ops.add(logits, _slow_nothing(channels_first))
    for node, name in ((logits, "logits"), (embedding, "embedding"), (feature_map, "feature_map")):
        node.output(0).get_tensor().set_names({name})
    return ov.Model([logits, embedding, feature_map], [pictures], "colours")


def _slow_nothing(channels_first: ov.Node) -> ov.Node:
    generator = np.random.default_rng(0)
    node = channels_first
    for num_in, num_out in ((3, 256), (256, 256), (256, 256)):
        kernel = generator.normal(0, 0.01, (num_out, num_in, 3, 3)).astype(np.float32)
        node = ops.convolution(node, ops.constant(kernel), [1, 1], [1, 1], [1, 1], [1, 1])
    mean = ops.reduce_mean(node, np.array([1, 2, 3]), False)
    return ops.unsqueeze(ops.multiply(mean, np.float32(1e-30)), np.array([1]))
