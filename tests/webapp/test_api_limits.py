"""How often programs may call the API, and what they are told of it."""

import contextlib
import logging
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.test import Client
from pytest_django import Settings

from tests.redis_server import redis_server
from tests.stack import Stack
from tests.webapp.counts import count
from tests.webapp.programs import api_client, assert_problem, send
from webapp import broker
from webapp.accounts.models import User
from webapp.recognizers.models import ModelVersion

LIST = "/api/v1/recognizers"
ELSEWHERE = "203.0.113.7"


@pytest.fixture(autouse=True)
def _no_word_from_other_tests() -> Iterator[None]:
    broker.quick_client.cache_clear()
    broker.silence.end()
    yield
    broker.quick_client.cache_clear()
    broker.silence.end()


@pytest.fixture
def redis(redis_socket: Path) -> Iterator[None]:
    with redis_server(redis_socket):
        yield


def test_a_key_has_so_many_calls_in_a_window_and_is_told_what_is_left(
    api: Client, other: User, redis: None, settings: Settings
) -> None:
    settings.API_CALLS_PER_KEY = 3
    left = []
    for _ in range(3):
        response = api.get(LIST)
        assert response.status_code == 200
        assert response["RateLimit-Policy"] == '"key";q=3;w=60'
        [(num_left, seconds)] = re.findall(r'"key";r=(\d);t=(\d+)', response["RateLimit"])
        left.append(int(num_left))
        assert 50 < int(seconds) <= 60
    assert left == [2, 1, 0]
    for path in (LIST, "/api/v1/openapi.json"):
        response = api.get(path)
        sentence = assert_problem(response, 429, "rate_limited")
        assert "at most 3 calls in 60 seconds" in sentence
        assert 50 < int(response["Retry-After"]) <= 60
        assert f"t={response['Retry-After']}" in response["RateLimit"]
    assert api_client(other).get(LIST).status_code == 200


def test_a_refusal_for_another_reason_tells_what_is_left_too(api: Client, redis: None) -> None:
    response = api.get(f"{LIST}/no-such")
    assert_problem(response, 404, "not_found")
    assert response["RateLimit"].startswith('"key";r=1199;')
    assert "q=1200" in api.put(LIST)["RateLimit-Policy"]


