"""All that a person has here, as ZIP archives that are written while they are sent.

An archive is never whole in memory or on the disk. What it keeps in memory is its table of contents,
half a kilobyte for each picture; so a large history comes in parts of PICTURES_IN_PART.
"""

import json
import zipfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from webapp.accounts.models import User
from webapp.predictions import pictures
from webapp.predictions.downloads import Outlet, Sent, entry
from webapp.predictions.models import Prediction
from webapp.webhooks.models import Webhook

PICTURES_IN_PART = 20_000
ROWS_AT_ONCE = 500


@dataclass(frozen=True)
class Part:
    """Predictions from one row to another, both included; `number` from 1."""

    number: int
    first: int
    last: int
    num_predictions: int


def parts_of(owner: User) -> list[Part]:
    """The parts that somebody's history comes in; one that is empty where there is none."""
    ids = (
        Prediction.objects.present().filter(owner=owner).order_by("id").values_list("pk", flat=True)
    )
    total, last = ids.count(), 0
    parts: list[Part] = []
    while total > len(parts) * PICTURES_IN_PART:
        rest = ids.filter(pk__gt=last)
        first = rest.first()
        if first is None:
            break
        # The last of a full part; of the rest, whatever comes last.
        end = rest[PICTURES_IN_PART - 1 : PICTURES_IN_PART].first() or ids.last() or first
        size = min(PICTURES_IN_PART, total - len(parts) * PICTURES_IN_PART)
        parts.append(Part(len(parts) + 1, first, end, size))
        last = end
    return parts or [Part(1, 0, 0, 0)]


def archive_of(owner: User, *, first: int, last: int) -> Sent:
    """The bytes of one part, in pieces. Raises Busy."""
    return Sent(owner, _write(owner, first, last))


def _write(owner: User, first: int, last: int) -> Generator[bytes, None, None]:
    outlet, now = Outlet(), timezone.now()
    with zipfile.ZipFile(outlet, "w") as archive:  # type: ignore[call-overload]
        archive.writestr(entry("account.json", now), _json(_account(owner), indent=2))
        with archive.open(entry("predictions.jsonl", now), "w", force_zip64=True) as file:
            for row in _rows(owner, first, last):
                file.write(_json(_shown(row)))
                if outlet.is_full():
                    yield outlet.take()
        for row in _rows(owner, first, last):
            if not row.picture_name:
                continue
            try:
                data = pictures.path_of(row.picture_name).read_bytes()
            except OSError:
                continue  # lost, or removed a moment ago; "picture" says which should be there
            archive.writestr(entry(_name(row), now), data, compresslevel=0)
            if outlet.is_full():
                yield outlet.take()
    yield outlet.take()


def _rows(owner: User, first: int, last: int) -> Iterator[Prediction]:
    """Page after page: a query that stays open while somebody's line is slow would hold others up."""
    rows: QuerySet[Prediction] = (
        Prediction.objects.present()
        .filter(owner=owner, pk__lte=last)
        .select_related("recognizer", "version")
        .defer("why", "version__metrics", "version__class_names")
        .order_by("pk")
    )
    after = first - 1
    while page := list(rows.filter(pk__gt=after)[:ROWS_AT_ONCE]):
        yield from page
        after = page[-1].pk


def _name(row: Prediction) -> str:
    """A file of its own for each, whatever they were called when they were sent."""
    return f"pictures/{row.created_at:%Y-%m-%d}-{row.public_id}.jpg"


def _shown(row: Prediction) -> dict[str, Any]:
    return {
        "id": str(row.public_id),
        "upload": str(row.upload),
        "uploaded_at": row.created_at,
        "file_name": row.file_name,
        "picture": _name(row) if row.picture_name else None,
        "width": row.width,
        "height": row.height,
        "recognizer": row.recognizer.name,
        "state": row.state,
        "version": row.version.number if row.version else None,
        "label": row.label or None,
        "confidence": row.confidence,
        "none_of_these": row.is_outlier,
        "top": row.top,
        "failure": row.failure_sentence or None,
        "answered_at": row.answered_at,
        "verdict": row.verdict or None,
        "true_label": row.true_label or None,
        "corrected_at": row.corrected_at,
        "share": reverse("shared", args=[row.share]) if row.share else None,
    }


def _account(owner: User) -> dict[str, Any]:
    keys = owner.api_keys.order_by("pk")
    webhooks = Webhook.objects.filter(owner=owner)
    return {
        "user_name": owner.username,
        "first_name": owner.first_name,
        "last_name": owner.last_name,
        "mail_address": owner.email,
        "joined_at": owner.date_joined,
        "last_signed_in_at": owner.last_login,
        "downloaded_at": timezone.now(),
        "api_keys": list(
            keys.values("name", "prefix", "created_at", "last_used_at", "expires_at", "revoked_at")
        ),
        "webhooks": list(webhooks.order_by("pk").values("url", "created_at", "paused_at")),
    }


def _json(value: dict[str, Any], *, indent: int | None = None) -> bytes:
    text = json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False, indent=indent)
    return f"{text}\n".encode()
