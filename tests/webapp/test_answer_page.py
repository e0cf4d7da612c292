"""The answer page: how sure it is, the top five as bars, asking again until everything is there."""

import re
from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import Settings

from tests.webapp.rows import rows_of
from webapp.accounts.models import User
from webapp.predictions import answer_views, waiting
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.certainty import in_words
from webapp.predictions.models import Prediction
from webapp.predictions.positions import in_ranges, named_in
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.recognizers.templatetags.shares import percent_plain

Upload = Callable[..., list[Prediction]]
State = Prediction.State
MAX_PAGE_BYTES = 150_000


@pytest.fixture(autouse=True)
def _nobody_waits_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_views, "WAIT_SECONDS", 0.2)


def changes(client: Client, path: str) -> str:
    """What a page that asks again is sent."""
    return client.get(path, headers={"HX-Request": "true"}).content.decode()


def test_while_something_waits_the_page_asks_again_and_says_for_what(
    owner_client: Client, live_version: ModelVersion, upload_of: Upload
) -> None:
    rows = upload_of("red", "blue")
    page = owner_client.get(f"/uploads/{rows[0].upload}/").content.decode()
    assert page.count("Waiting") == 2
    Prediction.objects.filter(pk=rows[0].pk).update(state=Prediction.State.RUNNING)
    page = owner_client.get(f"/uploads/{rows[0].upload}/").content.decode()
    assert (page.count("Waiting"), page.count("Being answered")) == (1, 1)
    assert "0 of 2 answered" in page
    assert f'hx-get="/uploads/{rows[0].upload}/?open=0-1"' in page
    assert 'http-equiv="refresh"' in page


def test_once_all_are_answered_it_shows_a_card_each_and_rests(
    owner_client: Client, live_version: ModelVersion, upload_of: Upload
) -> None:
    rows = upload_of("red", "blue")
    answer_all_queued()
    page = owner_client.get(f"/uploads/{rows[0].upload}/").content.decode()
    assert page.count('id="card-') == 2
    assert "almost certain · 99.9\N{NO-BREAK SPACE}%" in page
    assert "2 of 2 answered" in page
    for row in rows:
        assert f'href="/predictions/{row.public_id}/"' in page
    assert "hx-get" not in page
    assert 'http-equiv="refresh"' not in page


def test_an_upload_of_one_picture_is_all_about_it(
    owner_client: Client, live_version: ModelVersion, upload_of: Upload
) -> None:
    [row] = upload_of("red")
    waiting = owner_client.get(f"/uploads/{row.upload}/").content.decode()
    assert "The picture is kept" in waiting
    assert f'hx-get="/uploads/{row.upload}/?open=0"' in waiting
    answer_all_queued()
    for path in (f"/uploads/{row.upload}/", f"/predictions/{row.public_id}/"):
        page = owner_client.get(path).content.decode()
        assert page.count("<progress") == 3  # the classes
        assert "<strong>almost certain</strong> · 99.9 %" in " ".join(page.split())
        assert page.count("<time") == 2  # when it was uploaded, and when answered
        assert "The same from a program" in page


def test_what_changes_is_sent_and_nothing_else(
    owner_client: Client, live_version: ModelVersion, upload_of: Upload
) -> None:
    rows = upload_of("red", "blue", "green")
    Prediction.objects.exclude(position=1).update(state=State.RUNNING)
    answer_all_queued()
    path = f"/uploads/{rows[0].upload}/"
    sent = changes(owner_client, f"{path}?open=0-2")
    assert "<html" not in sent
    assert re.findall(r'id="card-(\d)"', sent) == ["1"]
    assert "hx-swap-oob" in sent
    assert "1 of 3 answered" in sent
    assert f'hx-get="{path}?open=0,2"' in sent
    assert "delay" not in sent
    nothing = changes(owner_client, f"{path}?open=0,2")
    assert "card-" not in nothing
    assert f'hx-get="{path}?open=0,2"' in nothing


def test_the_last_change_ends_the_asking(
    owner_client: Client, live_version: ModelVersion, upload_of: Upload
) -> None:
    [row] = upload_of("red")
    answer_all_queued()
    for path in (f"/uploads/{row.upload}/", f"/predictions/{row.public_id}/"):
        sent = changes(owner_client, f"{path}?open=0")
        assert f'id="answer-{row.public_id}"' in sent
        assert 'data-complete="yes"' in sent
        assert sent.index('id="poll"') < sent.index("How was this computed?")
        assert f'action="/predictions/{row.public_id}/share/"' in sent


