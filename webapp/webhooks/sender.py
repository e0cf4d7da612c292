"""Sends what waits, beside the worker's answers: a few webhooks at a time, each in a thread of its own,
which may die at any moment."""

import hashlib
import hmac
import json
import logging
import threading
import time
import uuid

from django.conf import settings
from django.db import connection
from django.utils import timezone, translation
from ninja.responses import NinjaJSONEncoder

from webapp import outside
from webapp.api.shapes import PredictionShape, shown
from webapp.database import drop_dead_connection
from webapp.outside import OutsideRefused
from webapp.predictions.models import Prediction
from webapp.webhooks import outbox
from webapp.webhooks.models import Delivery, Webhook

logger = logging.getLogger(__name__)

EVERY_SECONDS = 1.0
SWEEP_EVERY_SECONDS = 3600.0
# What is not done by then is done in the next rounds: others have to be started meanwhile.
SWEEP_SECONDS = 1.0
# Who never answers keeps one of these for ANSWER_SECONDS, and then rests for longer than that.
MAX_AT_ONCE = 8
ANSWER_SECONDS = 10.0
# Then others have their turn.
TURN_SECONDS = 10.0


class Sender:
    """One of a process. `round` starts what is due and waits for nothing."""

    def __init__(self) -> None:
        self._threads: dict[int, threading.Thread] = {}
        self._sweep_from = 0.0

    def round(self) -> None:
        self._threads = {pk: each for pk, each in self._threads.items() if each.is_alive()}
        num_free = MAX_AT_ONCE - len(self._threads)
        for pk in outbox.webhooks_due(size=num_free, without=list(self._threads)):
            thread = threading.Thread(
                target=_serve_in_thread, args=[pk], name=f"webhook {pk}", daemon=True
            )
            self._threads[pk] = thread
            thread.start()
        if time.monotonic() >= self._sweep_from:
            is_done = outbox.deliveries_sweep(until=time.monotonic() + SWEEP_SECONDS)
            self._sweep_from = time.monotonic() + (SWEEP_EVERY_SECONDS if is_done else 0)


def serve(pk: int) -> int:
    """Send a webhook what waits for it, one after another, until one fails or its turn is over;
    returns how many were taken."""
    claim = uuid.uuid4()
    webhook = outbox.webhook_claim(pk=pk, claim=claim)
    if webhook is None:
        return 0
    num_taken = 0
    ends_at = time.monotonic() + TURN_SECONDS
    try:
        while time.monotonic() < ends_at and (delivery := outbox.delivery_next(webhook)):
            if not outbox.claim_renew(claim=claim):
                break
            if not _send(webhook, delivery):
                break
            num_taken += 1
    finally:
        outbox.claim_release(claim=claim)
    return num_taken


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What the receiver computes too, to know who has sent it and when."""
    signed = timestamp.encode() + b"." + body
    return "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _send(webhook: Webhook, delivery: Delivery) -> bool:
    """One try; False where it failed."""
    row = _prediction(webhook, delivery)
    if delivery.prediction is not None and row is None:
        outbox.delivery_drop(delivery)
        return True
    if row is not None and not row.is_answered:
        outbox.delivery_postpone(delivery)
        return True
    body = _body(delivery, row)
    timestamp = str(int(timezone.now().timestamp()))
    status, error = None, None
    try:
        status = outside.post(
            webhook.url,
            body=body,
            headers={
                "Content-Type": "application/json",
                "Ocellus-Delivery": str(delivery.public_id),
                "Ocellus-Timestamp": timestamp,
                "Ocellus-Signature": signature(webhook.secret, timestamp, body),
            },
            seconds=ANSWER_SECONDS,
            allow_private=settings.PRIVATE_WEBHOOKS,
        )
    except OutsideRefused as refused:
        error = refused
    if status is not None and 200 <= status < 300:
        outbox.delivery_succeed(delivery, status=status)
        return True
    outbox.delivery_fail(delivery, status=status, error=error)
    return False


def _prediction(webhook: Webhook, delivery: Delivery) -> Prediction | None:
    if delivery.prediction is None:
        return None
    rows = Prediction.objects.present().filter(
        owner=webhook.owner_id, public_id=delivery.prediction
    )
    return shown(rows, with_why=False).first()


def _body(delivery: Delivery, row: Prediction | None) -> bytes:
    """What a prediction is at this moment; the API shows the same. Nobody asks here who could name a
    language, so the sentences are English."""
    event = f"prediction.{row.state}" if row else "webhook.test"
    prediction = None
    if row:
        with translation.override("en"):
            shape = PredictionShape.of(row, row.recognizer, with_why=False)
            prediction = shape.model_dump(exclude={"why"})
    content = {"event": event, "delivery": str(delivery.public_id), "prediction": prediction}
    return json.dumps(content, cls=NinjaJSONEncoder, ensure_ascii=False).encode()


def _serve_in_thread(pk: int) -> None:
    try:
        drop_dead_connection()
        serve(pk)
    except Exception:
        # What is not recorded is sent again; a thread that died would say so to nobody.
        logger.exception("The webhook %d could not be served", pk)
    finally:
        connection.close()
