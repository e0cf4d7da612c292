"""classifier.why: the reasons of an answer as they are kept, and how much room they take at most."""

import json
import subprocess
import sys
from typing import Any

import pytest

from classifier.explain import MAX_CLASSES_LISTED, NUM_MAPS, NUM_NEAR
from classifier.why import MAX_BYTES, MAX_LABELS, EvidenceMap, NearPicture, Scores, Why

WHY = Why(
    height=2,
    width=3,
    step=0.0125,
    maps=(EvidenceMap(4, bytes(range(6))), EvidenceMap(0, bytes(6))),
    near=(
        NearPicture((1,), 0.125, (0, 2_000)),
        NearPicture((0, 2), 0.25, None),
        NearPicture((), 0.5, (2_000, 1)),
    ),
    usual_distances=(0.2, 0.4),
    scores=Scores("sigmoid", 1.25, 7, 12.5, (12.5, -1.5), 0.25, 0.125, (0.5, 0.75), (4, 0)),
)
SCORES = {
    "head": "softmax",
    "temperature": 1.0,
    "classes": 3,
    "largest": 2.0,
    "logits": [2.0, 1.0],
    "rest": [0.1, 0.1],
    "thresholds": [],
}


@pytest.mark.parametrize("why", [WHY, Why(1, 1, 0.0, ())])
def test_it_comes_back_from_json_as_it_was(why: Why) -> None:
    assert Why.from_json(json.loads(json.dumps(why.to_json()))) == why


def test_figures_are_kept_in_four_digits() -> None:
    why = Why(1, 1, 0.123456789, (), (NearPicture((), 0.000123456, None),))
    again = Why.from_json(why.to_json())
    assert again.step == 0.1235
    assert again.near[0].distance == 0.0001235


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"map": None, "near": [], "usual": []},
        {"map": {"size": [1, 1], "step": 1, "of": [[0, "AAAA"]]}, "near": [], "usual": []},
        {"map": {"size": [1, 1], "step": 1, "of": [[0, "no base64!"]]}, "near": [], "usual": []},
        {"map": {"size": [1], "step": 1, "of": []}, "near": [], "usual": []},
        {"map": {"size": [1, 1], "step": 1, "of": []}, "near": [[[0], 0.1]], "usual": []},
        {"map": {"size": [1, 1], "step": 1, "of": []}, "near": [[[0], 0.1, [1]]], "usual": []},
        {"map": {"size": [1, 1], "step": 1, "of": []}, "near": [], "usual": [1]},
    ],
)
def test_what_another_release_wrote_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Expected"):
        Why.from_json(content)


@pytest.mark.parametrize(
    "wrong",
    [
        {"head": "argmax"},
        {"temperature": 0},
        {"temperature": float("nan")},
        {"logits": [3.0]},
        {"logits": []},
        {"rest": [1]},
        {"rest": [float("inf"), 0]},
        {"largest": None},
    ],
)
def test_scores_that_another_release_wrote_are_refused(wrong: dict[str, Any]) -> None:
    content = Why(1, 1, 0.0, ()).to_json()
    assert Why.from_json({**content, "scores": SCORES}).scores is not None
    with pytest.raises(ValueError, match="Expected"):
        Why.from_json({**content, "scores": {**SCORES, **wrong}})


def test_a_logit_is_kept_as_the_float32_that_it_was() -> None:
    logit = 12.3456783294677734375  # a float32
    scores = Scores("softmax", 0.7, 1, logit, (logit,), 0.0, 0.0)
    kept = Scores.from_json(json.loads(json.dumps(scores.to_json())))
    assert abs(kept.logits[0] - logit) < 1e-7


def worst(side: int) -> Why:
    """All there can be: classes of large numbers, all levels, labels listed to the limit."""
    largest = 99_999  # classes; a model with more would not fit into memory
    labels = tuple(range(largest, largest - MAX_CLASSES_LISTED, -1))
    return Why(
        height=side,
        width=side,
        step=1.2345678e-05,
        maps=tuple(EvidenceMap(largest, bytes([255]) * side**2) for _ in range(NUM_MAPS)),
        near=tuple(
            NearPicture(labels, 1.2345678e-05, (123_456_789, 12_345)) for _ in range(NUM_NEAR)
        ),
        usual_distances=(1.2345678e-05, 1.2345678e-05),
        scores=Scores(
            head="sigmoid",
            temperature=1.23456789123e-05,
            num_classes=largest,
            largest=-1.23456789123e-05,
            logits=(-1.23456789123e-05,) * NUM_MAPS,
            rest=1.2345678e-05,
            plain_rest=1.2345678e-05,
            thresholds=(1.2345678e-05,) * NUM_MAPS,
            labels=(largest,) * MAX_LABELS,
        ),
    )


@pytest.mark.parametrize(
    ("side", "max_bytes"),
    [
        (7, 2_000),  # 224 pixels
        (14, 2_500),  # 448
        (32, MAX_BYTES),  # 1024, the most that a training takes
    ],
)
def test_the_most_there_can_be_fits(side: int, max_bytes: int) -> None:
    num_bytes = len(json.dumps(worst(side).to_json()))
    print(f"{side} x {side} cells: {num_bytes} bytes")
    assert num_bytes <= max_bytes <= 8192


def test_reading_it_needs_no_numpy() -> None:
    program = "import sys, classifier.why, classifier.crop; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
