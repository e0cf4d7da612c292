"""What is to be told is written down where predictions are answered, in the same transaction. It knows
predictions by their public numbers only, since they come here."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from django.db import connection

from webapp.webhooks.models import Delivery, Webhook

# Whose prediction, and which.
Completion = tuple[int, uuid.UUID]


def is_any_webhook() -> bool:
    """Whether anybody has one; costs next to nothing, since each batch of answers asks.

    By hand, as where a worker asks whether anything is queued: the ORM would take ten times as long.
    """
    table = connection.ops.quote_name(Webhook._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM {table} LIMIT 1")  # noqa: S608
        return cursor.fetchone() is not None


def completions_note(completions: Collection[Completion]) -> None:
    """Write down that these predictions are answered, for whom it concerns; to be called in the
    transaction that answers them. What is written down already stays as it is."""
    listeners = _listeners_of({owner_id for owner_id, _ in completions})
    Delivery.objects.bulk_create(
        [
            Delivery(webhook_id=webhook_id, prediction=public_id)
            for owner_id, public_id in completions
            for webhook_id in listeners.get(owner_id, ())
        ],
        ignore_conflicts=True,
    )


def _listeners_of(owner_ids: Collection[int]) -> Mapping[int, Sequence[int]]:
    """The webhooks of each of these people that has any."""
    if not owner_ids or not is_any_webhook():
        return {}
    found: dict[int, list[int]] = defaultdict(list)
    active = Webhook.objects.filter(owner_id__in=set(owner_ids), paused_at=None).order_by()
    for owner_id, pk in active.values_list("owner_id", "pk"):
        found[owner_id].append(pk)
    return found
