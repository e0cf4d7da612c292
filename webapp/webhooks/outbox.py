"""Which deliveries are due, whose turn it is, and what came of a try.

A process claims a webhook, not a delivery: so no address ever gets two at a time, and one that is slow
keeps only itself waiting. A claim whose process died is free again when its lease has run out; what it
may have sent is sent again, under the same number.
"""

import random
import time
import uuid
from collections.abc import Collection
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from webapp.outside import OutsideRefused
from webapp.webhooks.models import Delivery, Webhook

State = Delivery.State

LEASE = timedelta(seconds=30)
# After each failed try of a delivery: 15 seconds, a minute, 4, 16, an hour, 4, 17: about a day in all.
FIRST_DELAY_SECONDS, DELAY_GROWS_BY = 15.0, 4
MAX_TRIES = 8
# The webhook itself rests as well, so that many deliveries to a dead address cost little.
FIRST_REST_SECONDS, LONGEST_REST_SECONDS = 15.0, 900.0
# That many given up one after another: nobody is there.
PAUSED_AFTER = 5
KEPT = timedelta(days=7)
REMOVED_AT_ONCE = 1000


def webhooks_due(*, size: int, without: Collection[int] = ()) -> list[int]:
    """Up to `size` webhooks that something waits for and nobody sends to; who had no turn for the
    longest time comes first. `without`: those that this process is busy with."""
    if size < 1:
        return []
    due = Delivery.objects.filter(_is_due(), webhook=OuterRef("pk"))
    webhooks = Webhook.objects.filter(_is_free(), Exists(due), owner__is_active=True)
    in_turn = webhooks.exclude(pk__in=without).order_by(F("served_at").asc(nulls_first=True), "pk")
    return list(in_turn.values_list("pk", flat=True)[:size])


def webhook_claim(*, pk: int, claim: uuid.UUID) -> Webhook | None:
    """The webhook, which nobody else sends to now; None where another was faster."""
    now = timezone.now()
    free = Webhook.objects.filter(_is_free(), pk=pk)
    if not free.update(claim=claim, lease_expires_at=now + LEASE, served_at=now):
        return None
    return Webhook.objects.select_related("owner").filter(pk=pk, claim=claim).first()


def claim_renew(*, claim: uuid.UUID) -> bool:
    """Keep a claim for another try; False where it is lost, or the webhook is paused or gone."""
    held = Webhook.objects.filter(claim=claim, paused_at=None, owner__is_active=True)
    return held.update(lease_expires_at=timezone.now() + LEASE) == 1


def claim_release(*, claim: uuid.UUID) -> None:
    Webhook.objects.filter(claim=claim).update(claim=None, lease_expires_at=None)


def delivery_next(webhook: Webhook) -> Delivery | None:
    """What the webhook is to be told next: a test first, since somebody waits for it."""
    # Not sorted, and not asked when it is due: so it is found where tests alone are listed, however
    # much else waits.
    tests = Delivery.objects.filter(
        webhook=webhook, prediction=None, state=State.WAITING
    ).order_by()
    for test in tests[:1]:
        if test.due_at <= timezone.now():
            return test
    due = Delivery.objects.filter(_is_due(), webhook=webhook)
    return due.order_by("due_at", "pk").first()


def delivery_succeed(delivery: Delivery, *, status: int) -> None:
    delivery.state = State.DELIVERED
    delivery.failure_code, delivery.failure_params = "", {}
    with transaction.atomic():
        _record(delivery, status)
        Webhook.objects.filter(pk=delivery.webhook_id).update(
            num_failures=0, num_given_up=0, rests_until=None
        )


