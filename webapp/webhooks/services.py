"""What writes webhooks for their owners; what the sender writes is in `outbox`."""

import time
import uuid
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from webapp import outside
from webapp.accounts.models import User
from webapp.webhooks.models import Delivery, Webhook
from webapp.webhooks.outbox import deliveries_remove

State = Delivery.State

MAX_WEBHOOKS = 5
# The same form sent twice, by a double click say, shows the same secret again for so long.
SHOWN_AGAIN = timedelta(minutes=1)
# Of what waited for a removed webhook, as much goes at once as a page can wait for.
REMOVE_SECONDS = 1.0


class TooManyWebhooks(Exception):
    """A person has MAX_WEBHOOKS already."""


class WebhookThere(Exception):
    """The form was sent before, and its secret has been shown."""


def webhook_create(*, owner: User, url: str, number: uuid.UUID | None = None) -> Webhook:
    """A webhook with its secret: show it now or never. `number`: the form's, so that sent twice it
    makes one. Raises OutsideRefused, TooManyWebhooks, WebhookThere."""
    url = url.strip()
    outside.check(url, allow_private=settings.PRIVATE_WEBHOOKS)
    with transaction.atomic():
        # Locked, so that of two at the same moment each sees the other.
        User.objects.select_for_update().get(pk=owner.pk)
        own = Webhook.objects.filter(owner=owner)
        if number is not None and (row := own.filter(public_id=number).first()):
            if row.url == url and row.created_at > timezone.now() - SHOWN_AGAIN:
                return row
            raise WebhookThere
        if own.count() >= MAX_WEBHOOKS:
            raise TooManyWebhooks
        row = Webhook(owner=owner, url=url)
        if number is not None and not Webhook.objects.filter(public_id=number).exists():
            row.public_id = number
        row.full_clean()
        row.save()
        return row


def webhook_remove(*, owner: User, public_id: uuid.UUID) -> bool:
    """Nothing is sent there any more, not even what waits; False where there is none. Where much waits,
    the rest of it is swept by the worker."""
    row = Webhook.objects.filter(owner=owner, public_id=public_id).first()
    if row is None:
        return False
    _remove_row(row)
    until = time.monotonic() + REMOVE_SECONDS
    deliveries_remove(rows=row.deliveries.order_by("pk"), until=until)
    return True


def webhooks_remove(*, owner: User, until: float) -> bool:
    """All of somebody who leaves, until that moment (of `time.monotonic`); False where some is left.
    Nothing is sent there since their account was closed."""
    for row in Webhook.objects.filter(owner=owner):
        if not deliveries_remove(rows=row.deliveries.order_by("pk"), until=until):
            return False
        _remove_row(row)
    return True


def webhook_resume(*, owner: User, public_id: uuid.UUID) -> bool:
    """Switch a paused one on again; what waits is sent now. False where there is none."""
    now = timezone.now()
    rows = Webhook.objects.filter(owner=owner, public_id=public_id)
    with transaction.atomic():
        if not rows.update(paused_at=None, rests_until=None, num_failures=0, num_given_up=0):
            return False
        # The few that were tried: all others are due already, however many they are.
        tried = Delivery.objects.filter(
            webhook_id=rows.values_list("pk", flat=True)[0], state=State.WAITING, due_at__gt=now
        )
        tried.update(due_at=now)
    return True


def webhook_test(*, owner: User, public_id: uuid.UUID) -> bool:
    """Send a test there, at once; one at a time: what still waits of an earlier one is begun anew. False
    where there is no such webhook, or it is paused."""
    webhook = Webhook.objects.filter(owner=owner, public_id=public_id, paused_at=None).first()
    if webhook is None:
        return False
    Delivery.objects.bulk_create([Delivery(webhook=webhook)], ignore_conflicts=True)
    waiting = Delivery.objects.filter(webhook=webhook, prediction=None, state=State.WAITING)
    waiting.update(due_at=timezone.now(), num_tries=0)
    # It may rest after failures; who tests it wants to know now.
    Webhook.objects.filter(pk=webhook.pk).update(rests_until=None)
    return True


def _remove_row(webhook: Webhook) -> None:
    """The row alone: `delete()` would take its deliveries along, all in one transaction."""
    row = Webhook.objects.filter(pk=webhook.pk)
    row._raw_delete(using=row.db)
