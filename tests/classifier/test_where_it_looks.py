"""The maps of a real model on real photographs: beside Grad-CAM, and beside boxes marked by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from classifier.answering import Answerer, open_answerer
from classifier.bundle import KERAS_MODEL
from classifier.crop import crop_box
from classifier.decide import Answer
from classifier.preprocess import read_input
from classifier.why import EvidenceMap, Why
from tests.shared import SHARED_DATA, SHARED_KERAS, needs_shared_data
from training.config import TrainingConfig
from training.run import train

pytestmark = [pytest.mark.slow, needs_shared_data]

PICTURES = SHARED_DATA / "hymenoptera" / "val"
# Left, top, right and bottom of each insect in pixels of the file: body, legs and wings, without
# antennae; of sprawling ones in parts. The pictures were chosen without looking at their maps: the first
# ten of each class in the order of their names, whatever is on them, and from there on those that
# might be LARGE.
BOXES: dict[str, list[list[int]]] = json.loads(
    Path(__file__).with_name("insect_boxes.json").read_text()
)
FIRST = [
    name for kind in ("ants", "bees") for name in [n for n in BOXES if n.startswith(kind)][:10]
]
IMAGE_SIZE = 224
# In how many of the first twenty more than half of the map lies on the insects. Fifteen were hoped for.
# Where it does not, the insects are of a few cells: one cell of 7 x 7 is 40 pixels of these files, and
# what a cell of the last layer has seen is wider than the picture.
MIN_OF_FIRST = 7
# Insects that fill this share of the square that is looked at can be shown by such cells. The first ten
# of each class that are so large:
LARGE = 0.25
MIN_OF_LARGE = 15


@pytest.fixture(scope="module")
def answerer(tmp_path_factory: pytest.TempPathFactory) -> Answerer:
    """MobileNetV2, its head trained on the train folder alone."""
    out = tmp_path_factory.mktemp("hymenoptera") / "bundle"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(SHARED_KERAS))
        config = TrainingConfig(
            SHARED_DATA / "hymenoptera" / "train", out, backbone="mobilenet_v2", int8=False
        )
        bundle = train(config).bundle
    return open_answerer(bundle, precision="fp32", device="cpu")


@pytest.fixture(scope="module")
def answers(answerer: Answerer) -> dict[str, Answer]:
    pictures = np.stack([read_input(PICTURES / name, IMAGE_SIZE) for name in BOXES])
    return dict(zip(BOXES, answerer.answer(pictures), strict=True))


def cells_of(why: Why, evidence: EvidenceMap) -> NDArray[np.float64]:
    return np.frombuffer(evidence.levels, np.uint8).reshape(why.height, why.width) * why.step


# --- Grad-CAM


def grad_cams(model_path: Path, pictures: NDArray[np.uint8], label: int) -> NDArray[np.float32]:
    """Grad-CAM `[N, h, w]` of a class by automatic differentiation: Selvaraju et al. 2017,
    arXiv:1610.02391, equations 1 and 2.

    The score that is differentiated is the logit, "before the softmax", as they have it. Each feature
    weighs what its gradient is on average over the map; their sum goes through ReLU.
    """
    import keras
    import tensorflow as tf

    model = keras.models.load_model(model_path, compile=False)
    inner = keras.Model(
        model.inputs, [model.get_layer("embedding").input, model.get_layer("logits").output]
    )
    inputs = tf.constant(pictures, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        feature_map, logits = inner(inputs, training=False)
        score = tf.reduce_sum(logits[:, label])
    gradients = tape.gradient(score, feature_map)
    weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
    cams: NDArray[np.float32] = tf.nn.relu(tf.reduce_sum(weights * feature_map, axis=-1)).numpy()
    return cams


def test_the_maps_are_those_of_grad_cam(answerer: Answerer, answers: dict[str, Answer]) -> None:
    """Ours keep what speaks for a class and cut off the rest, as ReLU does. They differ by a factor,
    the number of cells, which a correlation does not see, and by the rounding to 255 levels."""
    model_path = answerer.bundle.path / KERAS_MODEL
    pictures = np.stack([read_input(PICTURES / name, IMAGE_SIZE) for name in FIRST])
    by_class = {label: grad_cams(model_path, pictures, label) for label in (0, 1)}
    correlations = []
    for row, answer in enumerate(answers[name] for name in FIRST):
        assert answer.why is not None
        for evidence in answer.why.maps:
            ours = cells_of(answer.why, evidence)
            theirs = by_class[evidence.class_index][row]
            if evidence is not answer.why.maps[0] and theirs.max() * 49 < 20 * answer.why.step:
                continue  # next to nothing speaks for the other class: there is nothing to correlate
            correlations.append(np.corrcoef(ours.ravel(), theirs.ravel())[0, 1])
    print(f"{len(correlations)} maps of {len(FIRST)} pictures, least {min(correlations):.5f}")
    assert len(correlations) >= len(FIRST) == 20
    assert min(correlations) >= 0.99


# --- Boxes


NUM_DOTS = 448  # along a side of the square, to measure on


def is_in_boxes(name: str) -> NDArray[np.bool_]:
    """Whether each dot of the square that is looked at is in a box."""
    with Image.open(PICTURES / name) as image:
        left, top, right, bottom = crop_box(*image.size)
    x = left + (np.arange(NUM_DOTS) + 0.5) * (right - left) / NUM_DOTS
    y = top + (np.arange(NUM_DOTS) + 0.5) * (bottom - top) / NUM_DOTS
    found = np.zeros((NUM_DOTS, NUM_DOTS), bool)
    for x0, y0, x1, y1 in BOXES[name]:
        found |= ((y >= y0) & (y < y1))[:, None] & ((x >= x0) & (x < x1))[None]
    return found


def share_inside(answer: Answer, name: str) -> float:
    """Which share of the predicted class's map lies in the boxes.

    The map is what a person sees: its cells enlarged smoothly over the square, what is below 0 cut off.
    """
    assert answer.why is not None
    cells = Image.fromarray(cells_of(answer.why, answer.why.maps[0]).astype(np.float32))
    enlarged = cells.resize((NUM_DOTS, NUM_DOTS), Image.Resampling.BICUBIC)
    mass = np.maximum(np.asarray(enlarged), 0)
    return float(mass[is_in_boxes(name)].sum() / mass.sum())


def covered(name: str) -> float:
    """Which share of the square that is looked at the boxes cover."""
    return float(is_in_boxes(name).mean())


def test_boxes_are_within_their_pictures() -> None:
    for kind in ("ants", "bees"):
        everything = sorted(f"{kind}/{path.name}" for path in (PICTURES / kind).iterdir())
        assert [name for name in FIRST if name.startswith(kind)] == everything[:10]
        assert sum(name.startswith(kind) and covered(name) >= LARGE for name in BOXES) == 10
    for name, boxes in BOXES.items():
        with Image.open(PICTURES / name) as image:
            for x0, y0, x1, y1 in boxes:
                assert 0 <= x0 < x1 <= image.width, name
                assert 0 <= y0 < y1 <= image.height, name


def test_the_maps_lie_on_the_insects(answers: dict[str, Answer]) -> None:
    inside = {name: share_inside(answer, name) for name, answer in answers.items()}
    for name, share in inside.items():
        print(f"{name}: {share:.2f} of the map on {covered(name):.2f} of the picture")
    large = [name for name in BOXES if covered(name) >= LARGE]
    mostly = {name for name, share in inside.items() if share > 0.5}
    denser = {name for name, share in inside.items() if share > covered(name)}
    print(f"more than half inside: {len(mostly & set(FIRST))} of the first {len(FIRST)},")
    print(f"{len(mostly & set(large))} of {len(large)} with large insects;")
    print(f"more than by chance: {len(denser)} of all {len(BOXES)}")
    assert len(mostly & set(FIRST)) >= MIN_OF_FIRST
    assert len(mostly & set(large)) >= MIN_OF_LARGE
    assert len(denser) >= 0.8 * len(BOXES)
