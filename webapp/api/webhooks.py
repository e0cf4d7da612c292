"""Addresses that are told of answers, made and removed by programs."""

import uuid
from datetime import datetime
from typing import Any, Self

from django.http import HttpResponse
from django.utils.translation import gettext_noop
from ninja import Router, Schema
from ninja.responses import Status
from pydantic import Field

from webapp.api.document import refuses
from webapp.api.keys import KeyRequest
from webapp.outside import MAX_ADDRESS_CHARACTERS, OutsideRefused
from webapp.problems import Problem
from webapp.webhooks.models import Webhook
from webapp.webhooks.services import (
    MAX_WEBHOOKS,
    TooManyWebhooks,
    webhook_create,
    webhook_remove,
)

router = Router(tags=["webhooks"])


class WebhookShape(Schema):
    """An address that is told of answers."""

    id: uuid.UUID
    url: str
    is_active: bool = Field(
        description=gettext_noop(
            "False where it was paused, for too much that could not be delivered: its owner's page "
            "switches it on again"
        )
    )
    created_at: datetime

    @classmethod
    def of(cls, webhook: Webhook, **more: Any) -> Self:
        return cls.model_construct(
            id=webhook.public_id,
            url=webhook.url,
            is_active=webhook.is_active,
            created_at=webhook.created_at,
            **more,
        )


class NewWebhookShape(WebhookShape):
    """One that was just made."""

    secret: str = Field(description=gettext_noop("Signs what is sent; shown this once"))


class WebhooksShape(Schema):
    """All of one's own, the oldest first."""

    webhooks: list[WebhookShape]


class NewWebhook(Schema):
    """What a webhook is made of."""

    url: str = Field(
        max_length=MAX_ADDRESS_CHARACTERS,
        description=gettext_noop("Where a program of yours listens, by https or http"),
    )


@router.get(
    "/webhooks",
    response=WebhooksShape,
    url_name="webhooks",
    summary=gettext_noop("List the webhooks"),
    description=gettext_noop("One's own; what came of their deliveries is on the account's page."),
    openapi_extra=refuses(),
)
def webhooks_list(request: KeyRequest) -> WebhooksShape:
    """All of one's own."""
    rows = Webhook.objects.filter(owner=request.auth)
    return WebhooksShape(webhooks=[WebhookShape.of(row) for row in rows])


@router.post(
    "/webhooks",
    response={201: NewWebhookShape},
    url_name="webhooks",
    summary=gettext_noop("Make a webhook"),
    description=gettext_noop(
        "From now on the address is told of each of your predictions that is done or failed. "
        "docs/API.md says what is sent, and how to check its signature."
    ),
    openapi_extra=refuses("invalid", "address_refused", "too_many_webhooks"),
)
def webhook_make(
    request: KeyRequest, response: HttpResponse, asked: NewWebhook
) -> Status[NewWebhookShape]:
    """A new one, with its secret."""
    try:
        row = webhook_create(owner=request.auth, url=asked.url)
    except OutsideRefused as error:
        raise Problem("address_refused", said=error.sentence) from error
    except TooManyWebhooks as error:
        raise Problem("too_many_webhooks", num=MAX_WEBHOOKS) from error
    response["Cache-Control"] = "no-store"
    return Status(201, NewWebhookShape.of(row, secret=row.secret))


@router.delete(
    "/webhooks/{uuid:webhook_id}",
    response={204: None},
    url_name="webhook",
    summary=gettext_noop("Remove a webhook"),
    description=gettext_noop("Nothing is sent there any more, not even what waits."),
    openapi_extra=refuses("not_found"),
)
def webhook_delete(request: KeyRequest, webhook_id: uuid.UUID) -> Status[None]:
    """Gone, once."""
    if not webhook_remove(owner=request.auth, public_id=webhook_id):
        raise Problem("not_found")
    return Status(204, None)
