"""What visitors write is free words; only what a training can read as classes becomes a label."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from classifier.why import Scores, Why
from tests.webapp.corrections import as_seen, decided, judged
from webapp.accounts.models import User
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion
from webapp.studio.loop.reviews import proposed_label
from webapp.studio.models import Review

# With it an answer may have several labels.
SIGMOID = Scores("sigmoid", 1.0, 2, 1.0, (1.0, -1.0), 0.0, 0.0, (0.5, 0.5))
SEVERAL = {"why": Why(1, 1, 0.0, (), scores=SIGMOID).to_json()}


def decide(client: Client, row: Prediction, decision: str, **more: str) -> str:
    address = reverse("studio:inbox_decide", args=[row.pk])
    values = {"decision": decision, "seen": as_seen(row), **more}
    return str(client.post(address, values, follow=True).content.decode())


@pytest.mark.parametrize("words", ["cat|dog", "blue|red", "blue|", "|", "blue||red"])
def test_words_that_cannot_be_one_class_are_nothing_to_accept(
    owner: User, live_version: ModelVersion, curator_client: Client, words: str
) -> None:
    row = judged(owner, live_version, "wrong", words)
    page = curator_client.get(reverse("studio:inbox")).content.decode()
    assert f"Its owner says that this is “{words}”" in page
    assert "Accept “" not in page
    assert 'name="new_class"' not in page
    assert "Nobody has said what this is" in decide(
        curator_client, row, "accepted", new_class=words
    )
    for more in ({"label": words}, {"new_class": words}):
        assert "without “|”" in decide(curator_client, row, "relabelled", **more)
    assert not Review.objects.exists()
    decide(curator_client, row, "relabelled", new_class="cat and dog")
    assert Review.objects.get().label == "cat and dog"


@pytest.mark.parametrize(
    ("words", "label"),
    [
        ("red|blue", "red|blue"),
        ("RED | blue", "red|blue"),
        ("red|red", "red"),
        ("red|", None),
        ("|", None),
        ("cat|Cat", None),
    ],
)
def test_several_are_learned_where_the_recognizer_names_several_and_none_is_empty(
    owner: User, curator: User, live_version: ModelVersion, words: str, label: str | None
) -> None:
    row = judged(owner, live_version, "wrong", words, **SEVERAL)
    if label is None:
        assert proposed_label(row) is None
    else:
        assert decided(row, curator).label == label


@pytest.mark.parametrize(
    ("more", "label"), [({}, "red"), (SEVERAL, "red"), ({"is_outlier": True}, None)]
)
def test_an_answer_that_is_right_is_learned_as_it_was(
    owner: User, live_version: ModelVersion, more: dict[str, Any], label: str | None
) -> None:
    assert proposed_label(judged(owner, live_version, "right", **more)) == label


def test_a_label_that_no_row_can_hold_is_refused(
    owner: User, live_version: ModelVersion, curator_client: Client
) -> None:
    row = judged(owner, live_version)
    page = decide(curator_client, row, "relabelled", new_class="a" * 256)
    assert "at most 255 characters, received 256" in page
    assert not Review.objects.exists()