def test_the_share_comes_back_when_the_window_is_over(
    api: Client, redis: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from webapp.api import limits

    monkeypatch.setattr(limits, "WINDOW_SECONDS", 1)
    settings.API_CALLS_PER_KEY = 1
    assert api.get(LIST).status_code == 200
    began = time.monotonic()
    response = api.get(LIST)
    while response.status_code == 429:  # the refused calls do not put the end off
        assert time.monotonic() - began < 5
        assert response["Retry-After"] == "1"
        response = api.get(LIST)
    assert response.status_code == 200


def test_an_address_has_its_share_whatever_keys_it_brings(
    owner: User, other: User, redis: None, settings: Settings
) -> None:
    settings.API_CALLS_PER_ADDRESS = 3
    here = {"REMOTE_ADDR": ELSEWHERE}
    made_up = f"Bearer ocl_{'a' * 43}"
    assert api_client(owner, **here).get(LIST).status_code == 200
    assert Client(**here).get(LIST).status_code == 401
    refused = Client(headers={"Authorization": made_up}, **here).get(LIST)
    assert refused.status_code == 401
    assert refused["RateLimit"].startswith('"address";r=0;t=')
    for client in (api_client(other, **here), Client(**here)):
        assert_problem(client.get(LIST), 429, "rate_limited")
    elsewhere = api_client(owner, REMOTE_ADDR="203.0.113.8")
    assert elsewhere.get(LIST).status_code == 200
    # The machine itself, and a web server in front that is not counted, are nobody in particular.
    for _ in range(4):
        assert api_client(owner).get(LIST).status_code == 200


def test_behind_a_web_server_the_callers_address_counts(
    owner: User, redis: None, settings: Settings
) -> None:
    settings.API_CALLS_PER_ADDRESS, settings.PROXIES = 1, 1
    api = api_client(owner)
    for made_up in ("", "10.0.0.1, ", "10.0.0.2, "):
        headers = {"X-Forwarded-For": f"{made_up}{ELSEWHERE}"}
        assert api.get(LIST, headers=headers).status_code == (429 if made_up else 200)


def test_made_up_keys_leave_nothing_behind_once_their_address_is_over(
    redis: None, settings: Settings
) -> None:
    settings.API_CALLS_PER_ADDRESS = 2
    for number in range(10):
        key = f"ocl_{number:043}"
        Client(headers={"Authorization": f"Bearer {key}"}, REMOTE_ADDR=ELSEWHERE).get(
            "/api/v1/openapi.json"
        )
    names = [name.decode() for name in broker.quick_client().scan_iter("*calls:*")]
    assert len([name for name in names if ":key:" in name]) == 2
    assert all(broker.quick_client().pttl(name) > 0 for name in names)
    assert not any("ocl_" in name for name in names)


def test_an_upload_that_is_one_too_many_is_counted_as_refused(
    api: Client, live_version: ModelVersion, redis: None, settings: Settings
) -> None:
    settings.API_CALLS_PER_KEY = 1
    before = count("uploads_refused_total", reason="rate_limited")
    assert send(api, "red").status_code == 202
    assert_problem(send(api, "blue"), 429, "rate_limited")
    assert count("uploads_refused_total", reason="rate_limited") == before + 1


def test_without_limits_nobody_is_counted(api: Client, redis: None, settings: Settings) -> None:
    settings.API_CALLS_PER_KEY = settings.API_CALLS_PER_ADDRESS = 0
    response = api.get(LIST)
    assert response.status_code == 200
    assert "RateLimit" not in response
    assert not list(broker.quick_client().scan_iter("*calls:*"))


def test_without_redis_all_calls_go_through(
    api: Client, redis_socket: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.API_CALLS_PER_KEY = 1
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            response = api.get(LIST)
            assert response.status_code == 200
            assert "RateLimit" not in response
    assert caplog.text.count("calls of the API are not counted") == 1  # and Redis left alone
    broker.silence.end()
    with redis_server(redis_socket):
        assert api.get(LIST).status_code == 200
        assert_problem(api.get(LIST), 429, "rate_limited")


def test_a_redis_that_hangs_holds_up_one_call_and_not_for_long(
    api: Client, redis_socket: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(redis_socket))
        silent.listen()
        seconds = []
        for _ in range(4):
            began = time.monotonic()
            assert api.get(LIST).status_code == 200
            seconds.append(time.monotonic() - began)
    assert 0.4 < seconds[0] < 1.5
    assert max(seconds[1:]) < 0.4


def test_a_redis_that_lost_its_scripts_or_a_windows_end_counts_on(
    api: Client, redis: None, settings: Settings
) -> None:
    settings.API_CALLS_PER_KEY = 3
    api.get(LIST)
    client = broker.quick_client()
    client.script_flush()
    [name] = list(client.scan_iter("*calls:key:*"))
    client.persist(name)
    assert api.get(LIST)["RateLimit"] == '"key";r=1;t=60'
    assert client.pttl(name) > 0


@pytest.mark.slow
def test_all_web_processes_count_together(stack: Stack) -> None:
    stack.create_users("ada")
    key = stack.create_api_key("ada")
    num_calls = 40
    stack.environment["OCELLUS_API_CALLS_PER_KEY"] = str(num_calls)
    stack.start("redis", "web")
    with contextlib.ExitStack() as opened:
        # A connection stays with its process, so several find several.
        clients = [opened.enter_context(httpx.Client(base_url=stack.url)) for _ in range(8)]
        headers = {"Authorization": f"Bearer {key}"}
        replies = [
            clients[number % 8].get(LIST, headers=headers) for number in range(num_calls + 10)
        ]
    assert [reply.status_code for reply in replies] == [200] * num_calls + [429] * 10
    left = [int(re.findall(r"r=(\d+)", reply.headers["RateLimit"])[0]) for reply in replies]
    assert left == [*range(num_calls - 1, -1, -1), *([0] * 10)]
