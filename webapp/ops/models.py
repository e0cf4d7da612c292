"""What operations keep in the database: which inference workers are alive, and what they hold."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


def alive_since() -> datetime:
    """Who was seen after this is alive."""
    return timezone.now() - timedelta(seconds=settings.WORKER_ALIVE_SECONDS)


class WorkerHeartbeatQuerySet(models.QuerySet["WorkerHeartbeat"]):
    def alive(self) -> "WorkerHeartbeatQuerySet":
        return self.filter(seen_at__gt=alive_since())


class WorkerHeartbeat(models.Model):
    """An inference worker that was alive at `seen_at`; its heartbeat renews the row.

    `loaded`: digests of the bundles that it holds ready. `refused`: digests that it was asked to load
    and could not, each with the reason.
    """

    name = models.CharField(_("name"), max_length=200, unique=True)
    seen_at = models.DateTimeField(_("seen at"))
    answered_at = models.DateTimeField(_("last answered at"), null=True, blank=True)
    loaded = models.JSONField(_("loaded versions"), default=list, blank=True)
    refused = models.JSONField(_("refused versions"), default=dict, blank=True)

    objects = WorkerHeartbeatQuerySet.as_manager()

    class Meta:
        verbose_name = _("inference worker")
        verbose_name_plural = _("inference workers")

    def __str__(self) -> str:
        return self.name

    @property
    def is_alive(self) -> bool:
        return self.seen_at > alive_since()
