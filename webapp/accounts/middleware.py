"""Who must be signed in, and what a visitor without an account may see."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _

from webapp.accounts.guests import has_marker, is_guest
from webapp.accounts.models import User
from webapp.accounts.services import guest_note_seen


class DenyFirstMiddleware(LoginRequiredMiddleware):
    """Everybody has to sign in, but for views that opt out. Those do not even look at the session,
    as Django's own would: they answer while the database is away, and an API key needs none.

    Where the operator allows it, nobody may open what takes pictures (`guests_welcome`), and send
    some with the marker from there. Guests see what is marked by `open_to_guests`; while it is no
    longer allowed they send nothing more.
    """

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., HttpResponseBase],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> HttpResponseBase | None:
        if not getattr(view_func, "login_required", True):
            return None
        is_welcome = settings.ANONYMOUS_UPLOADS and getattr(view_func, "guests_welcome", False)
        if is_guest(request):
            _note_seen(request)
            takes_pictures = getattr(view_func, "takes_pictures", False)
            is_open = settings.ANONYMOUS_UPLOADS or not takes_pictures
            return None if is_open and _is_open_to_guests(view_func) else _needs_account(request)
        is_read = request.method in ("GET", "HEAD")
        if is_welcome and not request.user.is_authenticated and (is_read or has_marker(request)):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)


def _is_open_to_guests(view: Callable[..., HttpResponseBase]) -> bool:
    return bool(getattr(view, "open_to_guests", False))


def _needs_account(request: HttpRequest) -> HttpResponse:
    messages.info(
        request,
        _("That needs an account. Sign in, and the pictures that you have here come along."),
    )
    return redirect_to_login(request.get_full_path() if request.method == "GET" else "/")


def _note_seen(request: HttpRequest) -> None:
    """The session, and its cookie, last as long as the pictures do."""
    if isinstance(request.user, User) and guest_note_seen(guest=request.user):
        request.session.modified = True
