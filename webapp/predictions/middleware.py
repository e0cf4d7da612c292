"""Refuses a body over the limit before anything reads it.

Django looks for a form's CSRF token in the body, and so keeps all of it on the disk before it asks who
is signed in. Here who that is comes first.
"""

import re
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest, HttpResponse

from webapp.accounts.guests import GuestsWait, guests_must_wait, has_marker, may_send
from webapp.accounts.keys import bearer_key
from webapp.predictions.refusals import guests_wait, length_required, upload_too_large

UPLOAD_FORM = "/"
# Where the form's script sends files one by one: urls.py's `upload_file`.
UPLOAD_FILE = re.compile(r"/uploads/[0-9a-f-]{36}/files/")
UPLOAD_API = "/api/v1/predictions"


def is_upload(request: HttpRequest) -> bool:
    """Whether it goes to the upload form, or to where its script sends files."""
    return request.path == UPLOAD_FORM or UPLOAD_FILE.fullmatch(request.path) is not None


class NoFiles(FileUploadHandler):
    """Passes files over. Of a form that is larger than what stays in memory each would be a file on the
    disk, open until the whole form is there, and whoever keeps it waiting holds hundreds of them."""

    def new_file(self, *args: object, **options: object) -> None:
        raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        return None

    def file_complete(self, file_size: int) -> UploadedFile | None:
        return None


class UploadSizeMiddleware:
    """413 with a sentence, by the length that the request declares. Whoever was signed in once and no
    longer is, is sent to sign in, as for a small form. It stands after the middleware that knows the
    session: nothing reads a body before the views' turn comes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    @staticmethod
    def _may_have_files(request: HttpRequest) -> bool:
        """Pictures come to the upload form, from somebody with a session or a guest's marker, and to
        the API, from somebody with a key; all else is small. Whose key it is, is looked up before a
        body is read; whose session, here, and only for a body that is not small."""
        if is_upload(request):
            return settings.SESSION_COOKIE_NAME in request.COOKIES or has_marker(request)
        authorization = request.headers.get("Authorization", "")
        return request.path == UPLOAD_API and bearer_key(authorization) is not None

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            num_bytes = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            num_bytes = 0
        if request.headers.get("Transfer-Encoding") and "CONTENT_LENGTH" not in request.META:
            return length_required(request)  # Django would take it for an empty body
        limit = settings.MAX_UPLOAD_BYTES
        if not self._may_have_files(request):
            limit = settings.MAX_OTHER_BYTES
            request.upload_handlers = [NoFiles(request)]
        if num_bytes > limit:
            return upload_too_large(request, limit)
        is_large_form = is_upload(request) and num_bytes > settings.MAX_OTHER_BYTES
        if is_large_form and not may_send(request):
            return redirect_to_login(UPLOAD_FORM)
        if is_large_form and (wait := guests_must_wait(request)):
            return guests_wait(request, wait)
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return guests_wait(request, exception) if isinstance(exception, GuestsWait) else None
