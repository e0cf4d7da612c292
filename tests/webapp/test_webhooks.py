"""Webhooks: what is written down with answers, and how it is sent."""

import hashlib
import hmac
import json
import socket
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from pytest_django import DjangoAssertNumQueries, Settings

from tests.stack import ROOT, free_port
from tests.waiting import wait_for
from tests.webapp.foreign import ForeignServer, says
from tests.webapp.rows import rows_of
from tests.webapp.test_history_plans import plan_of
from webapp.accounts.models import User
from webapp.belongings.leaving import account_leave, leave_finish
from webapp.outside import OutsideRefused, post
from webapp.predictions import claims, failures
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.claims import (
    predictions_claim,
    predictions_record,
    predictions_requeue_lost,
)
from webapp.predictions.handover import predictions_hand_over
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.webhooks import outbox, sender, services
from webapp.webhooks.models import Delivery, Webhook
from webapp.webhooks.notes import completions_note
from webapp.webhooks.services import (
    MAX_WEBHOOKS,
    TooManyWebhooks,
    webhook_create,
    webhook_remove,
    webhook_resume,
    webhook_test,
)

Upload = Callable[..., list[Prediction]]
State = Delivery.State


@pytest.fixture
def receiver(settings: Settings) -> Iterator[ForeignServer]:
    """Of the owner's; on this machine, which has to be allowed."""
    settings.PRIVATE_WEBHOOKS = True
    with ForeignServer(says(b"thanks")) as server:
        yield server


@pytest.fixture
def webhook(owner: User, receiver: ForeignServer) -> Webhook:
    return webhook_create(owner=owner, url=receiver.url("/hook"))


def note(webhook: Webhook, *rows: Prediction) -> None:
    completions_note([(row.owner_id, row.public_id) for row in rows])


def again(webhook: Webhook) -> None:
    """The time passes until it is tried again."""
    Delivery.objects.filter(state=State.WAITING).update(due_at=timezone.now())
    Webhook.objects.update(rests_until=None)
    webhook.refresh_from_db()


# What is written down


def test_what_a_worker_answers_is_written_down_with_the_answer(
    webhook: Webhook, live_version: ModelVersion, upload_of: Upload
) -> None:
    rows = upload_of("red", "blue")
    assert not Delivery.objects.exists()
    answer_all_queued()
    noted = set(Delivery.objects.values_list("webhook", "prediction"))
    assert noted == {(webhook.pk, row.public_id) for row in rows}


def test_only_those_are_told_whose_pictures_they_are(
    webhook: Webhook, other: User, live_version: ModelVersion, upload_of: Upload
) -> None:
    upload_of("red", by=other)
    answer_all_queued()
    assert not Delivery.objects.exists()


def test_what_is_answered_or_failed_at_the_upload_is_written_down_too(
    webhook: Webhook, live_version: ModelVersion, upload_of: Upload, owner: User
) -> None:
    upload_of("red")
    answer_all_queued()
    Delivery.objects.all().delete()
    [repeat] = upload_of("red")
    assert repeat.state == "done"
    assert Delivery.objects.get().prediction == repeat.public_id


def test_what_is_given_up_is_written_down(
    webhook: Webhook, live_version: ModelVersion, upload_of: Upload
) -> None:
    [row] = upload_of("red")
    past = timezone.now() - timedelta(minutes=1)
    Prediction.objects.update(
        state="running", attempts=3, claim=uuid.uuid4(), lease_expires_at=past
    )
    assert predictions_requeue_lost() == 1
    assert Delivery.objects.get().prediction == row.public_id


