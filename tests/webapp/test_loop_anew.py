"""What owners say anew or take back while curators decide, and after a picture has been learned from."""

import shutil
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from tests.webapp.corrections import as_seen, colours_dataset, decided, judged
from tests.webapp.versions import go_live
from webapp.accounts.models import User
from webapp.predictions.corrections import prediction_correct
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion
from webapp.studio.loop import inbox
from webapp.studio.loop.inbox import corrections_waiting, may_be_seen, queue_of, reviews_to_take
from webapp.studio.loop.reviews import ReviewRefused
from webapp.studio.loop.taking import corrections_release, corrections_take
from webapp.studio.models import Dataset, Example, Review


def say(owner: User, row: Prediction, verdict: str, true_label: str = "") -> None:
    prediction_correct(owner=owner, public_id=row.public_id, verdict=verdict, true_label=true_label)


@pytest.mark.parametrize(
    "form",
    [
        {"decision": "accepted"},
        {"decision": "accepted", "new_class": "drone fly"},
        {"decision": "relabelled", "label": "green"},
        {"decision": "dropped"},
    ],
)
def test_what_its_curator_has_not_read_is_not_decided(
    owner: User, live_version: ModelVersion, curator_client: Client, form: dict[str, str]
) -> None:
    row = judged(owner, live_version, "wrong", "drone fly")
    seen = as_seen(row)
    say(owner, row, "wrong", "a word that is no class")
    address = reverse("studio:inbox_decide", args=[row.pk])
    page = curator_client.post(address, {**form, "seen": seen}).content.decode()
    assert "Its owner has said something else meanwhile. Look again." in page
    assert "Its owner says that this is “a word that is no class”" in page
    assert not Review.objects.exists()
    # The page that said so brings back what it shows.
    curator_client.post(address, {**form, "seen": as_seen(row)})
    assert Review.objects.exists() == (form != {"decision": "accepted"})


def test_what_is_said_of_a_picture_in_a_dataset_waits_and_moves_it(
    owner: User,
    curator: User,
    live_version: ModelVersion,
    corrected_dataset: Dataset,
    curator_client: Client,
) -> None:
    row = judged(owner, live_version)
    decided(row, curator)
    first = corrections_take(recognizer=live_version.recognizer, dataset=corrected_dataset)
    assert not corrections_waiting().exists()
    say(owner, row, "wrong", "green")
    assert list(corrections_waiting()) == [row]
    decided(row, curator)
    assert not corrections_waiting().exists()
    example = Example.objects.get(prediction=row)
    assert (example.label, example.given_label, example.excluded) == ("green", "blue", "")
    # Another version of the dataset, although there is nothing to take.
    again = corrections_take(recognizer=live_version.recognizer, dataset=corrected_dataset)
    assert (again.number, again.version.number) == (0, first.version.number + 1)
    with pytest.raises(ReviewRefused, match="in a dataset already"):
        decided(row, curator, "dropped")
    say(owner, row, "right")
    decided(row, curator, "dropped")
    example.refresh_from_db()
    assert (example.label, example.excluded) == ("green", "curator")
    say(owner, row, "wrong", "blue")
    decided(row, curator)
    example.refresh_from_db()
    assert (example.label, example.excluded) == ("blue", "")


def test_a_decision_on_a_verdict_that_was_taken_back_does_not_stand(
    owner: User,
    curator: User,
    live_version: ModelVersion,
    corrected_dataset: Dataset,
    settings: Settings,
) -> None:
    settings.CURATORS_SEE_UNCERTAIN = True
    row = judged(owner, live_version, confidence=0.4)
    decided(row, curator)
    say(owner, row, "")
    assert may_be_seen(live_version.recognizer).filter(pk=row.pk).exists()
    assert not reviews_to_take(live_version.recognizer).exists()
    # It may be decided on for what it is: an answer that nobody has judged.
    assert queue_of(live_version.recognizer, inbox.UNCERTAIN).ids == [row.pk]
    decided(row, curator, "relabelled", "green")
    assert queue_of(live_version.recognizer, inbox.UNCERTAIN).ids == []
    assert [each.label for each in reviews_to_take(live_version.recognizer)] == ["green"]


