"""One's own webhooks: made, tested, switched on again, removed; and what came of what was sent."""

import uuid
from dataclasses import dataclass
from typing import Any, Self

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from webapp.accounts.views import person
from webapp.outside import OutsideRefused
from webapp.webhooks.forms import WebhookForm
from webapp.webhooks.models import Delivery, Webhook
from webapp.webhooks.services import (
    MAX_WEBHOOKS,
    TooManyWebhooks,
    WebhookThere,
    webhook_create,
    webhook_remove,
    webhook_resume,
    webhook_test,
)

NUM_SHOWN = 5


@dataclass(frozen=True)
class Shown:
    """A webhook with its last deliveries, newest first."""

    webhook: Webhook
    deliveries: list[Delivery]

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        return cls(webhook, list(webhook.deliveries.order_by("-pk")[:NUM_SHOWN]))

    @property
    def is_waiting(self) -> bool:
        """Whether something new may be known in a moment."""
        is_first_try = any(each.is_on_its_way for each in self.deliveries)
        return is_first_try and self.webhook.is_active and not self.webhook.is_resting


@never_cache
@require_http_methods(["GET", "POST"])
def webhooks(request: HttpRequest) -> HttpResponse:
    """One's own webhooks with their last deliveries, and a new one: its secret is in the answer to the
    form, and nowhere afterwards."""
    user = person(request)
    is_sent = request.method == "POST"
    form = WebhookForm(request.POST if is_sent else None)
    new = None
    if is_sent and form.is_valid():
        try:
            new = webhook_create(
                owner=user, url=form.cleaned_data["url"], number=form.cleaned_data["number"]
            )
        except OutsideRefused as error:
            form.add_error("url", error.sentence)
        except TooManyWebhooks:
            sentence = _("Expected at most %(num)s webhooks. Please remove one first.")
            form.add_error(None, sentence % {"num": MAX_WEBHOOKS})
        except WebhookThere:
            messages.info(request, _("This webhook is in the list; its secret was shown before."))
            return redirect("webhooks")
    status = 422 if form.is_bound and not form.is_valid() else 200
    context: dict[str, Any] = {
        "form": WebhookForm() if new else form,
        "new": new,
        "shown": [Shown.of(row) for row in Webhook.objects.filter(owner=user)],
    }
    return render(request, "webhooks/webhooks.html", context, status=status)


@require_POST
def webhook_try(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Send a test."""
    webhook = _own(request, public_id)
    if webhook_test(owner=webhook.owner, public_id=public_id):
        messages.success(request, _("A test is on its way to %(url)s.") % {"url": webhook.url})
    else:
        messages.info(request, _("Nothing is sent there. Please switch the webhook on first."))
    return redirect("webhooks")


@require_POST
def webhook_on(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Switch it on again; what waited is sent."""
    webhook = _own(request, public_id)
    webhook_resume(owner=webhook.owner, public_id=public_id)
    messages.success(request, _("%(url)s is told of answers again.") % {"url": webhook.url})
    return redirect("webhooks")


@require_POST
def webhook_end(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Remove it, with what waits for it."""
    webhook = _own(request, public_id)
    webhook_remove(owner=webhook.owner, public_id=public_id)
    messages.success(request, _("%(url)s is told nothing any more.") % {"url": webhook.url})
    return redirect("webhooks")


def _own(request: HttpRequest, public_id: uuid.UUID) -> Webhook:
    row = Webhook.objects.filter(owner=person(request), public_id=public_id).first()
    if row is None:
        raise Http404
    return row
