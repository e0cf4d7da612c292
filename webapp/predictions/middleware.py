"""Refuses a body over the limit before anything reads it."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from webapp.accounts.keys import bearer_key
from webapp.predictions.refusals import upload_too_large

UPLOAD_FORM = "/"
UPLOAD_API = "/api/v1/predictions"


class UploadSizeMiddleware:
    """413 with a sentence, by the length that the request declares."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    @staticmethod
    def _limit(request: HttpRequest) -> int:
        """Pictures come to the upload form, from somebody with a session, and to the API, from
        somebody with a key; all else is small. Whose session or key it is, is looked up later: this
        runs before anything may read the body."""
        if request.path == UPLOAD_FORM:
            may_upload = settings.SESSION_COOKIE_NAME in request.COOKIES
        else:
            authorization = request.headers.get("Authorization", "")
            may_upload = request.path == UPLOAD_API and bearer_key(authorization) is not None
        return int(settings.MAX_UPLOAD_BYTES if may_upload else settings.MAX_OTHER_BYTES)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            num_bytes = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            num_bytes = 0
        if num_bytes > self._limit(request):
            return upload_too_large(request, self._limit(request))
        return self.get_response(request)
