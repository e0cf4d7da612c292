"""Who waits for an answer hears of it at once; without the message, only later."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from django.db import DatabaseError, connection
from pytest_django import Settings

from tests.redis_server import redis_server
from tests.waiting import wait_for
from webapp import broker
from webapp.predictions import tasks, waiting
from webapp.predictions.models import Prediction
from webapp.predictions.waiting import announce, wait_until_answered

Upload = Callable[..., list[Prediction]]


@pytest.fixture(autouse=True)
def _nothing_left(redis_socket: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No thread and no connection are left from other tests."""
    monkeypatch.setattr(waiting, "LINGER_SECONDS", 1.0)
    waiting._begin_anew()
    waiting._redis.cache_clear()
    yield
    waiting._begin_anew()
    waiting._redis.cache_clear()


def seconds_of(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def in_a_thread_that_waits(tell: Callable[[], None]) -> threading.Thread:
    """Calls `tell` once somebody waits and the process listens."""

    def run() -> None:
        wait_for(lambda: waiting._listener._waits, what="somebody who waits")
        tell()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_an_announced_answer_is_heard_of_at_once(
    upload_of: Upload, redis_socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking again is out of reach, so only the message can end the wait."""
    monkeypatch.setattr(waiting, "LOOK_AGAIN_SECONDS", 60.0)
    rows = upload_of("red", "green")
    listening = threading.Event()
    monkeypatch.setattr(waiting._listener, "_tell_all", listening.set)
    with redis_server(redis_socket):

        def tell() -> None:
            assert listening.wait(10)
            announce(rows[:1])
            announce(rows[1:])

        teller = in_a_thread_that_waits(tell)
        ids = [row.pk for row in rows]
        assert seconds_of(lambda: wait_until_answered(ids, seconds=30)) < 10
        teller.join()


def test_what_was_told_before_anybody_listened_is_seen_in_the_rows(
    upload_of: Upload, redis_socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer comes right after the first look and before the subscription."""
    monkeypatch.setattr(waiting, "LOOK_AGAIN_SECONDS", 60.0)
    monkeypatch.setattr(waiting, "LOOK_WHILE_DEAF_SECONDS", 60.0)
    [row] = upload_of("red")
    answer_after_the_first_look(monkeypatch)
    with redis_server(redis_socket):
        assert seconds_of(lambda: wait_until_answered([row.pk], seconds=30)) < 10


def test_one_answer_of_several_can_be_enough(
    upload_of: Upload, redis_socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "LOOK_AGAIN_SECONDS", 60.0)
    rows = upload_of("red", "green", "blue")
    ids = [row.pk for row in rows]
    listening = threading.Event()
    monkeypatch.setattr(waiting._listener, "_tell_all", listening.set)
    with redis_server(redis_socket):

        def tell() -> None:
            assert listening.wait(10)
            announce(rows[1:2])

        teller = in_a_thread_that_waits(tell)
        seconds = seconds_of(lambda: wait_until_answered(ids, seconds=30, is_one_enough=True))
        assert seconds < 10
        teller.join()


def test_whoever_cannot_hear_looks_more_often(
    upload_of: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "LOOK_AGAIN_SECONDS", 60.0)
    [row] = upload_of("red")
    answer_after_the_first_look(monkeypatch)
    assert seconds_of(lambda: wait_until_answered([row.pk], seconds=30)) < 10


def test_without_redis_an_answer_is_only_found_later(
    upload_of: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    [row] = upload_of("red")
    answer_after_the_first_look(monkeypatch)
    seconds = seconds_of(lambda: wait_until_answered([row.pk], seconds=30))
    assert 0.1 < seconds < 10


def answer_after_the_first_look(monkeypatch: pytest.MonkeyPatch) -> None:
    look = waiting._Wait.look

    def look_and_answer(self: waiting._Wait) -> None:
        look(self)
        Prediction.objects.update(state=Prediction.State.DONE)

    monkeypatch.setattr(waiting._Wait, "look", look_and_answer)


def test_nobody_waits_for_what_is_answered_or_gone(
    upload_of: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "LOOK_WHILE_DEAF_SECONDS", 60.0)
    rows = upload_of("red", "green", "blue")
    Prediction.objects.filter(pk=rows[0].pk).update(state=Prediction.State.DONE)
    Prediction.objects.filter(pk=rows[1].pk).update(state=Prediction.State.FAILED)
    Prediction.objects.filter(pk=rows[2].pk).delete()
    ids = [row.pk for row in rows]
    assert seconds_of(lambda: wait_until_answered(ids, seconds=30)) < 10


def test_the_time_runs_out(upload_of: Upload) -> None:
    [row] = upload_of("red")
    assert 0.9 < seconds_of(lambda: wait_until_answered([row.pk], seconds=1)) < 5


def test_a_database_that_stumbles_is_asked_again(
    upload_of: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    [row] = upload_of("red")
    answer_after_the_first_look(monkeypatch)
    queries: list[str] = []

    def fail_at_first(execute: Callable[..., object], sql: str, *more: object) -> object:
        queries.append(sql)
        if len(queries) == 1:
            raise DatabaseError("away")
        return execute(sql, *more)

    with connection.execute_wrapper(fail_at_first):
        assert seconds_of(lambda: wait_until_answered([row.pk], seconds=30)) < 10
    assert len([sql for sql in queries if sql.startswith("SELECT")]) == 2


def test_more_than_may_wait_are_sent_on_at_once(upload_of: Upload, settings: Settings) -> None:
    [row] = upload_of("red")
    settings.MAX_WAITING_REQUESTS = 0
    began = time.monotonic()
    assert not wait_until_answered([row.pk], seconds=30)
    assert time.monotonic() - began < 10


def test_pages_that_may_not_wait_ask_again_the_later_the_more_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    turns = waiting._Turns()
    delays = [turns.next_in() for _ in range(100)]
    assert delays[:3] == pytest.approx([0.2, 0.25, 0.3])
    assert delays[50:] == pytest.approx([2.0] * 50)
    now += 1
    assert turns.next_in() == pytest.approx(1.05)
    now += 2
    assert turns.next_in() == pytest.approx(0.2)  # the others have gone


def test_a_redis_that_is_started_anew_is_listened_to_again(
    upload_of: Upload, redis_socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [row] = upload_of("red")
    listening = threading.Semaphore(0)
    monkeypatch.setattr(waiting._listener, "_tell_all", listening.release)

    def tell() -> None:
        with redis_server(redis_socket):
            assert listening.acquire(timeout=10)
        with redis_server(redis_socket):
            assert listening.acquire(timeout=10)
            announce([row])

    teller = in_a_thread_that_waits(tell)
    assert seconds_of(lambda: wait_until_answered([row.pk], seconds=30)) < 25
    teller.join()


def num_connected(silent: socket.socket) -> int:
    """How many have connected since the last look."""
    silent.setblocking(False)
    num = 0
    with suppress(BlockingIOError):
        while True:
            silent.accept()[0].close()
            num += 1
    return num


def test_a_worker_is_not_held_up_by_a_redis_that_does_not_answer(
    upload_of: Upload, redis_socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = upload_of("red")
    monkeypatch.setattr(broker.silence, "SECONDS", 60.0)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(redis_socket))
        silent.listen()
        broker.silence.end()
        assert seconds_of(lambda: announce(rows)) < 10
        assert num_connected(silent) > 0
        announce(rows)
        assert num_connected(silent) == 0, "it leaves Redis alone for a moment"


def test_an_upload_is_not_held_up_again_and_again_by_a_redis_that_does_not_answer(
    upload_of: Upload, redis_socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = upload_of("red")
    monkeypatch.setattr(broker.silence, "SECONDS", 60.0)
    broker.quick_client.cache_clear()  # which knew of another test's server
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(redis_socket))
        silent.listen()
        broker.silence.end()
        assert seconds_of(tasks.nudge_inference) < 10
        assert num_connected(silent) > 0
        tasks.nudge_inference()
        announce(rows)  # nor by another word to it
        assert num_connected(silent) == 0
    broker.quick_client.cache_clear()


def test_a_worker_without_redis_answers_all_the_same(upload_of: Upload) -> None:
    announce(upload_of("red"))
    announce([])


def test_a_word_that_is_none_is_not_fatal(
    upload_of: Upload, redis_socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row stays unanswered, so only the announcement that follows can end the wait."""
    [row] = upload_of("red")
    listening = threading.Semaphore(0)
    monkeypatch.setattr(waiting._listener, "_tell_all", listening.release)
    with redis_server(redis_socket):

        def tell() -> None:
            assert listening.acquire(timeout=10)
            waiting._redis().publish(broker.installation_key("answered"), b"no number")
            assert listening.acquire(timeout=10)  # it has subscribed anew
            announce([row])

        teller = in_a_thread_that_waits(tell)
        assert seconds_of(lambda: wait_until_answered([row.pk], seconds=30)) < 20
        teller.join()


def test_the_thread_ends_when_nobody_has_waited_for_a_while(upload_of: Upload) -> None:
    [row] = upload_of("red")
    assert waiting._listener._thread is None
    wait_until_answered([row.pk], seconds=0.2)
    thread = waiting._listener._thread
    assert thread is not None
    thread.join(10)
    assert not thread.is_alive()
    assert waiting._listener._thread is None
    wait_until_answered([row.pk], seconds=0.2)
    assert waiting._listener._thread is not None


def test_a_forked_child_has_no_thread_and_nobody_who_waits() -> None:
    listener = waiting._listener
    listener._waits.add(waiting._Wait([1], num_enough=1))
    listener._thread = threading.current_thread()
    child = os.fork()
    if child == 0:
        fresh = waiting._listener
        os._exit(0 if fresh._thread is None and not fresh._waits else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert waiting._listener is listener
