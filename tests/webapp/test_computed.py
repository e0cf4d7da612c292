"""How an answer was computed: the page's figures are the answer's own, and they add up."""

import math
import re
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from classifier.decide import Head, decide
from classifier.why import Why
from tests.webapp.versions import go_live
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.computed import Computed, computed, computed_of, sigmoid
from webapp.predictions.figures import exponential, score, share, shares
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion

Upload = Callable[..., list[Prediction]]
LOGITS = st.lists(st.floats(-60, 60, width=32), min_size=1, max_size=12)
HEADS: Any = st.sampled_from(["softmax", "sigmoid"])


def of(logits: list[float], *, head: Head = "softmax", temperature: float = 1.0) -> Computed:
    names = [f"class {i}" for i in range(len(logits))]
    answer = decide(np.array(logits, np.float32), names, head=head, temperature=temperature)
    assert answer.scores is not None
    kept = Why.from_json(Why(0, 0, 0.0, (), scores=answer.scores).to_json())
    assert kept.scores is not None
    return computed(kept.scores, [ranked.label for ranked in answer.top])


@given(LOGITS, st.floats(0.1, 10), HEADS)
def test_the_steps_end_in_the_probabilities_that_were_answered(
    logits: list[float], temperature: float, head: Head
) -> None:
    names = [f"class {i}" for i in range(len(logits))]
    answer = decide(np.array(logits, np.float32), names, head=head, temperature=temperature)
    steps = of(logits, head=head, temperature=temperature)
    for step, ranked in zip(steps.steps, answer.top, strict=True):
        assert step.label == ranked.label
        own = step.share if head == "softmax" else step.sigmoid
        assert own == pytest.approx(ranked.probability, abs=1e-3)
    rest = (steps.rest.share, steps.rest.plain_share) if steps.rest else (0.0, 0.0)
    assert sum(step.share for step in steps.steps) + rest[0] == pytest.approx(1)
    assert sum(step.plain_share for step in steps.steps) + rest[1] == pytest.approx(1)
    assert (steps.rest is None) == (len(logits) <= 5)


def test_the_steps_are_what_a_hand_computes() -> None:
    steps = of([2 * math.log(n) for n in (6, 1, 1, 1, 1, 1, 1)], temperature=2.0)
    first, second = steps.steps[:2]
    assert first.logit == pytest.approx(2 * math.log(6))
    assert first.scaled == pytest.approx(math.log(6))
    assert first.exponential == pytest.approx(1)
    assert second.exponential == pytest.approx(1 / 6)
    assert steps.total == pytest.approx(2)
    assert first.share == pytest.approx(0.5)
    assert first.plain_share == pytest.approx(36 / 42)
    assert first.sigmoid == pytest.approx(6 / 7)
    assert steps.rest is not None
    assert steps.rest.num_classes == 2
    assert steps.rest.share == pytest.approx(1 / 6, abs=1e-4)
    assert steps.is_softened


def test_a_sigmoid_says_which_classes_are_labels() -> None:
    steps = of([2.0, -1.0], head="sigmoid", temperature=0.5)
    assert [step.is_label for step in steps.steps] == [True, False]
    assert steps.steps[0].sigmoid == pytest.approx(1 / (1 + math.exp(-4)))
    assert steps.steps[0].threshold == 0.5
    assert steps.is_sharpened


@pytest.mark.parametrize("value", [-1e5, -800.0, 0.0, 800.0, 1e5])
def test_a_sigmoid_never_overflows(value: float) -> None:
    assert sigmoid(value) == pytest.approx(0.5 if value == 0 else float(value > 0))


# --- Figures


def number_in(text: str) -> float:
    return float(text.replace(" %", "").strip("<> "))


@given(LOGITS, st.floats(0.3, 3))
def test_the_shares_shown_add_up_to_100(logits: list[float], temperature: float) -> None:
    steps = of(logits, temperature=temperature)
    values = [step.share for step in steps.steps] + ([steps.rest.share] if steps.rest else [])
    shown = shares(values)
    whole = sum(number_in(text) for text in shown if not text.startswith(("<", ">")))
    smallest = 10.0 ** -len(shown[0].split(".")[1].removesuffix(" %"))
    ends = sum(text.startswith(("<", ">")) for text in shown)
    if not ends:
        assert whole == pytest.approx(100, abs=1e-9)
    for text, value in zip(shown, values, strict=True):
        assert number_in(text) == pytest.approx(100 * value, abs=len(values) * smallest)


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.5, 0.3, 0.2], ["50.00 %", "30.00 %", "20.00 %"]),
        ([1 / 3, 1 / 3, 1 / 3], ["33.34 %", "33.33 %", "33.33 %"]),
        ([0.99997, 0.00003], ["99.997 %", "0.003 %"]),
        ([1 - 1e-12, 1e-12], ["> 99.999999 %", "< 0.000001 %"]),
        ([1.0, 0.0], ["100.00 %", "0.00 %"]),
    ],
)
def test_shares_are_shown_with_as_many_digits_as_honesty_needs(
    values: list[float], shown: list[str]
) -> None:
    assert shares(values) == shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0000"),
        (0.03125, "0.0312"),
        (0.000123, "1.23 · 10<sup>−4</sup>"),
        (5e-324, "1 · 10<sup>−324</sup>"),
        (0.0, "too small to write"),
    ],
)
def test_a_small_exponential_is_written_with_a_power_of_ten(value: float, text: str) -> None:
    assert exponential(value) == text


