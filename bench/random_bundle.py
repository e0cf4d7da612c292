"""A ResNet50 bundle with random weights, which cost what trained ones do.

It holds all that a trained one does: the graph in int8, and as many neighbours with thumbnails as
CUB-200-2011 has training pictures.
"""

from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from classifier.bundle import NEIGHBOURS_PICTURES, Bundle, Manifest, Precision, new_bundle
from classifier.images import encode_jpeg
from classifier.neighbours import NEIGHBOURS, Neighbours
from classifier.outliers import as_kept
from training.backbones.quantized import Calibration, quantize
from training.backbones.table import build_backbone
from training.evaluation.outlier_rule import OutlierRule
from training.exports.graphs import backbone_graph, keras_model
from training.exports.int8 import write_int8
from training.exports.proof import write_exports
from training.exports.serving import serving_graph
from training.exports.thumbnails import LONG_SIDE, QUALITY
from training.head.linear import LinearHead

NUM_CLASSES = 200
IMAGE_SIZE = 224
# Multiplications and additions of one picture: He et al., arXiv:1512.03385, table 1, for version 1.5
# of the blocks (the stride in the 1 x 1 convolution, as Keras has it): 3.86 billion of each.
GOP_PER_PICTURE = 2 * 3.86
NUM_NEIGHBOURS = 6_000
NUM_CALIBRATING = 4
RULE = OutlierRule("distance", 0.5, "default", aurocs={}, usual_distances=(0.3, 0.5))
FALLBACKS: dict[Precision, tuple[Precision, ...]] = {
    "int8": ("bf16", "fp32"),
    "bf16": ("fp32",),
    "fp32": (),
}


def write_random_bundle(
    path: Path, *, precision: Precision = "int8", num_neighbours: int = NUM_NEIGHBOURS
) -> tuple[Bundle, keras.Model]:
    """The bundle, and the Keras model it was made of.

    It is served in `precision` where the processor can, else in the next best.
    """
    generator = np.random.default_rng(0)
    backbone = build_backbone("resnet50", IMAGE_SIZE, "none")
    num_features = backbone.output_shape[-1]
    kernel = generator.normal(0, 0.05, (num_features, NUM_CLASSES))
    head = LinearHead(kernel.astype(np.float32), np.zeros(NUM_CLASSES, np.float32))
    model = keras_model(backbone, head, temperature=1.0)
    graph = backbone_graph(backbone)
    pictures = random_pictures(NUM_CALIBRATING)
    with new_bundle(path) as draft:
        write_exports(
            draft.folder,
            model,
            serving_graph(graph, head),
            pictures,
            head="softmax",
            temperature=1.0,
        )
        if precision == "int8":
            one_by_one = Calibration(lambda: pictures[:, None], len(pictures))
            write_int8(draft.folder, serving_graph(quantize(graph, one_by_one), head), pictures)
        if num_neighbours:
            _write_neighbours(draft.folder, num_neighbours, num_features)
        draft.seal(
            Manifest(
                class_names=tuple(f"class {i}" for i in range(NUM_CLASSES)),
                head="softmax",
                backbone="resnet50",
                image_size=IMAGE_SIZE,
                temperature=1.0,
                precision=precision,
                fallbacks=FALLBACKS[precision],
                outliers=asdict(RULE) if num_neighbours else {},
                seed=0,
                dataset_fingerprint="",
                created_at="",
            )
        )
    return Bundle.load(path), model


def random_pictures(num: int) -> NDArray[np.uint8]:
    shape = (num, IMAGE_SIZE, IMAGE_SIZE, 3)
    return np.random.default_rng(num).integers(0, 256, shape, np.uint8)


def _write_neighbours(folder: Path, num: int, num_features: int) -> None:
    """Embeddings without a sign, as a backbone that ends in ReLU has them; one thumbnail for all."""
    generator = np.random.default_rng(0)
    embeddings = np.abs(generator.normal(0, 1, (num, num_features)).astype(np.float32))
    noise = generator.integers(0, 256, (12, 16, 3), np.uint8)
    thumbnail = encode_jpeg(
        Image.fromarray(noise).resize((LONG_SIDE, LONG_SIDE * 3 // 4)),
        long_side=LONG_SIDE,
        quality=QUALITY,
    )
    (folder / NEIGHBOURS_PICTURES).write_bytes(thumbnail * num)
    Neighbours(
        embeddings=as_kept(embeddings),
        labels=np.arange(num, dtype=np.int32) % NUM_CLASSES,
        hashes=generator.integers(0, 256, (num, 32), np.uint8),
        label_sets=tuple((i,) for i in range(NUM_CLASSES)),
        offsets=np.arange(num + 1, dtype=np.int64) * len(thumbnail),
    ).save(folder / NEIGHBOURS)
