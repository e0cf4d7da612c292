"""Prefer: how long a program waits for its answers, and what it is told when they take longer."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from tests.pictures import picture_bytes
from tests.stack import Stack
from tests.waiting import wait_for
from tests.webapp.away import database_away
from tests.webapp.programs import UPLOAD, answer_rows, send
from webapp.api.prefer import MAX_WAIT_SECONDS, preferred_wait
from webapp.ops import processes
from webapp.recognizers.models import ModelVersion


def answer_after_the_upload(monkeypatch: pytest.MonkeyPatch, version: ModelVersion) -> None:
    from webapp.api import predictions as module

    wait = module.wait_until_answered

    def answer_and_wait(ids: list[int], *, seconds: float) -> bool:
        answer_rows(version)
        return wait(ids, seconds=seconds)

    monkeypatch.setattr(module, "wait_until_answered", answer_and_wait)


def test_waiting_costs_a_look_and_the_answer(
    api: Client,
    live_version: ModelVersion,
    django_assert_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send(api, "green")
    answer_after_the_upload(monkeypatch, live_version)
    with django_assert_num_queries(6 + 1 + 2):  # one of them is the test's own, which answers
        response = send(api, "red", headers={"Prefer": "wait=10"})
    assert response.status_code == 201


def test_an_answer_that_comes_in_time_is_in_the_same_reply(
    api: Client, live_version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_after_the_upload(monkeypatch, live_version)
    response = send(api, "red", "blue", why=1, headers={"Prefer": "wait=10"})
    assert response.status_code == 201
    assert response["Preference-Applied"] == "wait=10"
    assert "Retry-After" not in response
    assert [p["label"] for p in response.json()["predictions"]] == ["red", "red"]


def test_an_answer_that_comes_too_late_is_told_with_a_202(
    api: Client, live_version: ModelVersion
) -> None:
    began = time.monotonic()
    response = send(api, "red", headers={"Prefer": "wait=1"})
    assert 1 <= time.monotonic() - began < 5
    assert response.status_code == 202
    assert response["Preference-Applied"] == "wait=1"
    began = time.monotonic()
    read = api.get(response["Location"], headers={"Prefer": "wait=1"})
    assert 1 <= time.monotonic() - began < 5
    assert (read.status_code, read.json()["state"]) == (200, "queued")


def test_where_too_many_wait_already_a_request_is_answered_at_once(
    api: Client, live_version: ModelVersion, settings: Settings
) -> None:
    settings.MAX_WAITING_REQUESTS = 0
    began = time.monotonic()
    response = send(api, "red", headers={"Prefer": "wait=30"})
    assert time.monotonic() - began < 5
    assert response.status_code == 202
    assert "Preference-Applied" not in response


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=10", 10),
        ("respond-async, wait=5", 5),
        ('return=minimal; foo="a, wait=3";bar, Wait="7"', 7),
        ("handling=lenient;wait=3, wait=4", 4),
        ("wait=4, wait=9", 4),
        (" wait = 12 ", 12),
        ("wait=999", MAX_WAIT_SECONDS),
        ("wait=0", 0),
        ("", None),
        ("wait", None),
        ("wait=", None),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("wait=٣", None),
        ("await=3", None),
        ('wait="', None),
        ("=,;" * 50, None),
        ("a" * 8000, None),
    ],
)
def test_a_preference_is_read_as_the_rfc_has_it(header: str, seconds: int | None) -> None:
    assert preferred_wait(header) == seconds


HOSTILE_SPACES = (f"a ={' ' * 8000}", f'wait={" " * 8000}"', f'{" " * 8000}"')


def test_a_hostile_preference_costs_no_time() -> None:
    for header in ('a="' + "\\" * 8000, 'a;"' * 4000, "a;" * 4000, *HOSTILE_SPACES):
        began = time.monotonic()
        preferred_wait(header)
        assert time.monotonic() - began < 5


def test_a_database_that_goes_away_while_one_waits_costs_only_the_answer(
    api: Client, live_version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pictures are kept: the program is told where to ask."""
    from webapp.api import predictions as module

    away = contextlib.ExitStack()

    def wait(ids: list[int], *, seconds: float) -> bool:
        away.enter_context(database_away())
        return True

    monkeypatch.setattr(module, "wait_until_answered", wait)
    with away:
        response = send(api, "red", headers={"Prefer": "wait=1"})
    assert response.status_code == 202
    assert api.get(response["Location"]).json()["state"] == "queued"


@pytest.mark.slow
@pytest.mark.on_postgres
def test_pages_answer_while_more_programs_wait_than_may(colours: Stack) -> None:
    """There is no worker, so all of them wait for their whole time."""
    key = colours.create_api_key("ada")
    colours.start("redis", "web")
    headers = {"Authorization": f"Bearer {key}", "Prefer": "wait=20"}

    def post(number: int) -> tuple[int, bool, float]:
        began = time.monotonic()
        reply = httpx.post(
            f"{colours.url}{UPLOAD}",
            headers=headers,
            files=[("pictures", (f"{number}.jpg", picture_bytes(size=(80 + number, 60))))],
            timeout=60,
        )
        return reply.status_code, "Preference-Applied" in reply.headers, time.monotonic() - began

    num_posts = 40 * processes.WEB_PROCESSES
    with colours.signed_in("ada") as ada, ThreadPoolExecutor(num_posts) as pool:
        replies = [pool.submit(post, number) for number in range(num_posts)]
        wait_for(lambda: colours.states() == {"queued": num_posts}, what="all uploads")
        began = time.monotonic()
        assert ada.get("/history/").status_code == 200
        assert httpx.get(f"{colours.url}/healthz", timeout=5).status_code == 200
        assert time.monotonic() - began < 3
        results = [reply.result() for reply in replies]
    assert {status for status, _, _ in results} == {202}
    waited = [seconds for _, has_waited, seconds in results if has_waited]
    sent_on = [seconds for _, has_waited, seconds in results if not has_waited]
    # They are not shared out evenly among the processes; none has more than 24 that wait.
    assert 24 <= len(waited) <= 24 * processes.WEB_PROCESSES
    assert min(waited) >= 20
    assert sent_on
