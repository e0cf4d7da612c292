"""The history: newest first, paged, a fixed number of queries."""

import re
import uuid
from collections.abc import Callable

from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from webapp.accounts.models import User
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.models import Prediction
from webapp.predictions.views import HISTORY_PAGE_SIZE
from webapp.recognizers.models import ModelVersion, Recognizer


def rows_of(owner: User, recognizer: Recognizer, number: int) -> None:
    Prediction.objects.bulk_create(
        Prediction(
            owner=owner,
            recognizer=recognizer,
            upload=uuid.uuid4(),
            position=0,
            file_name=f"picture-{i:03}.jpg",
            picture_name="aa/nothing.jpg",
            state=Prediction.State.DONE,
            label="bee",
            confidence=0.75,
            answered_at=timezone.now(),
        )
        for i in range(number)
    )


def test_it_shows_label_confidence_version_and_thumbnail(
    owner_client: Client,
    live_version: ModelVersion,
    upload_of: Callable[..., list[Prediction]],
) -> None:
    [row] = upload_of("green")
    answer_all_queued()
    page = owner_client.get("/history/").content.decode()
    for text in ("green", "version 1", "Colours", f"/predictions/{row.public_id}/thumbnail.jpg"):
        assert text in page
    assert "%" in page


def test_an_empty_history_offers_a_next_step(owner_client: Client) -> None:
    page = owner_client.get("/history/").content.decode()
    assert "Nothing yet" in page


def test_the_newest_come_first_and_older_pages_follow(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    rows_of(owner, recognizer, HISTORY_PAGE_SIZE + 3)
    first = owner_client.get("/history/").content.decode()
    assert f"picture-{HISTORY_PAGE_SIZE + 2:03}" in first
    assert "picture-002" not in first
    [older] = re.findall(r'rel="next"\s+href="([^"]+)"', first)
    second = owner_client.get(older).content.decode()
    assert [f"picture-{i:03}" in second for i in range(4)] == [True, True, True, False]
    assert "Older" not in second


def test_a_nonsense_page_is_the_first_page(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    rows_of(owner, recognizer, 1)
    for before in ("x", "-1", "9" * 40, "²"):
        response = owner_client.get("/history/", {"before": before})
        assert response.status_code == 200
        assert "picture-000" in response.content.decode()


def test_it_takes_the_same_number_of_queries_however_long_it_is(
    owner: User,
    owner_client: Client,
    recognizer: Recognizer,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in (1, HISTORY_PAGE_SIZE):
        rows_of(owner, recognizer, number)
        with django_assert_max_num_queries(3):  # session, person, page
            owner_client.get("/history/")


def test_a_hostile_file_name_is_escaped(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    rows_of(owner, recognizer, 1)
    Prediction.objects.update(file_name="<script>alert(1)</script>.jpg")
    assert "<script>alert" not in owner_client.get("/history/").content.decode()