def test_a_score_has_a_real_minus_and_a_share_alone_is_never_certain() -> None:
    assert score(-3.14159) == "−3.142"
    assert share(0.5) == "50.00 %"
    assert share(1 - 1e-12) == "> 99.999999 %"


# --- The page


@pytest.fixture
def answered(live_version: ModelVersion, upload_of: Upload) -> Prediction:
    [row] = upload_of("red")
    answer_all_queued()
    row.refresh_from_db()
    return row


def page_of(client: Client, row: Prediction) -> str:
    return " ".join(client.get(f"/predictions/{row.public_id}/").content.decode().split())


def test_the_page_opens_the_softmax_with_the_pictures_own_logits(
    owner_client: Client, answered: Prediction
) -> None:
    steps = computed_of(answered)
    assert steps is not None
    assert [step.share for step in steps.steps] == pytest.approx(
        [ranked["probability"] for ranked in answered.top], abs=1e-3
    )
    page = page_of(owner_client, answered)
    assert "How was this computed?" in page
    for step in steps.steps:
        assert f"<td>{score(step.logit)}</td>" in page
        assert f"<td>{exponential(step.exponential)}</td>" in page
    assert "At 1 it changes nothing" in page
    assert "Threshold" not in page


@pytest.mark.parametrize(
    ("temperature", "words"), [(1.52, "draws the scores together"), (0.7, "spreads the scores")]
)
def test_the_page_says_what_the_temperature_did(
    owner_client: Client, answered: Prediction, temperature: float, words: str
) -> None:
    answered.why["scores"]["temperature"] = temperature
    answered.save()
    page = page_of(owner_client, answered)
    assert f"<var>T</var> = {temperature:.3f}" in page
    assert words in page


def test_a_recognizer_of_several_labels_shows_its_sigmoids(
    owner_client: Client, answered: Prediction
) -> None:
    answered.why["scores"] |= {"head": "sigmoid", "thresholds": [0.5, 0.9, 0.9]}
    answered.save()
    page = page_of(owner_client, answered)
    assert "Threshold" in page
    assert "each class is judged by itself" in page
    assert re.search(r"<td>90.00 %</td> <td>\s*no\s*</td>", page)


def test_all_classes_that_are_not_listed_are_one_row(
    owner_client: Client, answered: Prediction
) -> None:
    answered.why["scores"] |= {"classes": 200, "rest": [0.25, 0.5]}
    answered.save()
    page = page_of(owner_client, answered)
    assert "all 197 other classes together" in page
    assert "<td>0.2500</td>" in page


@pytest.mark.parametrize("kept", ["nothing", "no scores", "scores of others"])
def test_an_older_answer_says_that_its_scores_were_not_kept(
    owner_client: Client,
    answered: Prediction,
    kept: Literal["nothing", "no scores", "scores of others"],
) -> None:
    if kept == "nothing":
        answered.why = {}
    elif kept == "no scores":
        del answered.why["scores"]
    else:
        answered.top = answered.top[:1]
    answered.save()
    page = page_of(owner_client, answered)
    assert "The scores of this answer were not kept" in page
    assert "<table" not in page


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "of an earlier release"])
@pytest.mark.parametrize(
    ("colour", "thresholds", "headline"),
    [
        ("yellow", (0.99, 0.99, 0.99), "green, red"),
        ("red", (0.99, 0.99, 0.99), "red"),
        ("red", (0.7, 0.99, 1.0), "blue"),
        ("black", (0.9, 0.9, 0.9), "None of the classes is likely enough"),
    ],
)
def test_a_headline_has_all_labels_that_apply(
    owner_client: Client,
    new_version: Callable[..., ModelVersion],
    upload_of: Upload,
    colour: str,
    thresholds: tuple[float, ...],
    headline: str,
    kept: bool,
) -> None:
    """Each colour is judged by itself: the likeliest may miss its threshold, and another not."""
    go_live(new_version(thresholds=thresholds))
    upload_of(colour)
    answer_all_queued()
    row = Prediction.objects.get()
    if not kept:
        del row.why["scores"]["labels"]
        row.save()
    page = page_of(owner_client, row)
    assert f'<h2 class="answer__label">{headline}</h2>' in page
    assert ("almost certain" in page) == (headline == "red")
    assert ("none reaches its threshold" in page) == (colour == "black")


def test_what_is_said_aloud_names_all_labels(
    owner_client: Client, new_version: Callable[..., ModelVersion], upload_of: Upload
) -> None:
    go_live(new_version(thresholds=(0.99, 0.99, 0.99)))
    for colour, said in (("yellow", "green, red"), ("black", "None of the classes is likely")):
        [row] = upload_of(colour)
        answer_all_queued()
        page = f"/uploads/{row.upload}/?open=0"
        heard = owner_client.get(page, headers={"HX-Request": "true"}).content.decode()
        assert said in heard.split('id="heard"')[1].split("</p>")[0]
