"""Webhooks: addresses that are told when a picture is answered, and what is to be told."""

import secrets
import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from webapp.outside import MAX_ADDRESS_CHARACTERS, sentence_of

_STATUS = gettext_noop("It answered with the status %(status)s; expected one from 200 to 299.")


def new_secret() -> str:
    return f"whs_{secrets.token_urlsafe(32)}"


class Webhook(models.Model):
    """Where somebody's program wants to be told of answers.

    The secret signs what is sent, so it has to be kept as it is; it is shown once. `claim` is the
    process that sends there, until its lease runs out: one at a time. After failures nothing is sent
    until `rests_until`; after too many it is paused, until its owner switches it on again.
    """

    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="webhooks",
        verbose_name=_("owner"),
    )
    url = models.CharField(_("address"), max_length=MAX_ADDRESS_CHARACTERS)
    secret = models.CharField(_("secret"), max_length=64, default=new_secret, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    claim = models.UUIDField(_("claim"), null=True, blank=True, editable=False)
    lease_expires_at = models.DateTimeField(_("lease expires at"), null=True, blank=True)
    served_at = models.DateTimeField(_("last served at"), null=True, blank=True)
    num_failures = models.PositiveIntegerField(_("failed tries in a row"), default=0)
    rests_until = models.DateTimeField(_("rests until"), null=True, blank=True)
    num_given_up = models.PositiveIntegerField(_("deliveries given up in a row"), default=0)
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ["id"]

    def __str__(self) -> str:
        return self.url

    @property
    def is_active(self) -> bool:
        """Whether anything is sent there."""
        return self.paused_at is None

    @property
    def is_resting(self) -> bool:
        """Whether nothing is sent for a while."""
        return self.rests_until is not None and self.rests_until > timezone.now()


class Delivery(models.Model):
    """One thing that a webhook is to be told.

        waiting ──sent, and answered with 2xx──▶ delivered
           │ ▲
           │ └── anything else: later again
           ├── the prediction is deleted ──▶ dropped
           └── tried too often ──▶ given up

    It is written in the transaction that answers the prediction, so that neither is without the other,
    and names it by its public number alone. Without one it is a test. `public_id` is the same in each
    try: who gets it twice can tell.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        DELIVERED = "delivered", _("delivered")
        DROPPED = "dropped", _("dropped")
        GIVEN_UP = "given_up", _("given up")

    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    # Not held by the database: else answers could not be recorded while a webhook is removed. What is
    # left of one is swept.
    webhook = models.ForeignKey(
        Webhook,
        models.CASCADE,
        db_constraint=False,
        related_name="deliveries",
        verbose_name=_("webhook"),
    )
    prediction = models.UUIDField(_("prediction"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    num_tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    due_at = models.DateTimeField(_("due at"), default=timezone.now)
    tried_at = models.DateTimeField(_("last tried at"), null=True, blank=True)
    status = models.PositiveSmallIntegerField(_("status of the answer"), null=True, blank=True)
    failure_code = models.CharField(_("failure"), max_length=40, blank=True)
    failure_params = models.JSONField(_("failure's figures"), default=dict, blank=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["webhook", "prediction"], name="one_delivery_per_prediction"
            ),
            models.UniqueConstraint(
                fields=["webhook"],
                condition=Q(prediction=None, state="waiting"),
                name="one_test_at_a_time",
            ),
        ]
        indexes = [
            # What waits is few among many, usually.
            models.Index(
                fields=["webhook", "due_at"], condition=Q(state="waiting"), name="delivery_waiting"
            ),
            models.Index(fields=["webhook", "-id"], name="delivery_newest"),
            models.Index(fields=["created_at"], name="delivery_created"),
        ]

    def __str__(self) -> str:
        return f"{self.public_id} → {self.webhook}"

    @property
    def is_on_its_way(self) -> bool:
        """Whether it will be tried for the first time."""
        return self.state == self.State.WAITING and not self.num_tries

    @property
    def outcome(self) -> str:
        """What came of the last try, in the reader's language; empty before the first, and where all
        went well."""
        if self.state == self.State.DELIVERED or self.tried_at is None:
            return ""
        if self.failure_code:
            return sentence_of(self.failure_code, self.failure_params)
        return gettext(_STATUS) % {"status": self.status}
