"""Asking another recognizer about a picture: one row of its own, on whose page it then stands."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from tests.bundles import colour_bundle
from tests.webapp.versions import go_live
from webapp.accounts.models import User
from webapp.predictions import other_views, others
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.choices import newest_choice
from webapp.predictions.deletions import predictions_delete
from webapp.predictions.models import Prediction
from webapp.predictions.others import MAX_TRIES, askable, others_of, prediction_ask_other
from webapp.predictions.services import UploadNotKept
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.recognizers.services import version_create
from webapp.webhooks.models import Delivery
from webapp.webhooks.services import webhook_create

Upload = Callable[..., list[Prediction]]
State = Prediction.State


@pytest.fixture
def birds(tmp_path: Path, db: None) -> Recognizer:
    """Another recognizer, which has other words for the same."""
    birds = Recognizer.objects.create(name="Birds", slug="birds")
    path = tmp_path / "bundles" / uuid.uuid4().hex
    bundle = colour_bundle(path, class_names=("kingfisher", "parrot", "robin"))
    go_live(version_create(recognizer=birds, bundle=bundle))
    return birds


@pytest.fixture
def answered(birds: Recognizer, live_version: ModelVersion, upload_of: Upload) -> Prediction:
    [row] = upload_of("red")
    answer_all_queued()
    row.refresh_from_db()
    return row


def ask(client: Client, row: Prediction, slug: str = "birds") -> str:
    response = client.post(f"/predictions/{row.public_id}/ask/", {"recognizer": slug}, follow=True)
    return " ".join(response.content.decode().split())


def test_another_recognizer_answers_the_same_picture(
    owner_client: Client, answered: Prediction
) -> None:
    page = owner_client.get(f"/predictions/{answered.public_id}/").content.decode()
    assert "Ask Birds" in " ".join(page.split())
    page = ask(owner_client, answered)
    assert "Waiting" in page
    assert f'hx-get="/predictions/{answered.public_id}/others/"' in page
    assert "Ask Birds" not in page

    answer_all_queued()
    row = Prediction.objects.get(recognizer__slug="birds")
    # The next upload goes where the last one went.
    assert newest_choice(answered.owner_id) == answered.recognizer_id
    assert row.label == "robin"
    assert row.picture_name != answered.picture_name
    assert row.picture_path.samefile(answered.picture_path)
    part = owner_client.get(
        f"/predictions/{answered.public_id}/others/", headers={"HX-Request": "true"}
    ).content.decode()
    assert "<html" not in part
    assert "robin" in part
    assert "almost certain · 99.9\N{NO-BREAK SPACE}%" in part
    assert f'href="/predictions/{row.public_id}/"' in part
    assert "hx-get" not in part
    # And the other way round.
    page = owner_client.get(f"/predictions/{row.public_id}/").content.decode()
    assert f'href="/predictions/{answered.public_id}/"' in page
    assert "Ask Colours" not in " ".join(page.split())


def test_a_double_click_is_one_row(
    owner_client: Client, answered: Prediction, birds: Recognizer
) -> None:
    first = prediction_ask_other(prediction=answered, recognizer=birds)
    assert prediction_ask_other(prediction=answered, recognizer=birds) == first
    ask(owner_client, answered)
    assert Prediction.objects.filter(recognizer=birds).count() == 1


def test_asked_twice_at_the_same_moment_it_is_one_row(
    answered: Prediction, birds: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second has looked before the first has written."""
    upload = others._tries(answered, birds.pk)[0]
    first = others._ask(answered, birds, upload)
    assert others._ask(answered, birds, upload) == first
    assert Prediction.objects.filter(recognizer=birds).count() == 1
    names = {path.name for path in answered.picture_path.parent.parent.rglob("*.jpg")}
    assert len(names) == 2  # nothing is left of the second


def test_the_same_content_again_needs_no_second_question(
    owner_client: Client, answered: Prediction, birds: Recognizer, upload_of: Upload
) -> None:
    ask(owner_client, answered)
    answer_all_queued()
    [again] = upload_of("red")
    [other] = others_of(again)
    assert other.label == "robin"
    assert askable(again, [other], person=again.owner) == []


def test_what_its_live_version_has_answered_of_the_same_content_is_there_at_once(
    owner: User, answered: Prediction, birds: Recognizer, live_version: ModelVersion
) -> None:
    row = prediction_ask_other(prediction=answered, recognizer=birds)
    answer_all_queued()
    Prediction.objects.filter(pk=row.pk).update(upload=uuid.uuid4())
    webhook_create(owner=owner, url="https://example.org/hook")
    again = prediction_ask_other(prediction=answered, recognizer=birds)
    assert again.pk != row.pk
    assert (again.state, again.label) == (State.DONE, "robin")
    assert Delivery.objects.get().prediction == again.public_id


def test_what_failed_or_was_deleted_can_be_asked_again_but_not_for_ever(
    owner: User, answered: Prediction, birds: Recognizer
) -> None:
    row = prediction_ask_other(prediction=answered, recognizer=birds)
    Prediction.objects.filter(pk=row.pk).update(state=State.FAILED, failure_code="gave_up")
    assert askable(answered, others_of(answered), person=answered.owner) == [birds]
    second = prediction_ask_other(prediction=answered, recognizer=birds)
    assert second.pk != row.pk
    assert others_of(answered) == [second]
    predictions_delete(owner=owner, public_ids=[second.public_id], deletion=uuid.uuid4())
    for _ in range(MAX_TRIES - 2):
        row = prediction_ask_other(prediction=answered, recognizer=birds)
        Prediction.objects.filter(pk=row.pk).update(state=State.FAILED)
    with pytest.raises(UploadNotKept):
        prediction_ask_other(prediction=answered, recognizer=birds)


def test_a_picture_that_is_gone_is_told(owner_client: Client, answered: Prediction) -> None:
    answered.picture_path.unlink()
    assert "could not be asked just now" in ask(owner_client, answered)
    assert Prediction.objects.count() == 1


@pytest.mark.parametrize("slug", ["colours", "nobody", "", "retired"])
def test_only_others_that_are_ready_are_asked(
    slug: str, owner_client: Client, answered: Prediction
) -> None:
    Recognizer.objects.create(name="Retired", slug="retired")
    assert "cannot answer now" in ask(owner_client, answered, slug)
    assert Prediction.objects.count() == 1


def test_anothers_same_picture_tells_nothing(
    other: User, answered: Prediction, birds: Recognizer, upload_of: Upload
) -> None:
    prediction_ask_other(prediction=answered, recognizer=birds)
    answer_all_queued()
    [theirs] = upload_of("red", by=other)
    assert others_of(theirs) == []


def test_where_no_more_may_wait_the_part_is_asked_for_again_soon(
    owner_client: Client,
    answered: Prediction,
    birds: Recognizer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prediction_ask_other(prediction=answered, recognizer=birds)
    path = f"/predictions/{answered.public_id}/others/"
    for may_wait, trigger in ((True, '"load, '), (False, '"load delay:200ms, ')):
        monkeypatch.setattr(
            other_views, "wait_until_answered", lambda *_, may_wait=may_wait, **__: may_wait
        )
        part = owner_client.get(path, headers={"HX-Request": "true"}).content.decode()
        assert trigger in part
    assert owner_client.get(path)["Location"].endswith("#others")
