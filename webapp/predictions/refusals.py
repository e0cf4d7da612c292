"""Pages for requests that are refused as a whole, each with a sentence instead of a bare status.

A program that asks the API gets the same as problem JSON.
"""

import sys

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from webapp import metrics
from webapp.accounts.guests import GuestsWait
from webapp.accounts.limits import RETRY_AFTER
from webapp.database import DATABASE_AWAY
from webapp.problems import RETRY_AFTER_SECONDS, Problem, is_for_api


def length_required(request: HttpRequest) -> HttpResponse:
    metrics.refused("length_required")
    problem = Problem("length_required")
    return problem.response() if is_for_api(request) else refusal(request, 411, problem.detail)


def upload_too_large(request: HttpRequest, max_bytes: int) -> HttpResponse:
    metrics.refused("too_large")
    megabytes = max_bytes // 1_048_576
    if is_for_api(request):
        return Problem("too_large", megabytes=megabytes).response()
    return refusal(
        request,
        413,
        _("Expected at most %(megabytes)s MB in one upload. Please send fewer pictures at a time.")
        % {"megabytes": megabytes},
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler for 400; what is only too much becomes a 413 that says how much is allowed."""
    if is_for_api(request):
        return Problem("not_understood").response()
    if isinstance(exception, TooManyFilesSent):
        metrics.refused("too_many_files")
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


def guests_wait(request: HttpRequest, wait: GuestsWait) -> HttpResponse:
    metrics.refused("guests_wait")
    return refusal(request, 429, wait.sentence)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler for what nobody caught. A database that is away is told as such; neither page
    asks it anything."""
    is_away = isinstance(sys.exception(), DATABASE_AWAY)
    if is_for_api(request):
        return Problem("unavailable" if is_away else "failed").response()
    if not is_away:
        return HttpResponse(render_to_string("500.html"), status=500)
    return try_again(HttpResponse(render_to_string("503.html"), status=503))


def refusal(request: HttpRequest, status: int, sentence: str) -> HttpResponse:
    """The sentence as a page; as JSON for a script of ours, which shows it on its own page."""
    if request.get_preferred_type(["text/html", "application/json"]) == "application/json":
        return try_again(JsonResponse({"problem": sentence}, status=status))
    return try_again(render(request, "refused.html", {"sentence": sentence}, status=status))


def try_again(response: HttpResponse) -> HttpResponse:
    """With the time after which it is worth it, where the status says that it is."""
    if response.status_code == 503:
        response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    elif response.status_code == 429:
        response["Retry-After"] = RETRY_AFTER
    return response
