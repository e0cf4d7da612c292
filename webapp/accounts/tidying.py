"""What accounts leave behind with time: guests who do not come back, sessions that have ended, the log
of sign-ins. Everything in small steps that any process may be killed at, and any number may do."""

from datetime import timedelta
from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Q, QuerySet
from django.utils import timezone

from webapp.accounts.models import User

# Rows in one transaction: other writers wait for it.
TIDIED_AT_ONCE = 500
SIGN_INS_KEPT = timedelta(days=30)


def tidy() -> None:
    """One round."""
    guests_close()
    now = timezone.now()
    _delete(Session.objects.filter(expire_date__lt=now))
    for log in (AccessAttempt, AccessFailureLog, AccessLog):
        _delete(log.objects.filter(attempt_time__lt=now - SIGN_INS_KEPT))


def guests_close() -> int:
    """Close the guests whose sessions have ended, by time or with a sign-in that was cut short; returns
    how many. Whoever looks after those who leave removes them, and their pictures or hands them over."""
    now = timezone.now()
    is_over = Q(seen_at__lte=now - timedelta(days=settings.GUEST_DAYS)) | Q(became__isnull=False)
    over = User.objects.filter(is_over, is_guest=True, leaving_at=None)
    num_closed = 0
    while some := list(over.values_list("pk", flat=True)[:TIDIED_AT_ONCE]):
        # Asked once more: one may have come back between the two.
        num_closed += over.filter(pk__in=some).update(
            is_active=False, leaving_at=now, guest_key=None
        )
    return num_closed


def _delete(rows: QuerySet[Any]) -> None:
    while some := list(rows.values_list("pk", flat=True)[:TIDIED_AT_ONCE]):
        rows.filter(pk__in=some).delete()
