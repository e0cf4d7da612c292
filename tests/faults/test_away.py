"""The broker or the database away for a while: what was accepted is answered afterwards, and what
cannot be kept is told so at once, in a sentence that says to try again."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests import with_postgres
from tests.bundles import colour_bundle
from tests.faults.pictures import assert_each_was_answered_once_and_rightly, pictures
from tests.stack import Stack
from tests.waiting import wait_for

AWAY_SECONDS = 8


@contextmanager
def program(stack: Stack) -> Iterator[httpx.Client]:
    """A program that uploads with a key."""
    stack.create_users("ada")
    headers = {"Authorization": f"Bearer {stack.create_api_key('ada')}"}
    with httpx.Client(base_url=stack.url, headers=headers, timeout=60) as client:
        yield client


def upload(client: httpx.Client, number: int, *, wait_seconds: int = 0) -> httpx.Response:
    return client.post(
        "/api/v1/predictions",
        files=[("pictures", file) for file in pictures(number)],
        headers={"Prefer": f"wait={wait_seconds}"} if wait_seconds else {},
    )


def assert_told_to_try_again(response: httpx.Response) -> None:
    assert response.status_code == 503, response.text
    assert response.headers["Content-Type"].startswith("application/problem+json")
    assert int(response.headers["Retry-After"]) > 0
    assert "in a moment" in response.json()["detail"]


@pytest.mark.slow
@pytest.mark.on_postgres
def test_with_the_broker_away_programs_are_told_where_to_ask_and_find_their_answers_there(
    stack: Stack,
) -> None:
    colour_bundle(stack.data_dir / "bundles" / "colours")
    stack.install("colours")
    stack.start("redis", "web", "inference")
    with program(stack) as client:
        assert upload(client, 1, wait_seconds=10).status_code == 201
        stack.stop("redis")
        kept = upload(client, 3, wait_seconds=1)
        assert kept.status_code == 202, kept.text
        assert {p["state"] for p in kept.json()["predictions"]} == {"queued"}
        time.sleep(AWAY_SECONDS)  # the fault itself
        stack.start("redis")
        urls = [p["url"] for p in kept.json()["predictions"]]
        for url in urls:
            answer = client.get(url, headers={"Prefer": "wait=30"})
            assert answer.json()["state"] == "done"
        assert upload(client, 1, wait_seconds=10).status_code == 201
    assert_each_was_answered_once_and_rightly(stack, 5)


@pytest.mark.slow
@pytest.mark.skipif(not with_postgres.is_installed(), reason="PostgreSQL is not installed")
def test_with_postgresql_away_new_pictures_are_refused_and_accepted_ones_answered_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with with_postgres.postgres_server() as server:
        monkeypatch.setenv("DATABASE_URL", server.url)
        with Stack(tmp_path / "installation") as stack, program(stack) as client:
            colour_bundle(stack.data_dir / "bundles" / "slow", is_slow=True)
            stack.install("slow")
            stack.start("redis", "web", "inference")
            stack.wait_for_workers()
            accepted = upload(client, 30)
            assert accepted.status_code == 202
            url = accepted.json()["predictions"][0]["url"]
            wait_for(lambda: stack.states().get("running"), what="a running batch")
            server.stop()
            began = time.monotonic()
            while time.monotonic() - began < AWAY_SECONDS:
                assert_told_to_try_again(upload(client, 1))
                assert_told_to_try_again(client.get(url))
            assert client.get("/healthz").status_code == 200
            server.start()
            wait_for(lambda: stack.states() == {"done": 30}, seconds=120, what="all answers")
            assert upload(client, 1, wait_seconds=20).status_code == 201
            assert_each_was_answered_once_and_rightly(stack, 31)
            # What was refused has left no picture behind.
            names = stack.query("SELECT picture_name FROM predictions_prediction")
            kept = list(stack.pictures_dir.rglob("*.jpg"))
            assert len(kept) == len(names)


@pytest.mark.slow
def test_a_sqlite_file_that_somebody_holds_locked_refuses_new_pictures_and_loses_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with Stack(tmp_path / "installation") as stack, program(stack) as client:
        colour_bundle(stack.data_dir / "bundles" / "colours")
        stack.install("colours")
        stack.start("redis", "web")
        assert upload(client, 4).status_code == 202
        stack.start("inference")
        path = stack.data_dir / "ocellus.sqlite3"
        with closing(sqlite3.connect(path, timeout=20, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            assert_told_to_try_again(upload(client, 1))
            holder.execute("ROLLBACK")
        wait_for(lambda: stack.states() == {"done": 4}, seconds=60, what="all answers")
        assert upload(client, 1, wait_seconds=20).status_code == 201
        assert_each_was_answered_once_and_rightly(stack, 5)
