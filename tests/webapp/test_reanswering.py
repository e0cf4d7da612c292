"""The history, answered anew by another version: beside the answers, which stay as they are."""

import html
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from tests.webapp.compared import stay_nice
from webapp.accounts.models import User
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion
from webapp.studio.jobs import worker
from webapp.studio.jobs.services import job_claim
from webapp.studio.models import Job, SecondAnswer
from webapp.studio.reanswering import job as reanswering
from webapp.studio.reanswering.services import reanswering_request

NewVersion = Callable[..., ModelVersion]
State = Job.State


@pytest.fixture(autouse=True)
def _stays_nice(monkeypatch: pytest.MonkeyPatch) -> None:
    stay_nice(monkeypatch)


@pytest.fixture
def history(
    live_version: ModelVersion, upload_of: Callable[..., list[Prediction]]
) -> list[Prediction]:
    """Answered by the first version: as red, green, blue and red, the last of them the newest."""
    rows = upload_of("red", "green", "blue", "red")
    assert answer_all_queued() == 4
    return rows


@pytest.fixture
def other(history: list[Prediction], new_version: NewVersion) -> ModelVersion:
    """It says "green" of blue pictures and "blue" of green ones."""
    return new_version(class_names=("green", "blue", "red"))


def page_of(version: ModelVersion) -> str:
    return f"/admin/studio/reanswering/{version.pk}/"


def do(version: ModelVersion, number: int = 1000) -> Job:
    job, _ = reanswering_request(version=version, number=number, by=None)
    assert worker.do_next()
    job.refresh_from_db()
    assert job.state == State.SUCCEEDED, job.failure_sentence
    return job


def test_it_says_what_would_change_and_the_answers_stay(
    other: ModelVersion, history: list[Prediction], curator_client: Client
) -> None:
    before = list(Prediction.objects.values_list("label", "confidence", "version"))
    job = do(other)
    second = dict(SecondAnswer.objects.values_list("prediction__label", "label"))
    assert second == {"red": "red", "green": "blue", "blue": "green"}
    assert SecondAnswer.objects.filter(is_changed=True).count() == 2
    assert list(Prediction.objects.values_list("label", "confidence", "version")) == before
    assert job.result == {"num_seen": 4, "num_unreadable": 0}
    page = curator_client.get(page_of(other)).content.decode()
    assert "2 of 4 pictures would get another answer" in page


def test_the_newest_are_answered_and_no_more_than_was_asked_for(other: ModelVersion) -> None:
    do(other, number=2)
    labels = SecondAnswer.objects.values_list("prediction__label", flat=True)
    assert list(labels) == ["red", "blue"]


def test_what_comes_or_is_deleted_meanwhile_is_not_in_it(
    other: ModelVersion, history: list[Prediction], upload_of: Callable[..., list[Prediction]]
) -> None:
    reanswering_request(version=other, number=10, by=None)
    upload_of("yellow")
    answer_all_queued()
    Prediction.objects.filter(pk=history[0].pk).update(deleted_at=timezone.now())
    assert worker.do_next()
    assert SecondAnswer.objects.count() == 3


def test_its_own_answers_are_not_asked_again(
    live_version: ModelVersion, history: list[Prediction], curator_client: Client
) -> None:
    assert do(live_version).result["num_seen"] == 0
    page = curator_client.get(page_of(live_version)).content.decode()
    assert "No other version has answered a picture yet" in page


def test_one_whose_worker_died_goes_on_and_keeps_what_is_written(
    other: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reanswering, "ROWS_AT_ONCE", 1)
    reanswering_request(version=other, number=10, by=None)
    job = job_claim()
    assert job
    told: list[float] = []

    def die(step: str, fraction: float) -> None:
        told.append(fraction)
        if len(told) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reanswering.run(job, die)
    kept = list(SecondAnswer.objects.values_list("pk", flat=True))
    assert len(kept) == 2
    told = []
    result = reanswering.run(job, lambda step, fraction: told.append(fraction))
    assert result["num_seen"] == SecondAnswer.objects.count() == 4
    assert set(kept) < set(SecondAnswer.objects.values_list("pk", flat=True))
    assert told == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_what_is_asked_anew_takes_the_place_of_what_was_asked_before(
    other: ModelVersion, new_version: NewVersion
) -> None:
    third = do(new_version())
    first = do(other)
    second = do(other, number=2)
    assert set(SecondAnswer.objects.values_list("job", flat=True)) == {third.pk, second.pk}
    reanswering.run(first, lambda step, fraction: None)  # its worker had been away
    assert SecondAnswer.objects.filter(job=second).count() == 2