def delivery_fail(delivery: Delivery, *, status: int | None, error: OutsideRefused | None) -> None:
    """It is tried again later, or given up; and its webhook rests, or is paused."""
    now = timezone.now()
    delivery.failure_code = error.code if error else ""
    delivery.failure_params = {k: str(v) for k, v in error.params.items()} if error else {}
    is_last = delivery.num_tries + 1 >= MAX_TRIES
    if is_last:
        delivery.state = State.GIVEN_UP
    else:
        delivery.due_at = now + _delay(delivery.num_tries + 1)
    with transaction.atomic():
        _record(delivery, status)
        webhook = Webhook.objects.select_for_update().filter(pk=delivery.webhook_id).first()
        if webhook is None:  # removed meanwhile
            return
        webhook.num_failures += 1
        webhook.num_given_up += is_last
        webhook.rests_until = now + _rest(webhook.num_failures)
        if webhook.num_given_up >= PAUSED_AFTER and webhook.paused_at is None:
            webhook.paused_at = now
        fields = ["num_failures", "num_given_up", "rests_until", "paused_at"]
        webhook.save(update_fields=fields)


def delivery_drop(delivery: Delivery) -> None:
    """There is nothing to tell any more."""
    waiting = Delivery.objects.filter(pk=delivery.pk, state=State.WAITING)
    waiting.update(state=State.DROPPED)


def delivery_postpone(delivery: Delivery) -> None:
    """There is nothing to tell yet."""
    waiting = Delivery.objects.filter(pk=delivery.pk, state=State.WAITING)
    waiting.update(due_at=timezone.now() + timedelta(seconds=FIRST_DELAY_SECONDS))


def deliveries_sweep(*, until: float) -> bool:
    """Remove what is older than a week, whatever came of it, and what is left of removed webhooks,
    until that moment (of `time.monotonic`); False where there may be more."""
    old = Delivery.objects.filter(created_at__lt=timezone.now() - KEPT).order_by("created_at")
    if not deliveries_remove(rows=old, until=until):
        return False
    is_there = Exists(Webhook.objects.filter(pk=OuterRef("webhook_id")))
    left = Delivery.objects.filter(~is_there).order_by().values_list("webhook_id", flat=True)
    return all(
        deliveries_remove(rows=Delivery.objects.filter(webhook_id=pk).order_by("pk"), until=until)
        for pk in list(left.distinct())
    )


def deliveries_remove(*, rows: QuerySet[Delivery], until: float) -> bool:
    """Remove these in small transactions, for which other writers wait, until that moment; False where
    there may be more."""
    while pks := list(rows.values_list("pk", flat=True)[:REMOVED_AT_ONCE]):
        Delivery.objects.filter(pk__in=pks).delete()
        if time.monotonic() > until:
            return False
    return True


def _record(delivery: Delivery, status: int | None) -> None:
    delivery.status, delivery.tried_at = status, timezone.now()
    waiting: QuerySet[Delivery] = Delivery.objects.filter(pk=delivery.pk, state=State.WAITING)
    waiting.update(
        state=delivery.state,
        due_at=delivery.due_at,
        num_tries=F("num_tries") + 1,
        tried_at=delivery.tried_at,
        status=status,
        failure_code=delivery.failure_code,
        failure_params=delivery.failure_params,
    )


def _is_due() -> Q:
    return Q(state=State.WAITING, due_at__lte=timezone.now())


def _is_free() -> Q:
    """Of a webhook, that it may be sent to now and nobody does."""
    now = timezone.now()
    is_unclaimed = Q(claim=None) | Q(lease_expires_at__lt=now)
    is_awake = Q(rests_until=None) | Q(rests_until__lte=now)
    return is_unclaimed & is_awake & Q(paused_at=None)


def _delay(num_tries: int) -> timedelta:
    return _around(FIRST_DELAY_SECONDS * DELAY_GROWS_BY ** (num_tries - 1))


def _rest(num_failures: int) -> timedelta:
    return _around(min(FIRST_REST_SECONDS * 2 ** min(num_failures - 1, 20), LONGEST_REST_SECONDS))


def _around(seconds: float) -> timedelta:
    """A fifth more or less, so that what failed together does not come back together."""
    return timedelta(seconds=seconds * random.uniform(0.8, 1.2))
