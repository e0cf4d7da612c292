"""People, the keys their programs come with, and how often somebody has tried something."""

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class User(AbstractUser):
    """A person. Our own model from the first migration on, since it cannot be swapped in later.

    From `leaving_at` on the account is closed, and what belongs to it is being removed; the row goes
    last (webapp/belongings/leaving.py).

    A guest has no name that anybody is shown, no password and no mail address, only a session
    (webapp/accounts/guests.py). `guest_key` is the hash of what their browser brought with the first
    pictures; `seen_at` is to the hour; `became` is the account that took their pictures along.
    """

    leaving_at = models.DateTimeField(_("leaving since"), null=True, blank=True, editable=False)
    is_guest = models.BooleanField(_("guest"), default=False, editable=False)
    guest_key = models.CharField(
        _("guest's marker"), max_length=64, null=True, blank=True, unique=True, editable=False
    )
    seen_at = models.DateTimeField(_("last seen"), null=True, blank=True, editable=False)
    became = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("became"),
    )

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        indexes = [
            # Who has not come for long; people with an account are not in it.
            models.Index(fields=["seen_at"], condition=Q(is_guest=True), name="user_guest_seen"),
        ]


class ApiKey(models.Model):
    """What a program shows instead of a password: it acts as its owner, in the API alone.

    Only the hash is kept. `prefix` is how people tell their keys apart.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="api_keys",
        verbose_name=_("owner"),
    )
    name = models.CharField(_("name"), max_length=100, help_text=_("What it is used for."))
    prefix = models.CharField(_("begins with"), max_length=16, editable=False)
    digest = models.CharField(_("SHA-256"), max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(_("last used at"), null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(
        _("expires at"), null=True, blank=True, help_text=_("Never, where this is empty.")
    )
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def is_usable(self) -> bool:
        """Whether it opens anything, as far as the key itself goes."""
        return self.revoked_at is None and not self.is_expired


class Attempts(models.Model):
    """How often somebody has tried something since the first time in an hour: see `limits`."""

    kind = models.CharField(_("what"), max_length=20)
    who = models.CharField(_("who, as a keyed hash"), max_length=64)
    begins_at = models.DateTimeField(_("since"), db_index=True)
    number = models.PositiveIntegerField(_("number"), default=0)

    class Meta:
        verbose_name = _("attempts")
        verbose_name_plural = _("attempts")
        constraints = [
            models.UniqueConstraint(fields=["kind", "who"], name="one_count_of_attempts"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.number}"
