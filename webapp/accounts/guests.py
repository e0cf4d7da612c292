"""Visitors without an account, where the operator lets them try it.

    nobody ──GET of an upload page──▶ a marker in a cookie ──first pictures──▶ guest, signed in

A guest is a row like any person's, so what they send is theirs alone, and nothing else has to know of
guests. The row is made with the first pictures and not with the first page, so that robots make none.
The marker makes it one row where a browser sends several first pictures at once: each answer then
brings a session of its own, of the same guest, and it does not matter which of them the browser keeps.
An hour later a marker opens nothing any more; the session does.
"""

import functools
import secrets
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from webapp.accounts.limits import GUESTS_PER_ADDRESS, attempt_of, attempts_are_up
from webapp.accounts.models import User
from webapp.accounts.services import guest_create

MARKER_COOKIE = "guest"
_SALT = "webapp.accounts.guests"
_PICTURES = "guest picture"
# How long after a guest's first pictures others with the same marker are still theirs. Who gets hold
# of a marker later on has nothing of it.
MARKER_JOINS = timedelta(hours=1)

View = Callable[..., HttpResponseBase]


class GuestsWait(Exception):
    """From this address come too many pictures, or guests. `sentence` is for the visitor; it is a 429,
    which the middleware of uploads makes a page of."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        super().__init__(sentence)


def is_guest(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_guest


def may_send(request: HttpRequest) -> bool:
    """Whether pictures are taken from whoever asks: to be known before their body is read."""
    if request.user.is_authenticated and not is_guest(request):
        return True
    return settings.ANONYMOUS_UPLOADS and (is_guest(request) or has_marker(request))


def guests_welcome(view: View) -> View:
    """For views that take pictures: where the operator allows it, nobody has to sign in before.

    What comes by GET gives the marker; a POST needs it. Who sends the pictures is for
    `predictions.visitors.sender` to say, once the form is found to be right.
    """

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        is_for_nobody = settings.ANONYMOUS_UPLOADS and not request.user.is_authenticated
        # One that is about to lose its use is replaced, and no other: a second tab has it, too.
        if is_for_nobody and request.method == "GET" and not has_marker(request, MARKER_JOINS):
            _give_marker(response)
        return response

    wrapped.guests_welcome = True  # type: ignore[attr-defined]  # for DenyFirstMiddleware
    return takes_pictures(wrapped)


def takes_pictures(view: View) -> View:
    """Marks a view that makes predictions: while guests are not allowed, they are asked to sign in."""
    view.takes_pictures = True  # type: ignore[attr-defined]  # for DenyFirstMiddleware
    return view


def open_to_guests(patterns: Iterable[URLPattern]) -> None:
    """Lets guests see these pages; all others ask them to sign in."""
    for pattern in patterns:
        pattern.callback.open_to_guests = True  # type: ignore[attr-defined]


def guest_of(request: HttpRequest) -> User | None:
    """The guest whom this comes from, where there is one yet."""
    if isinstance(request.user, User):
        return request.user if request.user.is_guest else None
    marker = _marker_of(request)
    guest = User.objects.filter(guest_key=_key_of(marker)).first() if marker else None
    return guest if guest and _is_joined(guest) else None


def guest_sign_in(request: HttpRequest) -> User:
    """Whoever brings a marker is a guest from here on, and signed in. Raises GuestsWait."""
    marker = _marker_of(request)
    if not (settings.ANONYMOUS_UPLOADS and marker):  # DenyFirstMiddleware has seen to it
        raise Http404
    guest = _guest_with(marker, request)
    csrf_secret = request.META.get("CSRF_COOKIE")
    login(request, guest, backend="django.contrib.auth.backends.ModelBackend")
    # A sign-in brings a new secret, with which the page that is open could send no second picture.
    # Nobody has gained any rights here, so the old one does.
    request.META["CSRF_COOKIE"], request.META["CSRF_COOKIE_NEEDS_UPDATE"] = csrf_secret, False
    return guest


def _guest_with(marker: str, request: HttpRequest) -> User:
    key = _key_of(marker)
    guest = User.objects.filter(guest_key=key).first()
    if guest and _is_joined(guest):
        return guest
    if not attempt_of(request, kind="guest", limit=GUESTS_PER_ADDRESS):
        raise GuestsWait(
            _(
                "From your address many have begun to try this within the hour. Please wait an "
                "hour and try again, or sign in."
            )
        )
    return guest_create(key=None if guest else key)


def _key_of(marker: str) -> str:
    return salted_hmac(_SALT, marker, algorithm="sha256").hexdigest()


def _is_joined(guest: User) -> bool:
    return guest.date_joined > timezone.now() - MARKER_JOINS


def guest_pictures_count(request: HttpRequest, *, number: int) -> None:
    """Count pictures that come from guests at this address. Raises GuestsWait where there are too many
    within the hour; then none of these counts."""
    limit = settings.GUEST_PICTURES_PER_HOUR
    if not attempt_of(request, kind=_PICTURES, limit=limit, number=number):
        raise _too_many_pictures()


def guests_must_wait(request: HttpRequest) -> GuestsWait | None:
    """Why no picture more is taken from this address, where it is so already: to be known before a body
    is read that is not small."""
    if request.user.is_authenticated and not is_guest(request):
        return None
    is_up = attempts_are_up(request, kind=_PICTURES, limit=settings.GUEST_PICTURES_PER_HOUR)
    return _too_many_pictures() if is_up else None


def _too_many_pictures() -> GuestsWait:
    sentence = _(
        "Without an account at most %(num)s pictures an hour are taken from one address. Please send "
        "fewer, wait an hour, or sign in."
    )
    return GuestsWait(sentence % {"num": settings.GUEST_PICTURES_PER_HOUR})


def has_marker(request: HttpRequest, age: timedelta | None = None) -> bool:
    return _marker_of(request, age) is not None


def _marker_of(request: HttpRequest, age: timedelta | None = None) -> str | None:
    """What we gave this browser; None for anything else, and for what is older than `age`."""
    return request.get_signed_cookie(
        MARKER_COOKIE, default=None, salt=_SALT, max_age=age or settings.SESSION_COOKIE_AGE
    )


def _give_marker(response: HttpResponseBase) -> None:
    response.set_signed_cookie(
        MARKER_COOKIE,
        secrets.token_urlsafe(16),
        salt=_SALT,
        max_age=settings.SESSION_COOKIE_AGE,
        secure=bool(settings.SESSION_COOKIE_SECURE),
        httponly=True,
        samesite="Lax",
    )


def marker_forget(response: HttpResponse) -> None:
    response.delete_cookie(MARKER_COOKIE, samesite="Lax")


def page_context(request: HttpRequest) -> dict[str, Any]:
    """What every page says of guests and to them, and of who sees pictures (a context processor)."""
    return {
        "is_sign_up_open": settings.SIGN_UP,
        "are_guests_welcome": settings.ANONYMOUS_UPLOADS,
        "guest_days": settings.GUEST_DAYS,
        "curators_see_uncertain": settings.CURATORS_SEE_UNCERTAIN,
    }
