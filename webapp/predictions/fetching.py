"""Pictures by their addresses, for whoever asks: how often, and how many at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils.translation import gettext

from webapp import metrics
from webapp.accounts.guests import guests_must_wait
from webapp.accounts.limits import attempt_count, attempt_of
from webapp.accounts.models import User
from webapp.predictions.incoming import AddressRefused, file_at

# In an hour. A class behind one address needs more than anybody in it.
FETCHES_PER_PERSON = 300
FETCHES_PER_ADDRESS = 1200
# Of a process: each holds a thread for as long as a server likes to keep it waiting.
FETCHES_AT_ONCE = 4
_places = threading.BoundedSemaphore(FETCHES_AT_ONCE)


def fetched(request: HttpRequest, address: str) -> UploadedFile:
    """What an address leads to. Whoever asks is counted before, so that one which leads nowhere counts,
    too. Raises AddressRefused, and GuestsWait where a guest may send no more."""
    try:
        if wait := guests_must_wait(request):
            raise wait
        _count(request)
        with _a_place():
            return file_at(address)
    except AddressRefused as refused:
        metrics.refused(refused.code)
        raise


def _count(request: HttpRequest) -> None:
    """Raises AddressRefused with status 429. Guests are counted by what they are told apart by
    elsewhere: a browser is a new one whenever it likes."""
    kind = "fetch"
    if isinstance(request.user, User) and not request.user.is_guest:
        limit = FETCHES_PER_PERSON
        is_allowed = attempt_count(kind=kind, who=f"person {request.user.pk}", limit=limit)
        is_allowed = is_allowed and attempt_of(request, kind=kind, limit=FETCHES_PER_ADDRESS)
    else:
        limit = settings.GUEST_PICTURES_PER_HOUR
        is_allowed = attempt_of(request, kind="guest fetch", limit=limit)
    if not is_allowed:
        sentence = gettext(
            "At most %(num)s addresses an hour are asked for pictures, and so many were. Please save the "
            "picture and send the file, or wait an hour."
        )
        raise AddressRefused(sentence % {"num": limit}, code="address_too_often", status=429)


@contextmanager
def _a_place() -> Iterator[None]:
    if not _places.acquire(blocking=False):
        sentence = gettext(
            "Too many addresses are being asked for pictures just now. Please try again in a moment."
        )
        raise AddressRefused(sentence, code="address_busy", status=503)
    try:
        yield
    finally:
        _places.release()
