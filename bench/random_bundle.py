"""A ResNet50 bundle with random weights, which cost what trained ones do."""

from pathlib import Path

import keras
import numpy as np

from classifier.bundle import Bundle, Manifest, new_bundle
from training.backbones.table import build_backbone
from training.exports.graphs import backbone_graph, keras_model, serving_graph
from training.exports.proof import write_exports
from training.head.linear import LinearHead

NUM_CLASSES = 200
IMAGE_SIZE = 224


def write_random_bundle(path: Path) -> tuple[Bundle, keras.Model]:
    """The bundle, served in bf16 where the processor has it, and the Keras model it was made of."""
    generator = np.random.default_rng(0)
    backbone = build_backbone("resnet50", IMAGE_SIZE, "none")
    kernel = generator.normal(0, 0.05, (backbone.output_shape[-1], NUM_CLASSES))
    head = LinearHead(kernel.astype(np.float32), np.zeros(NUM_CLASSES, np.float32))
    model = keras_model(backbone, head, temperature=1.0)
    proof = generator.integers(0, 256, (2, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
    with new_bundle(path) as draft:
        graph = serving_graph(backbone_graph(backbone), head)
        write_exports(draft.folder, model, graph, proof, head="softmax", temperature=1.0)
        draft.seal(
            Manifest(
                class_names=tuple(f"class {i}" for i in range(NUM_CLASSES)),
                head="softmax",
                backbone="resnet50",
                image_size=IMAGE_SIZE,
                temperature=1.0,
                precision="bf16",
                seed=0,
                dataset_fingerprint="",
                created_at="",
            )
        )
    return Bundle.load(path), model
