"""How often somebody may try something in an hour. Counted in the database, since several web processes
serve the same visitor."""

import ipaddress
from datetime import timedelta

from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from webapp.accounts.models import Attempts
from webapp.addresses import address_of, caller_of

# A school behind one address signs up in one lesson; who wants thousands of accounts needs weeks.
SIGN_UPS_PER_ADDRESS = 60
RESETS_PER_ADDRESS = 20
GUESTS_PER_ADDRESS = 60
# However many addresses ask, nobody's mailbox is filled.
RESETS_PER_MAILBOX = 3
WINDOW = timedelta(hours=1)
# When somebody who was refused may come again, for `Retry-After`: seconds.
RETRY_AFTER = str(int(WINDOW.total_seconds()))


def attempt_of(request: HttpRequest, *, kind: str, limit: int, number: int = 1) -> bool:
    """Count an attempt of the request's caller, or several; False where they would have had more than
    `limit` within the hour.

    All who cannot be told apart count as one: better that they wait than that nothing is counted.
    """
    return attempt_count(kind=kind, who=caller_of(request), limit=limit, number=number)


def attempts_are_up(request: HttpRequest, *, kind: str, limit: int) -> bool:
    """Whether the request's caller has had `limit` within the hour; counts nothing."""
    rows = Attempts.objects.filter(kind=kind, who=_digest(kind, caller_of(request)))
    return rows.filter(begins_at__gt=timezone.now() - WINDOW, number__gte=limit).exists()


def address_at_sign_in(request: HttpRequest) -> str | None:
    """What wrong passwords are counted by, beside the name; None where it is no address, which a
    database would not take for one."""
    try:
        return str(ipaddress.ip_address(address_of(request)))
    except ValueError:
        return None


def attempt_count(*, kind: str, who: str, limit: int, number: int = 1) -> bool:
    """Count an attempt, or several as one; False where `who` would have had more than `limit` since
    the first one of an hour, and then nothing is written.

    Who it was is kept as a keyed hash, until somebody else tries the same after the hour.
    """
    digest = _digest(kind, who)
    now = timezone.now()
    rows = Attempts.objects.filter(kind=kind, who=digest)
    # Each write has its condition: of requests at the same moment each finds what the one before did.
    if rows.filter(begins_at__lte=now - WINDOW).update(begins_at=now, number=0) == 0:
        _, is_new = rows.get_or_create(kind=kind, who=digest, defaults={"begins_at": now})
        if is_new:
            Attempts.objects.filter(begins_at__lte=now - WINDOW).delete()
    return rows.filter(number__lte=limit - number).update(number=F("number") + number) == 1


def _digest(kind: str, who: str) -> str:
    return salted_hmac(f"attempts:{kind}", who, algorithm="sha256").hexdigest()
