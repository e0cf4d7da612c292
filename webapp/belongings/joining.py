"""Whoever tried it without an account and then signs in has their pictures there, too."""

import functools
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import ngettext

from webapp.accounts.guests import View, is_guest, marker_forget
from webapp.accounts.models import User
from webapp.belongings.leaving import guest_join


def takes_pictures_along(view: View) -> View:
    """For views that sign people in."""

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # Asked before: a sign-in ends the guest's session.
        before = request.user if request.method == "POST" and is_guest(request) else None
        response = view(request, *args, **kwargs)
        after = request.user
        if isinstance(before, User) and isinstance(after, User) and not after.is_guest:
            _join(request, guest=before, account=after)
            if isinstance(response, HttpResponse):
                marker_forget(response)
        return response

    return wrapped


def _join(request: HttpRequest, *, guest: User, account: User) -> None:
    if num_pictures := guest_join(guest=guest, account=account):
        sentence = ngettext(
            "The picture that you sent before is in your history.",
            "The %(num)s pictures that you sent before are in your history.",
            num_pictures,
        )
        messages.success(request, sentence % {"num": num_pictures})