def test_what_comes_back_after_it_was_counted_costs_nothing(
    other: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All were deleted when the job began, and an owner has undone that since."""
    Prediction.objects.update(deleted_at=timezone.now())
    rows = reanswering._rows

    def undone(*arguments: Any) -> Iterator[list[Prediction]]:
        Prediction.objects.update(deleted_at=None)
        return rows(*arguments)

    monkeypatch.setattr(reanswering, "_rows", undone)
    assert do(other).result == {"num_seen": 0, "num_unreadable": 0}


def test_a_picture_that_is_gone_costs_only_itself(
    other: ModelVersion, history: list[Prediction]
) -> None:
    Prediction.objects.get(pk=history[1].pk).picture_path.unlink()
    assert do(other).result == {"num_seen": 4, "num_unreadable": 1}
    assert SecondAnswer.objects.count() == 3


def test_a_curator_asks_for_it_watches_it_and_stops_it(
    other: ModelVersion, curator_client: Client
) -> None:
    page = page_of(other)
    assert 'value="1000"' in curator_client.get(page).content.decode()
    for number in ("", "0", "-3", "many", "100001"):
        refused = curator_client.post(page, {"number": number}).content.decode()
        assert 'role="alert"' in refused
        assert 'aria-describedby="id_number_error"' in refused
        assert 'id="id_number_error"' in refused
    assert not Job.objects.exists()
    for _ in range(2):  # pressed twice
        curator_client.post(page, {"number": "3"})
    job = Job.objects.get()
    assert job.params["number"] == 3
    assert "waits for its turn" in curator_client.get(page).content.decode()
    assert "hx-get" in curator_client.get(f"{page}state/").content.decode()
    curator_client.post(f"{page}cancel/")
    assert curator_client.get(f"{page}state/")["HX-Refresh"] == "true"
    assert "It was cancelled" in curator_client.get(page).content.decode()


def thumbnail_of(version: ModelVersion, prediction_id: int) -> str:
    return f"{page_of(version)}pictures/{prediction_id}/thumbnail/"


def test_what_an_owner_has_not_judged_stays_the_owner_s_alone(
    other: ModelVersion, curator_client: Client, settings: Settings
) -> None:
    do(other)
    judged, left = (each.prediction for each in SecondAnswer.objects.filter(is_changed=True))
    Prediction.objects.filter(pk=judged.pk).update(verdict="right")
    page = curator_client.get(page_of(other)).content.decode()
    assert thumbnail_of(other, judged.pk) in page
    assert thumbnail_of(other, left.pk) not in page
    assert "Of pictures that are their owners' alone" in html.unescape(page)
    assert curator_client.get(thumbnail_of(other, judged.pk)).status_code == 200
    assert curator_client.get(thumbnail_of(other, left.pk)).status_code == 404
    settings.CURATORS_SEE_UNCERTAIN = True  # and the version was not sure of it
    Prediction.objects.filter(pk=left.pk).update(confidence=0.4)
    assert thumbnail_of(other, left.pk) in curator_client.get(page_of(other)).content.decode()
    assert curator_client.get(thumbnail_of(other, left.pk)).status_code == 200


def test_a_number_that_no_picture_can_have_is_not_found(
    other: ModelVersion, curator_client: Client
) -> None:
    for path in (
        thumbnail_of(other, 2**63),
        f"/admin/studio/reanswering/{2**63}/pictures/1/thumbnail/",
    ):
        assert curator_client.get(path).status_code == 404


@pytest.mark.parametrize("may_see", [True, False])
def test_only_who_may_see_visitors_pictures_sees_them(
    other: ModelVersion, owner: User, owner_client: Client, may_see: bool
) -> None:
    do(other)
    Prediction.objects.update(verdict="right")
    names = ["train", "view_correction"] if may_see else ["train"]
    owner.is_staff = True
    owner.save()
    owner.user_permissions.set(Permission.objects.filter(codename__in=names))
    page = owner_client.get(page_of(other)).content.decode()
    assert ("/thumbnail/" in page) == may_see
    assert "green" in page, "the labels are shown to all curators"
    changed = SecondAnswer.objects.filter(is_changed=True)[0]
    same = SecondAnswer.objects.filter(is_changed=False)[0]

    def status(answer: SecondAnswer) -> int:
        return owner_client.get(thumbnail_of(other, answer.prediction_id)).status_code

    assert status(changed) == (200 if may_see else 403)
    assert status(same) == (404 if may_see else 403), "nobody has asked to look at that one"


def test_a_picture_that_its_owner_deletes_goes_from_the_page(
    other: ModelVersion, curator_client: Client
) -> None:
    do(other)
    changed = SecondAnswer.objects.filter(is_changed=True)[0].prediction
    rows = Prediction.objects.filter(pk=changed.pk)
    rows.update(verdict="right")
    assert curator_client.get(thumbnail_of(other, changed.pk)).status_code == 200
    rows.update(deleted_at=timezone.now())
    page = curator_client.get(page_of(other)).content.decode()
    assert "1 of 3 pictures would get another answer" in page
    assert curator_client.get(thumbnail_of(other, changed.pk)).status_code == 404


def test_the_page_takes_the_same_number_of_queries_however_much_has_changed(
    other: ModelVersion,
    curator_client: Client,
    upload_of: Callable[..., list[Prediction]],
) -> None:
    counts = []
    for more in ((), ("blue", "green") * 5):
        upload_of(*more)
        answer_all_queued()
        do(other)
        with CaptureQueriesContext(connection) as queries:
            page = curator_client.get(page_of(other)).content.decode()
        assert f"{2 + len(more)} of {4 + len(more)} pictures would get another answer" in page
        counts.append(len(queries))
    assert counts[0] == counts[1]
