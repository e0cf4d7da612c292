"""Two versions on the same pictures: what is shown, and what chance alone would do."""

import json
from pathlib import Path

import numpy as np
import pytest

from training.bundle_files import LEARNED, OUTCOMES
from training.evaluation.comparison import Pair, compare, difference
from training.evaluation.outcomes import learned_among, open_outcomes


def pairs(num: int, truth: str, champion: str, challenger: str) -> list[Pair]:
    def said(labels: str) -> frozenset[str]:
        return frozenset(labels.split("|")) if labels else frozenset()

    return [Pair(f"{i}.jpg", said(truth), said(champion), said(challenger)) for i in range(num)]


def test_a_version_beside_itself_makes_no_difference() -> None:
    found = compare([*pairs(80, "bee", "bee", "bee"), *pairs(20, "bee", "ant", "ant")])
    assert (found.difference.share, found.difference.verdict) == (0, "no difference shown")
    low, high = found.difference.interval
    assert -0.03 < low <= 0 <= high < 0.03
    assert found.champion == found.challenger
    assert found.champion[0] == 0.8
    assert (found.classes, found.disagreements) == ((), {})


def test_what_is_clearly_worse_is_shown_as_worse() -> None:
    found = compare(
        [
            *pairs(60, "bee", "bee", "bee"),
            *pairs(30, "ant", "ant", "bee"),
            *pairs(5, "ant", "bee", "ant"),
            *pairs(3, "fly", "bee", "ant"),
            *pairs(2, "fly", "fly", "fly"),
        ]
    )
    assert found.difference.verdict == "worse"
    assert found.difference.share == pytest.approx(-0.25)
    low, high = found.difference.interval
    assert low < -0.25 < high < -0.1
    assert (found.difference.gained, found.difference.lost) == (5, 30)
    assert found.disagreements == {"lost": 30, "gained": 5, "both wrong": 3}
    [ant] = found.classes
    assert (ant.name, ant.difference.verdict, ant.difference.num) == ("ant", "worse", 35)


def test_a_class_that_got_better_is_shown_though_the_whole_did_not() -> None:
    found = compare(
        [*pairs(40, "bee", "ant", "bee"), *pairs(40, "ant", "ant", "bee"), *pairs(9, "x", "x", "x")]
    )
    assert found.difference.verdict == "no difference shown"
    changes = {change.name: change.difference.verdict for change in found.classes}
    assert changes == {"ant": "worse", "bee": "better"}


def test_with_several_labels_a_picture_is_right_where_exactly_these_were_said() -> None:
    found = compare(
        [
            *pairs(20, "bee|warm", "bee", "bee|warm"),
            *pairs(20, "", "", ""),
            *pairs(20, "bee", "bee|warm", "bee|warm"),
        ]
    )
    assert found.champion[0] == pytest.approx(1 / 3)
    assert found.challenger[0] == pytest.approx(2 / 3)
    [warm] = found.classes
    assert (warm.name, warm.difference.share) == ("warm", 1.0)


def test_a_handful_of_pictures_shows_nothing() -> None:
    assert difference(3, gained=3, lost=0, both=0).verdict == "no difference shown"
    assert difference(500, gained=0, lost=3, both=497).verdict == "no difference shown"
    assert difference(500, gained=0, lost=12, both=488).verdict == "worse"


def test_the_same_counts_give_the_same_interval() -> None:
    assert difference(90, gained=7, lost=4, both=70) == difference(90, gained=7, lost=4, both=70)


@pytest.mark.parametrize(
    ("num", "gains", "loses"), [(60, 0.08, 0.08), (60, 0.02, 0.02), (300, 0.08, 0.03)]
)
def test_of_many_comparisons_the_interval_holds_the_truth_in_95_percent(
    num: int, gains: float, loses: float
) -> None:
    rng = np.random.default_rng(3)
    held = []
    for gained, lost, both, _ in rng.multinomial(
        num, [gains, loses, 0.6, 0.4 - gains - loses], size=100
    ).tolist():
        low, high = difference(num, gained=gained, lost=lost, both=both).interval
        held.append(low <= gains - loses <= high)
    assert np.mean(held) >= 0.9


def test_nothing_to_compare_on_is_no_comparison() -> None:
    with pytest.raises(ValueError, match="received none"):
        compare([])


def test_outcomes_are_read_by_the_classes_names(tmp_path: Path) -> None:
    head = {"measured_on": "test", "head": "sigmoid", "class_names": ["ant", "bee"]}
    line = {
        "sha256": "ab" * 32,
        "path": "bugs/1.jpg",
        "labels": [0, 1],
        "predicted": [],
        "confidence": 0.25,
        "is_outlier": True,
    }
    (tmp_path / OUTCOMES).write_text(f"{json.dumps(head)}\n{json.dumps(line)}\n")
    outcomes = open_outcomes(tmp_path)
    assert outcomes
    assert (outcomes.measured_on, outcomes.head) == ("test", "sigmoid")
    [outcome] = outcomes
    assert (outcome.truth, outcome.predicted) == ({"ant", "bee"}, frozenset())
    assert list(outcomes) == [outcome], "it can be read again"


def test_what_was_learned_is_found_among_digests(tmp_path: Path) -> None:
    digests = [bytes([i]) * 32 for i in range(9)]
    (tmp_path / LEARNED).write_bytes(b"".join(digests))
    asked = [digests[3].hex(), digests[8].hex(), "ff" * 32]
    assert learned_among(tmp_path, asked) == {digests[3].hex(), digests[8].hex()}


def test_an_older_bundle_says_neither(tmp_path: Path) -> None:
    assert open_outcomes(tmp_path) is None
    assert learned_among(tmp_path, ["ab" * 32]) is None
