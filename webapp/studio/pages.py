"""What all pages of the studio have in common: who may see them, and what the admin draws around them."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from webapp.accounts.models import User
from webapp.recognizers import models
from webapp.studio.gone import SubjectGone

P = ParamSpec("P")
CURATE = models.CURATE
SEE_CORRECTIONS = "predictions.view_correction"
MAX_NUMBER = 2**63 - 1  # of a row
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def curator_page(view: View[P]) -> View[P]:
    """For curators alone: a stranger is asked to sign in, anybody else is refused (403). What is deleted
    while it is acted on is not found (404)."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.has_perm(CURATE):
            raise PermissionDenied
        try:
            return view(request, *args, **kwargs)
        except SubjectGone as error:
            raise Http404 from error

    return cast("View[P]", admin.site.admin_view(guarded))  # signed in, staff, never cached


def curator(request: HttpRequest) -> User:
    """Who asks. Raises PermissionDenied for nobody."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def number_of(text: str | None) -> int | None:
    """The whole number from 0 that stands in an address or a form; None for what is none, or is larger
    than any row's."""
    if not text or not (text.isascii() and text.isdecimal()) or len(text) > len(str(MAX_NUMBER)):
        return None
    number = int(text)
    return number if number <= MAX_NUMBER else None


def is_htmx(request: HttpRequest) -> bool:
    """Whether a page asks for a part of itself."""
    return request.headers.get("HX-Request") == "true"


def page(
    request: HttpRequest, template: str, *, title: str, status: int = 200, **context: Any
) -> HttpResponse:
    """A page of the studio, in the admin's frame."""
    inside = {**admin.site.each_context(request), "title": title, **context}
    return TemplateResponse(request, template, inside, status=status)