def test_neither_an_answer_nor_its_note_is_kept_without_the_other(
    webhook: Webhook,
    live_version: ModelVersion,
    upload_of: Upload,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [row] = upload_of("red")
    claim = uuid.uuid4()
    [claimed] = predictions_claim(size=1, claim=claim)
    claimed.state, claimed.label = "done", "red"

    def fail(*args: Any, **options: Any) -> None:
        raise IntegrityError

    with monkeypatch.context() as patch:
        patch.setattr(claims, "completions_note", fail)
        with pytest.raises(IntegrityError):
            predictions_record(claim=claim, answered=[claimed])
    row.refresh_from_db()
    assert row.state == "running"
    assert predictions_record(claim=claim, answered=[claimed])
    assert predictions_record(claim=claim, answered=[claimed]) == []  # once
    assert Delivery.objects.count() == 1


def test_who_gets_a_picture_while_it_runs_is_told_of_its_answer(
    webhook: Webhook, other: User, live_version: ModelVersion, upload_of: Upload
) -> None:
    """A guest who signs in: the worker has read whose it was before."""
    [row] = upload_of("red", by=other)
    claim = uuid.uuid4()
    [claimed] = predictions_claim(size=1, claim=claim)
    predictions_hand_over(giver=other, taker=webhook.owner)
    claimed.state, claimed.label = "done", "red"
    predictions_record(claim=claim, answered=[claimed])
    noted = Delivery.objects.get()
    assert (noted.webhook_id, noted.prediction) == (webhook.pk, row.public_id)


def test_who_has_no_webhook_pays_one_small_query_a_batch(
    live_version: ModelVersion,
    upload_of: Upload,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    upload_of("red", "blue")
    claim = uuid.uuid4()
    rows = predictions_claim(size=2, claim=claim)
    for row in rows:
        row.state = "done"
    with django_assert_num_queries(2):
        predictions_record(claim=claim, answered=rows)


def test_a_paused_webhook_gets_nothing_new(webhook: Webhook, recognizer: Recognizer) -> None:
    Webhook.objects.update(paused_at=timezone.now())
    note(webhook, *rows_of(webhook.owner, recognizer, 1))
    assert not Delivery.objects.exists()


# What is sent


def test_an_answer_is_sent_signed(
    webhook: Webhook, receiver: ForeignServer, live_version: ModelVersion, upload_of: Upload
) -> None:
    [row] = upload_of("red")
    answer_all_queued()
    delivery = Delivery.objects.get()
    assert sender.serve(webhook.pk) == 1
    [head], [body] = receiver.requests, receiver.bodies
    lines = head.split("\r\n")
    assert lines[0] == "POST /hook HTTP/1.1"
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert headers["Content-Type"] == "application/json"
    assert headers["Ocellus-Delivery"] == str(delivery.public_id)
    timestamp = headers["Ocellus-Timestamp"]
    assert abs(time.time() - int(timestamp)) < 60
    digest = hmac.new(webhook.secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    assert headers["Ocellus-Signature"] == f"v1={digest.hexdigest()}"
    content = json.loads(body)
    assert content["event"] == "prediction.done"
    assert content["delivery"] == str(delivery.public_id)
    assert content["prediction"]["id"] == str(row.public_id)
    assert content["prediction"]["label"] == "red"
    assert "why" not in content["prediction"]
    delivery.refresh_from_db()
    assert (delivery.state, delivery.status, delivery.num_tries) == (State.DELIVERED, 200, 1)
    assert sender.serve(webhook.pk) == 0
    assert len(receiver.requests) == 1


def test_a_picture_that_failed_is_told_with_its_reason(
    webhook: Webhook, receiver: ForeignServer, recognizer: Recognizer
) -> None:
    rows = rows_of(webhook.owner, recognizer, 1, state="failed", label="", failure_code="gave_up")
    note(webhook, *rows)
    with translation.override("zh-hans"):  # whatever the process speaks, the sentence is English
        sender.serve(webhook.pk)
    content = json.loads(receiver.bodies[0])
    assert content["event"] == "prediction.failed"
    assert content["prediction"]["failure"]["code"] == "gave_up"
    with translation.override("en"):
        assert content["prediction"]["failure"]["sentence"] == failures.sentence("gave_up", {})


def test_what_was_deleted_meanwhile_is_told_to_nobody(
    webhook: Webhook, receiver: ForeignServer, recognizer: Recognizer
) -> None:
    note(webhook, *rows_of(webhook.owner, recognizer, 1, deleted_at=timezone.now()))
    sender.serve(webhook.pk)
    assert not receiver.requests
    assert Delivery.objects.get().state == State.DROPPED


def test_what_is_not_answered_after_all_waits(
    webhook: Webhook, receiver: ForeignServer, recognizer: Recognizer
) -> None:
    note(webhook, *rows_of(webhook.owner, recognizer, 1, state="queued"))
    sender.serve(webhook.pk)
    assert not receiver.requests
    row = Delivery.objects.get()
    assert (row.state, row.num_tries) == (State.WAITING, 0)
    assert row.due_at > timezone.now()


@pytest.mark.parametrize("status", ["500 Oh", "404 No", "302 Elsewhere"])
def test_what_is_refused_is_sent_again_later_under_the_same_number(
    webhook: Webhook, receiver: ForeignServer, recognizer: Recognizer, status: str
) -> None:
    receiver.otherwise = says(status=status)
    note(webhook, *rows_of(webhook.owner, recognizer, 2))
    sender.serve(webhook.pk)
    assert len(receiver.requests) == 1  # the other one waits as well: nobody is there
    [first] = Delivery.objects.filter(num_tries=1)
    assert first.state == State.WAITING
    assert status[:3] in first.outcome
    assert timedelta(seconds=11) < first.due_at - timezone.now() < timedelta(seconds=19)
    assert outbox.webhooks_due(size=9) == []
    receiver.otherwise = says()
    again(webhook)
    assert outbox.webhooks_due(size=9) == [webhook.pk]
    assert sender.serve(webhook.pk) == 2
    numbers = [head.split("Ocellus-Delivery: ")[1].split("\r\n")[0] for head in receiver.requests]
    assert numbers.count(str(first.public_id)) == 2
    webhook.refresh_from_db()
    assert (webhook.num_failures, webhook.rests_until) == (0, None)


def test_tries_get_rarer_and_end_after_about_a_day(
    webhook: Webhook, receiver: ForeignServer, recognizer: Recognizer
) -> None:
    receiver.otherwise = says(status="503 Later")
    note(webhook, *rows_of(webhook.owner, recognizer, 1))
    waits = []
    for _ in range(outbox.MAX_TRIES):
        again(webhook)
        sender.serve(webhook.pk)
        waits.append((Delivery.objects.get().due_at - timezone.now()).total_seconds())
    row = Delivery.objects.get()
    assert (row.state, row.num_tries) == (State.GIVEN_UP, outbox.MAX_TRIES)
    assert 16 * 3600 < sum(waits[:-1]) < 30 * 3600
    assert waits[:-1] == sorted(waits[:-1])


def test_a_webhook_where_nobody_is_is_paused_and_goes_on_when_it_is_switched_on(
    webhook: Webhook, receiver: ForeignServer, recognizer: Recognizer
) -> None:
    receiver.otherwise = says(status="410 Gone")
    note(webhook, *rows_of(webhook.owner, recognizer, outbox.PAUSED_AFTER + 1))
    Delivery.objects.update(num_tries=outbox.MAX_TRIES - 1)
    for _ in range(outbox.PAUSED_AFTER):
        again(webhook)
        sender.serve(webhook.pk)
    webhook.refresh_from_db()
    assert not webhook.is_active
    again(webhook)
    assert outbox.webhooks_due(size=9) == []
    assert sender.serve(webhook.pk) == 0
    receiver.otherwise = says()
    assert webhook_resume(owner=webhook.owner, public_id=webhook.public_id)
    assert sender.serve(webhook.pk) == 1
    assert Delivery.objects.filter(state=State.GIVEN_UP).count() == outbox.PAUSED_AFTER


def test_an_address_that_is_private_by_now_gets_nothing(
    webhook: Webhook, receiver: ForeignServer, recognizer: Recognizer, settings: Settings
) -> None:
    """It was checked when it was made; a name may stand for something else since."""
    settings.PRIVATE_WEBHOOKS = False
    note(webhook, *rows_of(webhook.owner, recognizer, 1))
    sender.serve(webhook.pk)
    assert not receiver.requests
    row = Delivery.objects.get()
    assert row.failure_code == "address_private"
    assert "private network" in row.outcome


def test_two_processes_never_send_to_the_same_webhook_at_once(
    webhook: Webhook, receiver: ForeignServer, recognizer: Recognizer
) -> None:
    note(webhook, *rows_of(webhook.owner, recognizer, 1))
    claim = uuid.uuid4()
    assert outbox.webhook_claim(pk=webhook.pk, claim=claim)
    assert outbox.webhook_claim(pk=webhook.pk, claim=uuid.uuid4()) is None
    assert outbox.webhooks_due(size=9) == []
    assert sender.serve(webhook.pk) == 0
    outbox.claim_release(claim=claim)
    assert sender.serve(webhook.pk) == 1


def test_what_a_dead_process_was_sending_is_sent_again(
    webhook: Webhook, receiver: ForeignServer, recognizer: Recognizer
) -> None:
    note(webhook, *rows_of(webhook.owner, recognizer, 1))
    assert outbox.webhook_claim(pk=webhook.pk, claim=uuid.uuid4())
    past = timezone.now() - timedelta(seconds=1)
    Webhook.objects.update(lease_expires_at=past)
    assert outbox.webhooks_due(size=9) == [webhook.pk]
    assert sender.serve(webhook.pk) == 1


def test_one_that_is_removed_while_it_is_served_gets_no_more(
    webhook: Webhook, receiver: ForeignServer, recognizer: Recognizer
) -> None:
    note(webhook, *rows_of(webhook.owner, recognizer, 3))
    receiver.otherwise = says()
    really = outbox.delivery_succeed

    def remove(delivery: Delivery, *, status: int) -> None:
        really(delivery, status=status)
        webhook_remove(owner=webhook.owner, public_id=webhook.public_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outbox, "delivery_succeed", remove)
        sender.serve(webhook.pk)
    assert len(receiver.requests) == 1
    assert not Delivery.objects.exists()


def test_turns_go_round(owner: User, receiver: ForeignServer, recognizer: Recognizer) -> None:
    first, second = (webhook_create(owner=owner, url=receiver.url(f"/{n}")) for n in (1, 2))
    completions_note([(owner.pk, row.public_id) for row in rows_of(owner, recognizer, 1)])
    assert outbox.webhooks_due(size=1) == [first.pk]
    Webhook.objects.filter(pk=first.pk).update(served_at=timezone.now())
    assert outbox.webhooks_due(size=9) == [second.pk, first.pk]
    assert outbox.webhooks_due(size=9, without=[second.pk]) == [first.pk]


def test_old_deliveries_are_swept(webhook: Webhook, recognizer: Recognizer) -> None:
    note(webhook, *rows_of(webhook.owner, recognizer, 3))
    old = timezone.now() - timedelta(days=8)
    pks = list(Delivery.objects.values_list("pk", flat=True)[:2])
    Delivery.objects.filter(pk__in=pks).update(created_at=old)
    assert outbox.deliveries_sweep(until=time.monotonic() + 10)
    assert Delivery.objects.count() == 1


# However much waits


def long_queue(webhook: Webhook) -> None:
    """What a large import leaves where an address is dead."""
    past = timezone.now() - timedelta(hours=1)
    rows = (
        Delivery(webhook=webhook, prediction=uuid.uuid4(), due_at=past + timedelta(seconds=n))
        for n in range(2000)
    )
    Delivery.objects.bulk_create(rows)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {Delivery._meta.db_table}")


@pytest.mark.parametrize("is_tested", [False, True])
def test_what_is_next_is_found_by_an_index_and_never_sorted(
    webhook: Webhook, is_tested: bool
) -> None:
    long_queue(webhook)
    if is_tested:
        webhook_test(owner=webhook.owner, public_id=webhook.public_id)
    with CaptureQueriesContext(connection) as queries:
        delivery = outbox.delivery_next(webhook)
    assert delivery
    assert (delivery.prediction is None) == is_tested
    plans = [" / ".join(plan_of(query["sql"])) for query in queries]
    # Both name the tests by themselves; SQLite calls the second by a number.
    tests = ("one_test_at_a_time", "one_delivery_per_prediction", "webhook_id=? AND prediction=?")
    assert any(name in plans[0] for name in tests), plans
    assert all("TEMP B-TREE" not in plan for plan in plans), plans
    assert len(plans) == (1 if is_tested else 2)
    assert is_tested or "delivery_waiting" in plans[1], plans


def test_a_test_that_rests_holds_nothing_up(webhook: Webhook, receiver: ForeignServer) -> None:
    later = timezone.now() + timedelta(minutes=1)
    Delivery.objects.create(webhook=webhook, due_at=later)
    other = Delivery.objects.create(webhook=webhook, prediction=uuid.uuid4())
    assert outbox.delivery_next(webhook) == other


def test_what_is_due_already_is_not_written_when_a_webhook_is_switched_on(webhook: Webhook) -> None:
    now = timezone.now()
    past, future = now - timedelta(hours=1), now + timedelta(hours=4)
    for due_at in (past, future):
        Delivery.objects.create(webhook=webhook, prediction=uuid.uuid4(), due_at=due_at)
    assert webhook_resume(owner=webhook.owner, public_id=webhook.public_id)
    first, second = Delivery.objects.order_by("due_at")
    assert first.due_at == past
    assert now <= second.due_at <= timezone.now()
    assert not webhook_resume(owner=webhook.owner, public_id=uuid.uuid4())


def test_a_webhook_with_a_long_queue_is_gone_at_once_and_the_queue_in_the_next_rounds(
    owner: User, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "REMOVED_AT_ONCE", 1)
    monkeypatch.setattr(services, "REMOVE_SECONDS", -1.0)
    monkeypatch.setattr(sender, "SWEEP_SECONDS", -1.0)
    kept = webhook_create(owner=owner, url="https://example.org/")
    for each in (webhook, webhook, webhook, kept):
        Delivery.objects.create(
            webhook=each, prediction=uuid.uuid4(), due_at=timezone.now() + timedelta(hours=1)
        )
    assert webhook_remove(owner=owner, public_id=webhook.public_id)
    assert not webhook_remove(owner=owner, public_id=webhook.public_id)
    assert list(Webhook.objects.all()) == [kept]
    assert Delivery.objects.count() == 3
    sending = sender.Sender()
    for num_left in (2, 1, 1):
        sending.round()
        assert Delivery.objects.count() == num_left
    assert Delivery.objects.get().webhook == kept


def test_who_leaves_with_a_long_queue_goes_in_steps(
    owner: User, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "REMOVED_AT_ONCE", 1)
    for _ in range(2):
        Delivery.objects.create(webhook=webhook, prediction=uuid.uuid4())
    account_leave(user=owner)
    assert not leave_finish(seconds=-1, only=owner)
    assert Delivery.objects.count() == 1
    assert leave_finish(seconds=10, only=owner)
    assert not Delivery.objects.exists()
    assert not Webhook.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_webhook_that_never_answers_holds_nothing_up(
    webhook: Webhook,
    receiver: ForeignServer,
    recognizer: Recognizer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither the worker, whose round waits for nothing, nor the others."""
    monkeypatch.setattr(sender, "ANSWER_SECONDS", 100.0)
    webhook_create(owner=webhook.owner, url=receiver.url("/silent"))
    let_go = threading.Event()

    def say_nothing(line: socket.socket) -> None:
        let_go.wait(100)

    receiver.answers["/silent"] = say_nothing
    note(webhook, *rows_of(webhook.owner, recognizer, 3))
    sending = sender.Sender()
    sending.round()
    told = Delivery.objects.filter(webhook=webhook, state=State.DELIVERED)
    wait_for(lambda: told.count() == 3, what="the other webhook's turn")
    wait_for(lambda: len(receiver.requests) == 4, what="the silent one's turn")
    sending.round()
    assert any(thread.is_alive() for thread in sending._threads.values())
    let_go.set()
    for thread in sending._threads.values():
        thread.join(30)
    paths = [head.split(" ")[1] for head in receiver.requests]
    assert (paths.count("/silent"), paths.count("/hook")) == (1, 3)


# Whose they are


def test_an_address_of_a_private_network_is_refused_from_the_start(owner: User) -> None:
    for url in ("http://127.0.0.1/", "https://[::1]/", "http://10.0.0.1:8000/"):
        with pytest.raises(OutsideRefused) as caught:
            webhook_create(owner=owner, url=url)
        assert caught.value.code == "address_private"


def test_a_person_has_five_at_most(owner: User, other: User) -> None:
    for number in range(MAX_WEBHOOKS):
        webhook_create(owner=owner, url=f"https://example.org/{number}")
    with pytest.raises(TooManyWebhooks):
        webhook_create(owner=owner, url="https://example.org/more")
    webhook_create(owner=other, url="https://example.org/")


def test_one_test_waits_at_a_time(webhook: Webhook, receiver: ForeignServer) -> None:
    for _ in range(2):
        assert webhook_test(owner=webhook.owner, public_id=webhook.public_id)
    assert Delivery.objects.count() == 1
    sender.serve(webhook.pk)
    assert json.loads(receiver.bodies[0])["event"] == "webhook.test"
    assert json.loads(receiver.bodies[0])["prediction"] is None
    webhook_test(owner=webhook.owner, public_id=webhook.public_id)
    assert Delivery.objects.filter(state=State.WAITING).count() == 1


def test_a_test_that_failed_is_sent_at_once_when_it_is_asked_for_again(
    webhook: Webhook, receiver: ForeignServer
) -> None:
    receiver.otherwise = says(status="500 Oh")
    webhook_test(owner=webhook.owner, public_id=webhook.public_id)
    sender.serve(webhook.pk)
    receiver.otherwise = says()
    assert webhook_test(owner=webhook.owner, public_id=webhook.public_id)
    assert Delivery.objects.get().is_on_its_way
    assert outbox.webhooks_due(size=9) == [webhook.pk]
    assert sender.serve(webhook.pk) == 1
    assert [json.loads(body)["event"] for body in receiver.bodies] == ["webhook.test"] * 2
    assert Delivery.objects.get().state == State.DELIVERED


def test_a_test_overtakes_what_waits_and_a_rest(
    webhook: Webhook, receiver: ForeignServer, recognizer: Recognizer
) -> None:
    receiver.otherwise = says(status="500 Oh")
    note(webhook, *rows_of(webhook.owner, recognizer, 2))
    sender.serve(webhook.pk)
    webhook_test(owner=webhook.owner, public_id=webhook.public_id)
    sender.serve(webhook.pk)
    assert json.loads(receiver.bodies[1])["event"] == "webhook.test"


def test_who_leaves_is_told_nothing_more_and_their_webhooks_go(
    webhook: Webhook, owner: User, receiver: ForeignServer, recognizer: Recognizer
) -> None:
    note(webhook, *rows_of(owner, recognizer, 2, picture_name=""))
    account_leave(user=owner)
    assert outbox.webhooks_due(size=9) == []
    assert sender.serve(webhook.pk) == 0
    assert not receiver.requests
    assert leave_finish(seconds=10, only=owner)
    assert not Webhook.objects.exists()
    assert not Delivery.objects.exists()
    assert not User.objects.filter(pk=owner.pk).exists()


def test_the_receiver_in_the_documentation_knows_what_is_ours() -> None:
    """The lines of docs/API.md, run with a request that is signed and with one that is not."""
    text = (ROOT / "docs" / "API.md").read_text()
    lines = text.split("    import hashlib, hmac, json, os, time\n")[1].split(
        "\n\nThe address has"
    )[0]
    code = "import hashlib, hmac, json, os, time\n" + textwrap.dedent(
        "\n".join(line.removeprefix("    ") for line in lines.splitlines())
    )
    port = free_port()
    environment = {"SECRET": "whs_a", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", code.replace("9000", str(port))],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as receiver:
        try:
            url, body = (
                f"http://127.0.0.1:{port}/",
                b'{"event": "webhook.test", "prediction": null}',
            )

            def told(secret: str, timestamp: str) -> int:
                headers = {
                    "Ocellus-Timestamp": timestamp,
                    "Ocellus-Signature": sender.signature(secret, timestamp, body),
                }
                return post(url, body=body, headers=headers, seconds=5, allow_private=True)

            def is_there() -> bool:
                try:
                    return told("whs_b", "0") == 401
                except OutsideRefused:
                    return False

            wait_for(is_there, what="the receiver")
            now = int(time.time())
            assert told("whs_a", str(now)) == 204
            assert told("whs_b", str(now)) == 401
            assert told("whs_a", str(now - 3600)) == 401
        finally:
            receiver.terminate()
            assert receiver.stdout
            assert receiver.stdout.read() == b"webhook.test None\n"
