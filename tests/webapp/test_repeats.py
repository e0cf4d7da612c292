"""The same picture twice is answered from the database."""

import uuid
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.pictures import picture_bytes
from tests.webapp.versions import go_live
from webapp.accounts.models import User
from webapp.predictions import pictures
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.models import Prediction
from webapp.predictions.services import upload_accept
from webapp.recognizers.models import ModelVersion, Recognizer

State = Prediction.State
Upload = Callable[..., list[Prediction]]


def test_a_picture_that_was_answered_is_answered_at_once(
    live_version: ModelVersion, upload_of: Upload
) -> None:
    upload_of("red")
    answer_all_queued()
    [again] = upload_of("red")
    assert (again.state, again.label, again.version) == (State.DONE, "red", live_version)
    assert again.answered_at is not None
    assert answer_all_queued() == 0


def test_it_is_a_row_of_its_own_with_a_picture_of_its_own(
    live_version: ModelVersion, upload_of: Upload
) -> None:
    [first] = upload_of("red")
    answer_all_queued()
    first.refresh_from_db()
    [again] = upload_of("red")
    again.refresh_from_db()
    assert again.pk != first.pk
    assert again.picture_name != first.picture_name
    assert (again.top, again.why, again.width) == (first.top, first.why, first.width)
    pictures.forget(first.picture_name)
    assert again.picture_path.read_bytes()
    assert pictures.thumbnail_of(again.picture_name)


def test_another_name_for_the_same_bytes_is_the_same_picture(
    live_version: ModelVersion, upload_of: Upload, owner: User, recognizer: Recognizer
) -> None:
    upload_of("red")
    answer_all_queued()
    file = SimpleUploadedFile("holiday.png", picture_bytes("red"))
    [again] = upload_accept(owner=owner, recognizer=recognizer, upload=uuid.uuid4(), files=[file])
    assert (again.state, again.file_name) == (State.DONE, "holiday.png")


def test_another_persons_answer_is_not_taken(
    live_version: ModelVersion, upload_of: Upload, other: User
) -> None:
    upload_of("red")
    answer_all_queued()
    [theirs] = upload_of("red", by=other)
    assert theirs.state == State.QUEUED


def test_a_new_live_version_answers_anew(
    live_version: ModelVersion, new_version: Callable[..., ModelVersion], upload_of: Upload
) -> None:
    upload_of("red")
    answer_all_queued()
    go_live(new_version(class_names=("azure", "lime", "crimson")))
    [again] = upload_of("red")
    assert again.state == State.QUEUED
    answer_all_queued()
    again.refresh_from_db()
    assert again.label == "crimson"


def test_one_whose_kept_picture_is_gone_is_kept_and_answered_anew(
    live_version: ModelVersion, upload_of: Upload
) -> None:
    [first] = upload_of("red")
    answer_all_queued()
    first.picture_path.unlink()
    [again] = upload_of("red")
    assert again.state == State.QUEUED
    assert again.picture_path.read_bytes()


def test_new_and_known_pictures_may_come_together(
    live_version: ModelVersion, upload_of: Upload
) -> None:
    upload_of("red")
    answer_all_queued()
    states = [row.state for row in upload_of("green", "red", "blue")]
    assert states == [State.QUEUED, State.DONE, State.QUEUED]
    assert answer_all_queued() == 2


def test_a_known_picture_nudges_nobody(
    live_version: ModelVersion, upload_of: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_of("red")
    answer_all_queued()
    nudges: list[int] = []
    monkeypatch.setattr("webapp.predictions.services.nudge_inference", lambda: nudges.append(1))
    upload_of("red")
    assert nudges == []


def test_whether_a_programs_picture_is_known_costs_one_query(
    live_version: ModelVersion, owner: User, recognizer: Recognizer
) -> None:
    file = SimpleUploadedFile("new.png", picture_bytes("red"))
    with CaptureQueriesContext(connection) as queries:
        upload_accept(owner=owner, recognizer=recognizer, upload=None, files=[file])
    assert sum(query["sql"].startswith("SELECT") for query in queries.captured_queries) == 1