def test_a_request_waits_until_one_is_answered(
    owner_client: Client,
    live_version: ModelVersion,
    upload_of: Upload,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = upload_of("red", "blue")
    asked: dict[str, object] = {}

    def wait(ids: list[int], **options: object) -> bool:
        asked.update(options, ids=set(ids))
        Prediction.objects.filter(pk=rows[1].pk).update(
            state=State.DONE, label="blue", confidence=0.5
        )
        return True

    monkeypatch.setattr(answer_views, "wait_until_answered", wait)
    sent = changes(owner_client, f"/uploads/{rows[0].upload}/?open=0-1")
    assert asked == {"ids": {row.pk for row in rows}, "seconds": 0.2, "is_one_enough": True}
    assert 'id="card-1"' in sent
    assert "uncertain · 50.0\N{NO-BREAK SPACE}%" in sent


def test_where_no_more_may_wait_it_answers_at_once_and_is_asked_again_soon(
    owner_client: Client,
    live_version: ModelVersion,
    upload_of: Upload,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.MAX_WAITING_REQUESTS = 0
    monkeypatch.setattr(waiting._Wait, "look", lambda wait: pytest.fail("it waits"))
    [row] = upload_of("red")
    sent = changes(owner_client, f"/predictions/{row.public_id}/?open=0")
    assert "load delay:200ms" in sent


@pytest.mark.parametrize("asked", ["", "0-99999999999999", "-", "1-0", "bee", "0,,1", "9" * 5000])
def test_an_odd_list_of_what_is_open_does_no_harm(
    asked: str, owner_client: Client, live_version: ModelVersion, upload_of: Upload
) -> None:
    rows = upload_of("red", "blue")
    response = owner_client.get(
        f"/uploads/{rows[0].upload}/", {"open": asked}, headers={"HX-Request": "true"}
    )
    assert response.status_code == 200


def test_a_lone_answer_is_said_aloud_and_of_many_only_the_quarters(
    owner_client: Client, live_version: ModelVersion, upload_of: Upload
) -> None:
    [row] = upload_of("red")
    rows = upload_of(*["green"] * 8)
    answer_all_queued()
    said = changes(owner_client, f"/predictions/{row.public_id}/?open=0")
    assert "red, almost certain, 99.9 %" in said
    path = f"/uploads/{rows[0].upload}/"
    Prediction.objects.filter(upload=rows[0].upload, position__gt=0).update(state=State.QUEUED)
    assert "role=" not in changes(owner_client, f"{path}?open=0-7")
    assert 'id="heard"' not in changes(owner_client, f"{path}?open=0-7")
    Prediction.objects.filter(upload=rows[0].upload, position=1).update(state=State.DONE)
    assert 'id="heard"' in changes(owner_client, f"{path}?open=1-7")


def test_what_could_not_be_answered_is_counted_and_explained(
    owner_client: Client, live_version: ModelVersion, upload_of: Upload
) -> None:
    rows = upload_of("red", "blue")
    Prediction.objects.filter(pk=rows[0].pk).update(state=State.FAILED, failure_code="gave_up")
    answer_all_queued()
    page = owner_client.get(f"/uploads/{rows[0].upload}/").content.decode()
    assert "1 of 2 answered" in page
    assert "1 could not be answered" in page
    assert "several attempts" in page


@pytest.mark.parametrize("state", [State.DONE, State.FAILED, State.QUEUED])
def test_a_page_of_300_answers_is_light(
    state: str, owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    rows = rows_of(
        owner,
        recognizer,
        300,
        state=state,
        label="Großes Mausohr (<em>Myotis myotis</em>)",
        failure_code="picture_unreadable" if state == State.FAILED else "",
    )
    for position, row in enumerate(rows):
        row.upload, row.position = rows[0].upload, position
        row.file_name = "Ein sehr langer Name, wie ihn manche Kameras vergeben" * 3
    Prediction.objects.bulk_update(rows, ["upload", "position", "file_name"])
    response = owner_client.get(f"/uploads/{rows[0].upload}/")
    assert response.content.count(b'id="card-') == 300
    print(f"300 cards, {state}: {len(response.content)} bytes")
    assert len(response.content) <= MAX_PAGE_BYTES


def test_the_number_of_queries_does_not_grow_with_the_cards(
    owner: User,
    owner_client: Client,
    recognizer: Recognizer,
    django_assert_max_num_queries: Callable[..., object],
) -> None:
    rows = rows_of(owner, recognizer, 40)
    for position, row in enumerate(rows):
        row.upload, row.position = rows[0].upload, position
    Prediction.objects.bulk_update(rows, ["upload", "position"])
    with django_assert_max_num_queries(4):  # type: ignore[attr-defined]
        owner_client.get(f"/uploads/{rows[0].upload}/")


def test_the_bars_values_are_the_very_probabilities(
    owner_client: Client, live_version: ModelVersion, upload_of: Upload
) -> None:
    [row] = upload_of("red")
    answer_all_queued()
    row.refresh_from_db()
    page = owner_client.get(f"/predictions/{row.public_id}/").content.decode()
    values = [float(part) for part in re.findall(r'<progress[^>]*value="([^"]*)"', page)]
    assert values == [ranked["probability"] for ranked in row.top]


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.9731, "97.3 %"),
        (0.99999, "99.9 %"),
        (1.0, "100.0 %"),
        (0.0001, "< 0.1 %"),
        (0.0, "0.0 %"),
        (None, "–"),
    ],
)
def test_a_share_is_never_rounded_to_certainty(share: float | None, text: str) -> None:
    assert percent_plain(share) == text


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (1.0, "almost certain"),
        (0.99, "almost certain"),
        (0.9899, "very likely"),
        (0.9, "very likely"),
        (0.89, "likely"),
        (0.66, "likely"),
        (0.65, "uncertain"),
        (0.33, "uncertain"),
        (0.32, "a guess"),
        (0.0, "a guess"),
    ],
)
def test_how_sure_it_is_has_a_word(probability: float, words: str) -> None:
    assert in_words(probability) == words


def test_positions_are_said_as_ranges_and_understood_again() -> None:
    assert in_ranges([0, 1, 2, 5, 7, 8]) == "0-2,5,7-8"
    assert in_ranges([]) == ""
    assert named_in("0-2,5,7-8", range(10)) == {0, 1, 2, 5, 7, 8}
    assert named_in("", range(10)) == set()
    assert named_in("3-1,x,-,4", range(10)) == {4}
