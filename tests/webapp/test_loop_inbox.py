"""The curator's inbox: what waits, who may look at which picture, and decisions with and without htmx."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from tests.webapp.corrections import as_seen, colours_dataset, decided, judged
from webapp.accounts.models import User
from webapp.predictions.corrections import prediction_correct
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.studio.loop.reviews import ReviewRefused, review_decide
from webapp.studio.models import Review, TrainingRun

INBOX = "/admin/studio/loop/inbox/"
Decision = Review.Decision


def decide(client: Client, row: Prediction, decision: str, **more: Any) -> Any:
    """By the form of a page that is shown now, unless `seen` is of an earlier one."""
    address = reverse("studio:inbox_decide", args=[row.pk])
    return client.post(address, {"decision": decision, "seen": as_seen(row), **more}, follow=True)


def shown(client: Client, **given: Any) -> str:
    page = client.get(INBOX, given)
    assert page.status_code == 200
    return str(page.content.decode())


def at(response: Any) -> int:
    """Which picture an answer leads to."""
    return int(parse_qs(urlsplit(response.redirect_chain[-1][0]).query)["at"][0])


def test_what_an_owner_has_said_waits_for_a_curator(
    owner: User, live_version: ModelVersion, curator_client: Client
) -> None:
    assert "Nothing waits" in shown(curator_client)
    row = judged(owner, live_version, "wrong", "blue")
    page = shown(curator_client)
    assert reverse("studio:dataset_new") in page, "there is nothing to take it into"
    assert "Its owner says that this is “blue”" in page
    assert "Accept “blue”" in page
    assert reverse("studio:inbox_picture", args=[row.pk]) in page
    response = curator_client.get(reverse("studio:inbox_picture", args=[row.pk]))
    assert response["Content-Type"] == "image/jpeg"
    assert "no-store" in response["Cache-Control"]


def test_the_recognizer_for_which_most_waits_comes_first(
    owner: User, live_version: ModelVersion, curator_client: Client
) -> None:
    other = Recognizer.objects.create(name="Birds", slug="birds")
    assert "Colours (0)" in shown(curator_client)
    judged(owner, live_version)
    page = shown(curator_client)
    assert "Colours (1)" in page
    assert "Nothing waits" not in page
    assert "Nothing waits" in shown(curator_client, recognizer=other.pk)
    assert curator_client.get(INBOX, {"recognizer": "9999"}).status_code == 404


def test_one_after_the_other_is_decided_and_the_last_decision_undone(
    owner: User, curator: User, live_version: ModelVersion, curator_client: Client
) -> None:
    first, second, third = (judged(owner, live_version) for _ in range(3))
    assert at(decide(curator_client, first, "accepted")) == second.pk
    assert at(decide(curator_client, second, "relabelled", label="GREEN")) == third.pk
    page = decide(curator_client, third, "dropped").content.decode()
    assert "Nothing waits" in page
    said = {r.prediction_id: (r.decision, r.label, r.decided_by) for r in Review.objects.all()}
    assert said == {
        first.pk: ("accepted", "blue", curator),
        second.pk: ("relabelled", "green", curator),
        third.pk: ("dropped", "", curator),
    }
    assert f"Undo picture {third.pk}" in page
    undo = curator_client.post(reverse("studio:inbox_undo", args=[third.pk]), follow=True)
    assert at(undo) == third.pk
    assert f"Undo picture {second.pk}" in undo.content.decode()
    assert Review.objects.count() == 2


def test_what_may_be_seen_no_more_keeps_no_earlier_decision_from_being_undone(
    owner: User, live_version: ModelVersion, curator_client: Client
) -> None:
    first, second, third = (judged(owner, live_version) for _ in range(3))
    for row in (first, second, third):
        decide(curator_client, row, "accepted")
    prediction_correct(owner=owner, public_id=third.public_id, verdict="")
    assert f"Undo picture {second.pk}" in shown(curator_client)
    Prediction.objects.filter(pk=second.pk).update(deleted_at=timezone.now())
    assert f"Undo picture {first.pk}" in shown(curator_client)


def test_htmx_gets_the_part_that_changes_and_the_address_of_the_next(
    owner: User, live_version: ModelVersion, curator_client: Client
) -> None:
    first, second = judged(owner, live_version), judged(owner, live_version)
    response = curator_client.post(
        reverse("studio:inbox_decide", args=[first.pk]),
        {"decision": "accepted", "seen": as_seen(first)},
        headers={"HX-Request": "true"},
    )
    text = response.content.decode()
    assert text.lstrip().startswith('<div id="inbox"')
    assert f"Picture {first.pk}: accepted as “blue”." in text
    assert f"at={second.pk}" in response["HX-Replace-Url"]


def test_free_words_become_a_class_only_when_a_curator_says_so(
    owner: User, live_version: ModelVersion, curator_client: Client
) -> None:
    row = judged(owner, live_version, "wrong", "drone fly")
    page = shown(curator_client)
    assert "Make “drone fly” a new class" in page
    assert "Accept “" not in page
    page = decide(curator_client, row, "accepted").content.decode()
    assert "none of the classes" in page
    assert not Review.objects.exists()
    page = decide(curator_client, row, "relabelled", label="hover fly").content.decode()
    assert "Make “hover fly” a new class" in page
    decide(curator_client, row, "accepted", new_class="drone fly")
    assert Review.objects.get().label == "drone fly"
    # From then on it is a class.
    other = judged(owner, live_version)
    decide(curator_client, other, "relabelled", label="Drone fly")
    assert Review.objects.get(prediction=other).label == "drone fly"


@pytest.mark.parametrize(
    ("fields", "decision", "sentence"),
    [
        ({"verdict": "wrong", "true_label": ""}, "accepted", "Nobody has said what this is"),
        ({"verdict": "right", "is_outlier": True}, "accepted", "Nobody has said what this is"),
        ({"verdict": "wrong"}, "relabelled", "received nothing"),
        ({"verdict": "wrong"}, "eaten", "received “eaten”"),
    ],
)
def test_what_cannot_be_decided_so_is_said(
    owner: User,
    live_version: ModelVersion,
    curator_client: Client,
    fields: dict[str, Any],
    decision: str,
    sentence: str,
) -> None:
    row = judged(owner, live_version, **fields)
    page = decide(curator_client, row, decision).content.decode()
    assert sentence in page
    assert reverse("studio:inbox_picture", args=[row.pk]) in page
    assert not Review.objects.exists()


def test_of_two_curators_at_one_picture_the_second_is_told(
    owner: User, other: User, curator: User, live_version: ModelVersion, curator_client: Client
) -> None:
    row = judged(owner, live_version)
    seen = as_seen(row)
    decided(row, other, "dropped")
    page = decide(curator_client, row, "accepted", seen=seen).content.decode()
    assert "other has decided meanwhile: dropped" in page
    review = Review.objects.get()
    assert review.decision == Decision.DROPPED
    # Who has seen that may decide otherwise, until the picture is taken.
    decide(curator_client, row, "accepted")
    review.refresh_from_db()
    assert (review.decision, review.decided_by) == (Decision.ACCEPTED, curator)
    Review.objects.update(taken_at=timezone.now())
    page = decide(curator_client, row, "dropped").content.decode()
    assert "is in a dataset already" in page


def test_the_same_form_sent_twice_is_one_decision(
    owner: User, live_version: ModelVersion, curator_client: Client
) -> None:
    row = judged(owner, live_version)
    seen = as_seen(row)
    for _ in range(2):
        page = decide(curator_client, row, "accepted", seen=seen).content.decode()
        assert "meanwhile" not in page
    assert Review.objects.count() == 1


def test_what_its_owner_says_anew_waits_anew(
    owner: User, curator: User, live_version: ModelVersion, curator_client: Client
) -> None:
    row = judged(owner, live_version)
    seen = as_seen(row)
    decided(row, curator)
    assert "Nothing waits" in shown(curator_client)
    said = {"verdict": "wrong", "true_label": "green"}
    prediction_correct(owner=owner, public_id=row.public_id, **said)
    page = shown(curator_client)
    assert "Its owner says that this is “green”" in page
    assert "curator has decided: accepted as “blue”" in page
    with pytest.raises(ReviewRefused, match="meanwhile"):
        review_decide(
            prediction=row, decision="accepted", by=curator, classes=["blue", "green"], seen=seen
        )


# Who sees which picture


def test_a_picture_is_seen_while_its_owner_says_something_of_it(
    owner: User, live_version: ModelVersion, curator_client: Client
) -> None:
    row = judged(owner, live_version)
    files = [reverse(f"studio:inbox_{name}", args=[row.pk]) for name in ("picture", "thumbnail")]
    assert {curator_client.get(file).status_code for file in files} == {200}
    prediction_correct(owner=owner, public_id=row.public_id, verdict="")
    assert {curator_client.get(file).status_code for file in files} == {404}
    page = decide(curator_client, row, "relabelled", label="green").content.decode()
    assert "has taken this picture back" in page
    assert not Review.objects.exists()
    prediction_correct(owner=owner, public_id=row.public_id, verdict="right")
    Prediction.objects.update(deleted_at=timezone.now())
    assert {curator_client.get(file).status_code for file in files} == {404}
    assert "Nothing waits" in shown(curator_client)


@pytest.mark.parametrize("are_allowed", [False, True])
def test_what_nobody_has_judged_is_seen_only_where_the_operator_allows_it(
    owner: User,
    live_version: ModelVersion,
    curator_client: Client,
    owner_client: Client,
    settings: Settings,
    are_allowed: bool,
) -> None:
    settings.CURATORS_SEE_UNCERTAIN = are_allowed
    unsure = judged(owner, live_version, "", confidence=0.4)
    sure = judged(owner, live_version, "", confidence=0.99)
    page = shown(curator_client, show="uncertain", at=unsure.pk)
    address = reverse("studio:inbox_picture", args=[unsure.pk])
    assert (address in page) == are_allowed
    assert ("was not sure of 1 picture" in page) != are_allowed
    assert curator_client.get(address).status_code == (200 if are_allowed else 404)
    address = reverse("studio:inbox_picture", args=[sure.pk])
    assert curator_client.get(address).status_code == 404
    decide(curator_client, unsure, "relabelled", label="blue", show="uncertain")
    assert Review.objects.exists() == are_allowed
    told = "Curators may look at pictures that the recognizer was not sure of"
    assert (told in owner_client.get("/").content.decode()) == are_allowed


def test_what_was_nearly_none_of_these_is_uncertain(
    owner: User, new_version: Any, curator_client: Client, settings: Settings
) -> None:
    from tests.webapp.versions import go_live

    settings.CURATORS_SEE_UNCERTAIN = True
    version = new_version(knows_pictures=True)  # its threshold is 0.1
    go_live(version)
    near = judged(owner, version, "", confidence=0.9, outlier_score=0.095)
    judged(owner, version, "", confidence=0.9, outlier_score=0.03)
    page = shown(curator_client, show="uncertain")
    assert reverse("studio:inbox_picture", args=[near.pk]) in page
    assert "1 of 1" in page


def test_it_wants_both_permissions(
    client: Client, other: User, other_client: Client, owner: User, live_version: ModelVersion
) -> None:
    row = judged(owner, live_version)
    gets = [INBOX] + [
        reverse(f"studio:inbox_{name}", args=[row.pk]) for name in ("picture", "thumbnail")
    ]
    posts = [reverse(f"studio:inbox_{name}", args=[row.pk]) for name in ("decide", "undo")]
    posts.append(reverse("studio:inbox_take", args=[live_version.recognizer_id]))

    def statuses(client: Client) -> set[int]:
        return {client.get(page).status_code for page in gets} | {
            client.post(page).status_code for page in posts
        }

    assert statuses(client) == {302}
    assert statuses(other_client) == {302}
    other.is_staff = True
    other.save()
    for name in ("train", "view_correction"):
        assert statuses(other_client) == {403}
        other.user_permissions.set(Permission.objects.filter(codename=name))
    assert statuses(other_client) == {403}
    both = Permission.objects.filter(codename__in=("train", "view_correction"))
    other.user_permissions.set(both)
    assert {other_client.get(page).status_code for page in gets} == {200}
    assert all(other_client.get(page).status_code == 405 for page in posts)


def test_it_takes_the_same_number_of_queries_however_much_waits(
    owner: User, live_version: ModelVersion, curator_client: Client
) -> None:
    colours_dataset(live_version.recognizer)
    counts = []
    for number in (9, 40):
        for _ in range(number):
            judged(owner, live_version)
        with CaptureQueriesContext(connection) as queries:
            shown(curator_client)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# What is made of decisions


def test_one_press_makes_a_version_and_retrains_with_the_settings_of_before(
    owner: User, curator: User, live_version: ModelVersion, curator_client: Client
) -> None:
    dataset = colours_dataset(live_version.recognizer)
    decided(judged(owner, live_version), curator)
    assert "1 decided picture is not in a dataset yet" in shown(curator_client)
    address = reverse("studio:inbox_take", args=[live_version.recognizer_id])
    response = curator_client.post(address, {"dataset": dataset.pk, "retrain": "1"}, follow=True)
    run = TrainingRun.objects.latest("id")
    assert response.redirect_chain[-1][0] == f"/admin/studio/trainingrun/{run.pk}/change/"
    assert "1 picture is learned from now: colours, version 1." in response.content.decode()
    assert (run.state, run.config["seed"], run.requested_by) == ("queued", 3, curator)
    assert run.dataset_version == dataset.latest_version()
    assert run.dataset_version
    assert (run.dataset_version.num_examples, run.dataset_version.note) == (7, "1 correction")
    # The same form again: nothing new, and no second run.
    curator_client.post(address, {"dataset": dataset.pk, "retrain": "1"})
    assert TrainingRun.objects.count() == 2
    assert dataset.versions.count() == 1


@pytest.mark.parametrize("dataset", ["", "x", "999", "-1", "9" * 30])
def test_a_dataset_that_is_none_is_said(
    live_version: ModelVersion, curator_client: Client, dataset: str
) -> None:
    address = reverse("studio:inbox_take", args=[live_version.recognizer_id])
    page = curator_client.post(address, {"dataset": dataset}, follow=True)
    assert "Expected a dataset to take the pictures into" in page.content.decode()


def test_what_became_of_corrections_is_on_the_page_of_the_run(
    live_version: ModelVersion, curator_client: Client
) -> None:
    colours_dataset(live_version.recognizer)
    run = TrainingRun.objects.get()
    run.figures = {"corrections": {"num": 20, "right_now": 18, "right_before": 3}}
    run.save()
    page = curator_client.get(f"/admin/studio/trainingrun/{run.pk}/change/").content.decode()
    assert "Of 20 corrections in this dataset 18 are answered right now." in page
    assert "By the version before it was 3." in page
