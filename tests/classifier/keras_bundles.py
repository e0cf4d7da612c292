"""Bundles whose Keras model is a real one, and whose graph was exported from it."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from classifier.bundle import Bundle, Manifest, new_bundle
from classifier.engines.openvino import compile_graph
from classifier.preprocess import read_input
from tests.shared import SHARED_DATA, SHARED_KERAS
from tests.training.tiny import NUM_FEATURES, NUM_KINDS, SIZE, tiny_backbone
from training.backbones.table import BACKBONES, build_backbone
from training.exports.graphs import backbone_graph, keras_model
from training.exports.proof import write_exports
from training.exports.serving import serving_graph
from training.head.linear import LinearHead

INSECTS = ("ants", "bees")


def tiny_bundle(path: Path, **manifest: object) -> Bundle:
    """Of two convolutions at 32 px, with a head of three classes drawn by lot."""
    kernel = np.random.default_rng(0).normal(0, 1, (NUM_FEATURES, NUM_KINDS)).astype(np.float32)
    head = LinearHead(kernel, np.arange(NUM_KINDS, dtype=np.float32))
    names = tuple(f"class {i}" for i in range(NUM_KINDS))
    said = {"class_names": names, "image_size": SIZE, "precision": "fp32", **manifest}
    return _written(path, tiny_backbone(), head, said)


def insect_bundle(path: Path) -> Bundle:
    """MobileNetV2 at 224 px, with a head that learned 40 pictures of ants and 40 of bees."""
    weights = SHARED_KERAS / "models" / BACKBONES["mobilenet_v2"].weights_file
    backbone = build_backbone("mobilenet_v2", 224, str(weights))
    graph = backbone_graph(backbone)
    request = compile_graph(graph, "fp32").create_infer_request()
    request.infer([insects("train", 40)])
    classes = np.repeat([0, 1], 40)
    found = LogisticRegression(max_iter=1000).fit(request.get_tensor("embedding").data, classes)
    kernel, bias = (
        np.stack([-side / 2, side / 2], axis=-1).astype(np.float32)
        for side in (found.coef_[0], found.intercept_[0])
    )
    said = {"class_names": INSECTS, "image_size": 224, "precision": "bf16"}
    return _written(path, backbone, LinearHead(kernel, bias), said)


def insects(split: str, num_each: int) -> NDArray[np.uint8]:
    """The first pictures of each class of `hymenoptera`, uint8 `[N, 224, 224, 3]`."""
    folders = [SHARED_DATA / "hymenoptera" / split / name for name in INSECTS]
    paths = [path for each in folders for path in sorted(each.glob("*.jpg"))[:num_each]]
    return np.stack([read_input(path, 224) for path in paths])


def _written(
    path: Path, backbone: keras.Model, head: LinearHead, manifest: dict[str, Any]
) -> Bundle:
    shape = (2, *backbone.input_shape[1:])
    proof = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    model = keras_model(backbone, head, temperature=1.5)
    graph = serving_graph(backbone_graph(backbone), head)
    with new_bundle(path) as draft:
        write_exports(draft.folder, model, graph, proof, head="softmax", temperature=1.5)
        draft.seal(
            Manifest(
                head="softmax",
                backbone="for a test",
                temperature=1.5,
                seed=0,
                dataset_fingerprint="",
                created_at="",
                **manifest,
            )
        )
    return Bundle.load(path)
