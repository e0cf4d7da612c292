"""classifier.decide: plain numbers in, an answer out."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as np_st
from numpy.typing import NDArray

from classifier.decide import Answer, Head, decide, probabilities
from classifier.why import MAX_LABELS, Scores

NAMES = ("ant", "bee", "cat")


def logits(*values: float) -> NDArray[np.float32]:
    return np.array(values, dtype=np.float32)


def softmax(*values: float, temperature: float = 1.0, top_k: int = 5) -> Answer:
    return decide(logits(*values), NAMES, head="softmax", temperature=temperature, top_k=top_k)


def test_softmax_gives_what_a_hand_computes() -> None:
    answer = softmax(math.log(2), math.log(5), math.log(3))
    assert [(r.label, round(r.probability, 6)) for r in answer.top] == [
        ("bee", 0.5),
        ("cat", 0.3),
        ("ant", 0.2),
    ]
    assert answer.label == "bee"
    assert answer.confidence == pytest.approx(0.5)
    assert answer.labels == ("bee",)


def test_the_temperature_divides_the_logits() -> None:
    answer = softmax(2 * math.log(2), 2 * math.log(5), 2 * math.log(3), temperature=2.0)
    assert [r.probability for r in answer.top] == pytest.approx([0.5, 0.3, 0.2])


def test_a_temperature_changes_the_confidence_and_never_the_order() -> None:
    cold, hot = (softmax(1.0, 3.0, 2.0, temperature=t) for t in (0.5, 5.0))
    assert [r.label for r in cold.top] == [r.label for r in hot.top] == ["bee", "cat", "ant"]
    assert cold.confidence > softmax(1.0, 3.0, 2.0).confidence > hot.confidence > 1 / 3


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_huge_logits_do_not_overflow(head: Head) -> None:
    with np.errstate(over="raise", invalid="raise"):
        shares = probabilities(logits(1e4, -1e4, 0), head, 1.0)
        far = probabilities(logits(1e4, -1e4, 0), head, 0.05)
    assert shares.tolist() == pytest.approx([1, 0, 0 if head == "softmax" else 0.5])
    assert far.tolist() == pytest.approx([1, 0, 0 if head == "softmax" else 0.5])


def test_sigmoid_gives_what_a_hand_computes() -> None:
    shares = probabilities(logits(0, math.log(3), -math.log(3)), "sigmoid", 1.0)
    assert shares.tolist() == pytest.approx([0.5, 0.75, 0.25])


@pytest.mark.parametrize(
    ("thresholds", "labels"),
    [
        ((0.9, 0.9, 0.9), ()),
        ((0.5, 0.9, 0.2), ("ant", "cat")),
        ((0.4, 0.7, 0.2), ("bee", "ant", "cat")),
        ((0.5, 0.75, 0.25), ("bee", "ant", "cat")),  # reaching it is enough
        (None, ("bee", "ant")),
        ((), ("bee", "ant")),  # what a manifest without thresholds holds
    ],
)
def test_with_a_sigmoid_every_class_over_its_threshold_is_a_label(
    thresholds: tuple[float, ...] | None, labels: tuple[str, ...]
) -> None:
    values = np.array([0, math.log(3), -math.log(3)])
    if thresholds == (0.5, 0.75, 0.25):
        thresholds = tuple(float(p) for p in probabilities(values, "sigmoid", 1.0))
    answer = decide(values, NAMES, head="sigmoid", temperature=1.0, thresholds=thresholds)
    assert answer.labels == labels
    assert answer.label == "bee"
    assert [r.label for r in answer.top] == ["bee", "ant", "cat"]


def test_no_more_classes_are_listed_than_there_are() -> None:
    assert len(softmax(1, 2, 3, top_k=10).top) == 3


def test_as_many_classes_are_listed_as_asked_for() -> None:
    assert [r.label for r in softmax(1, 2, 3, top_k=2).top] == ["cat", "bee"]
    assert [r.label for r in softmax(1, 2, 3, top_k=1).top] == ["cat"]


def test_equals_keep_the_order_of_the_classes() -> None:
    assert [r.label for r in softmax(0, 0, 0).top] == ["ant", "bee", "cat"]
    assert [r.label for r in softmax(0, 1, 1).top] == ["bee", "cat", "ant"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_logits_that_are_no_numbers_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        softmax(0, value, 1)


@pytest.mark.parametrize("values", [(), (1.0,), (1.0, 2.0), (1.0, 2.0, 3.0, 4.0)])
def test_another_number_of_logits_than_classes_is_refused(values: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="3 logits"):
        softmax(*values)


def test_a_batch_is_not_taken_for_a_picture() -> None:
    with pytest.raises(ValueError, match=r"\(1, 3\)"):
        decide(np.zeros((1, 3), np.float32), NAMES, head="softmax", temperature=1.0)


FLOATS = st.floats(-1e4, 1e4, width=32)


@given(np_st.arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(2, 9)), elements=FLOATS))
def test_softmax_always_sums_to_one(values: NDArray[np.float32]) -> None:
    shares = probabilities(values, "softmax", 0.7)
    assert shares.shape == values.shape
    assert shares.sum(axis=-1) == pytest.approx(np.ones(len(values)))
    assert (shares >= 0).all()


@given(np_st.arrays(np.float32, 5, elements=FLOATS), st.floats(0.05, 20))
def test_the_first_is_the_likeliest_and_they_are_in_order(
    values: NDArray[np.float32], temperature: float
) -> None:
    answer = decide(values, list("abcde"), head="softmax", temperature=temperature)
    ranked = [r.probability for r in answer.top]
    assert ranked == sorted(ranked, reverse=True)
    assert sum(ranked) == pytest.approx(1)
    assert values["abcde".index(answer.label)] == pytest.approx(values.max(), abs=1e-9)


HEADS = st.sampled_from(["softmax", "sigmoid"])


@given(np_st.arrays(np.float32, st.integers(1, 12), elements=FLOATS), st.floats(0.05, 20), HEADS)
def test_the_scores_of_an_answer_give_its_probabilities_again(
    values: NDArray[np.float32], temperature: float, head: Head
) -> None:
    names = [str(i) for i in range(len(values))]
    answer = decide(values, names, head=head, temperature=temperature)
    assert answer.scores is not None
    scores = Scores.from_json(answer.scores.to_json())
    exponentials = [math.exp((z - scores.largest) / temperature) for z in scores.logits]
    whole = sum(exponentials) + scores.rest
    softmax_of_all = probabilities(values, "softmax", temperature)
    for ranked, logit, exponential in zip(answer.top, scores.logits, exponentials, strict=True):
        assert exponential / whole == pytest.approx(float(softmax_of_all[ranked.index]), abs=1e-4)
        if head == "sigmoid":
            [again] = probabilities(np.array([logit]), "sigmoid", temperature)
            assert again == pytest.approx(ranked.probability, abs=1e-4)


def test_the_classes_that_are_not_listed_are_summed_with_the_temperature_and_without() -> None:
    values = logits(*(math.log(n) for n in (4, 3, 2, 1)))
    scores = decide(values, "abcd", head="softmax", temperature=0.5, top_k=2).scores
    assert scores is not None
    assert scores.rest == pytest.approx((2 / 4) ** 2 + (1 / 4) ** 2)
    assert scores.plain_rest == pytest.approx(2 / 4 + 1 / 4)
    assert scores.num_classes == 4
    assert scores.thresholds == ()


def test_the_thresholds_are_those_of_the_classes_listed() -> None:
    scores = decide(
        logits(0, 2, 1), NAMES, head="sigmoid", temperature=1.0, thresholds=(0.1, 0.2, 0.3), top_k=2
    ).scores
    assert scores is not None
    assert scores.thresholds == (0.2, 0.3)


def test_labels_are_kept_beyond_those_listed_up_to_a_limit() -> None:
    names = [str(i) for i in range(MAX_LABELS + 5)]
    values = np.arange(len(names), dtype=np.float32)
    answer = decide(values, names, head="sigmoid", temperature=1.0, top_k=2)
    assert len(answer.labels) == len(names)
    assert answer.scores is not None
    assert answer.scores.labels == tuple(range(MAX_LABELS + 4, 4, -1))
    none = decide(values - 100, names, head="sigmoid", temperature=1.0).scores
    assert none is not None
    assert none.labels == ()
    one = decide(values, names, head="softmax", temperature=1.0).scores
    assert one is not None
    assert one.labels is None