def test_what_was_learned_from_a_verdict_goes_with_it_whatever_else_may_be_seen(
    owner: User,
    curator: User,
    live_version: ModelVersion,
    corrected_dataset: Dataset,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.CURATORS_SEE_UNCERTAIN = True
    judged_row = judged(owner, live_version, confidence=0.4)
    unjudged = judged(owner, live_version, "", confidence=0.4)
    decided(judged_row, curator)
    decided(unjudged, curator, "relabelled", "green")
    corrections_take(recognizer=live_version.recognizer, dataset=corrected_dataset)
    say(owner, judged_row, "")
    with django_capture_on_commit_callbacks(execute=True):
        assert corrections_release() == 1
    assert Example.objects.exclude(prediction=None).get().prediction == unjudged


def test_while_a_bundle_cannot_be_read_nothing_is_deleted_for_that(
    owner: User,
    curator: User,
    new_version: Any,
    settings: Settings,
    tmp_path: Path,
) -> None:
    settings.CURATORS_SEE_UNCERTAIN = True
    version = new_version(knows_pictures=True)  # its threshold is 0.1
    go_live(version)
    dataset = colours_dataset(version.recognizer)
    near = judged(owner, version, "", confidence=0.9, outlier_score=0.095)
    far = judged(owner, version, "", confidence=0.9, outlier_score=0.03)
    decided(near, curator, "relabelled", "green")
    corrections_take(recognizer=version.recognizer, dataset=dataset)
    away = tmp_path / "away"
    shutil.move(version.bundle_path, away)
    inbox._threshold_in.cache_clear()  # as in a process that has not asked before
    assert corrections_release() == 0
    assert Review.objects.count() == Example.objects.exclude(prediction=None).count() == 1
    # To look at them is another thing: there, what is not known is not allowed.
    assert not may_be_seen(version.recognizer).exists()
    shutil.move(away, version.bundle_path)
    assert list(may_be_seen(version.recognizer)) == [near]
    assert far not in may_be_seen(version.recognizer)
    assert corrections_release() == 0
    # Where the operator no longer allows it, they go.
    settings.CURATORS_SEE_UNCERTAIN = False
    assert corrections_release() == 1


def test_a_manifest_that_was_changed_is_not_believed(
    owner: User, new_version: Any, settings: Settings
) -> None:
    settings.CURATORS_SEE_UNCERTAIN = True
    version = new_version(knows_pictures=True)
    go_live(version)
    judged(owner, version, "", confidence=0.9, outlier_score=0.095)
    ModelVersion.objects.update(bundle_digest="f" * 64)
    inbox._threshold_in.cache_clear()
    assert not may_be_seen(version.recognizer).exists()


def test_decisions_of_before_stand_where_they_stood(
    owner: User, curator: User, live_version: ModelVersion
) -> None:
    """Until there was a time of what was decided on, both were told by the clock."""
    heard, unheard, unjudged = (
        judged(owner, live_version, said) for said in ("wrong", "wrong", "")
    )
    long_ago = timezone.now() - timedelta(days=1)
    for row in (heard, unheard, unjudged):
        at = long_ago if row == unheard else timezone.now()
        Review.objects.create(prediction=row, decision="accepted", label="blue", decided_at=at)
    migration = import_module("webapp.studio.migrations.0003_what_was_decided_on")
    migration.by_the_clock(apps, None)
    said = {review.prediction_id: review.said_at for review in Review.objects.all()}
    assert said == {heard.pk: heard.corrected_at, unheard.pk: None, unjudged.pk: None}
    assert list(corrections_waiting()) == [unheard]


@pytest.mark.parametrize("number", [2**63, 10**30])
def test_a_number_that_no_picture_can_have_is_not_found(
    live_version: ModelVersion, curator_client: Client, number: int
) -> None:
    for name in ("picture", "thumbnail"):
        assert curator_client.get(reverse(f"studio:inbox_{name}", args=[number])).status_code == 404
    page = curator_client.post(reverse("studio:inbox_decide", args=[number]), follow=True)
    assert "There is nothing to decide" in page.content.decode()


def test_the_pages_count_what_the_inbox_that_they_lead_to_shows(
    owner: User, curator: User, live_version: ModelVersion, curator_client: Client
) -> None:
    row = judged(owner, live_version)
    gone = judged(owner, live_version)
    Prediction.objects.filter(pk=gone.pk).update(picture_name="")  # there is nothing to decide on
    decided(row, curator)
    recognizer = live_version.recognizer
    pages = ["/admin/", reverse("studio:recognizer", args=[recognizer.pk])]

    def counted() -> list[int]:
        front, its_page = (curator_client.get(page) for page in pages)
        return [
            front.context["num_corrections"],
            its_page.context["summary"].num_waiting,
            queue_of(recognizer, inbox.CORRECTIONS).number,
        ]

    assert counted() == [0, 0, 0]
    say(owner, row, "wrong", "green")
    assert counted() == [1, 1, 1]
