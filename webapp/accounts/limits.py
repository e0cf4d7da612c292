"""How often somebody may try something in an hour. Counted in the database, since several web processes
serve the same visitor."""

from datetime import datetime, timedelta

from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from webapp.accounts.models import Attempts
from webapp.addresses import client_address, network_of

# A school behind one address signs up in one lesson; who wants thousands of accounts needs weeks.
SIGN_UPS_PER_ADDRESS = 60
RESETS_PER_ADDRESS = 20
# However many addresses ask, nobody's mailbox is filled.
RESETS_PER_MAILBOX = 3
WINDOW = timedelta(hours=1)


def attempt_of(request: HttpRequest, *, kind: str, limit: int) -> bool:
    """Count an attempt of the request's address; False where it has had `limit` in this hour."""
    return attempt_count(kind=kind, who=network_of(client_address(request)), limit=limit)


def attempt_count(*, kind: str, who: str, limit: int) -> bool:
    """Count an attempt; False where `who` has had `limit` in this hour, and then nothing is written.

    Who it was is kept as a keyed hash, and for two hours.
    """
    begins_at = _hour(timezone.now())
    digest = salted_hmac(f"attempts:{kind}", who, algorithm="sha256").hexdigest()
    row, is_new = Attempts.objects.get_or_create(kind=kind, who=digest, begins_at=begins_at)
    if is_new:
        Attempts.objects.filter(begins_at__lt=begins_at - WINDOW).delete()
    # Of requests at the same moment each finds what the one before has counted.
    below = Attempts.objects.filter(pk=row.pk, number__lt=limit)
    return below.update(number=F("number") + 1) == 1


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
