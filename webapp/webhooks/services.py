"""What writes webhooks for their owners; what the sender writes is in `outbox`."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from webapp import outside
from webapp.accounts.models import User
from webapp.webhooks.models import Delivery, Webhook

State = Delivery.State

MAX_WEBHOOKS = 5
# The same form sent twice, by a double click say, shows the same secret again for so long.
SHOWN_AGAIN = timedelta(minutes=1)
# Deliveries that are removed in one transaction: other writers wait for it.
REMOVED_AT_ONCE = 1000


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
    """Nothing is sent there any more, not even what waits; False where there is none."""
    row = Webhook.objects.filter(owner=owner, public_id=public_id).first()
    if row is None:
        return False
    # First it is nobody's to send to, then its deliveries go, which may be many.
    Webhook.objects.filter(pk=row.pk, paused_at=None).update(paused_at=timezone.now())
    while _remove_some(row):
        pass
    row.delete()
    return True


def webhooks_remove(*, owner: User) -> None:
    """All of somebody who leaves; nothing is sent there since their account was closed."""
    rows = Webhook.objects.filter(owner=owner)
    for public_id in list(rows.values_list("public_id", flat=True)):
        webhook_remove(owner=owner, public_id=public_id)


def webhook_resume(*, owner: User, public_id: uuid.UUID) -> bool:
    """Switch a paused one on again; what waits is sent now. False where there is none."""
    with transaction.atomic():
        num_found = Webhook.objects.filter(owner=owner, public_id=public_id).update(
            paused_at=None, rests_until=None, num_failures=0, num_given_up=0
        )
        waiting = Delivery.objects.filter(
            webhook__owner=owner, webhook__public_id=public_id, state=State.WAITING
        )
        waiting.update(due_at=timezone.now())
    return num_found == 1


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


def _remove_some(webhook: Webhook) -> int:
    some = Delivery.objects.filter(webhook=webhook).order_by("pk")[:REMOVED_AT_ONCE]
    number, _ = Delivery.objects.filter(pk__in=list(some.values_list("pk", flat=True))).delete()
    return number
