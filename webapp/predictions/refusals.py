"""Pages for requests that are refused as a whole, each with a sentence instead of a bare status."""

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _


def upload_too_large(request: HttpRequest, max_bytes: int) -> HttpResponse:
    return refusal(
        request,
        413,
        _("Expected at most %(megabytes)s MB in one upload. Please send fewer pictures at a time.")
        % {"megabytes": max_bytes // 1_048_576},
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler for 400; what is only too much becomes a 413 that says how much is allowed."""
    if isinstance(exception, TooManyFilesSent):
        sentence = _(
            "Expected at most %(num_files)s files in one upload. Please send fewer at a time."
        )
        return refusal(request, 413, sentence % {"num_files": settings.MAX_FILES_PER_UPLOAD})
    if isinstance(exception, RequestDataTooBig):
        return refusal(
            request, 413, _("The form holds more text than expected. Please shorten it.")
        )
    return refusal(
        request, 400, _("The request could not be understood. Please go back and try again.")
    )


def refusal(request: HttpRequest, status: int, sentence: str) -> HttpResponse:
    return render(request, "refused.html", {"sentence": sentence}, status=status)
