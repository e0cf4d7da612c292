"""In which language somebody reads: as they chose at the foot of a page, else as their browser asks."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils.cache import patch_vary_headers


class LanguageMiddleware(LocaleMiddleware):
    """Django's own, which looks at a cookie and does not say so: what is kept of a reply without a
    session, like the API's page, would be shown to readers of the other language."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> Any:
        response = super().process_response(request, response)
        patch_vary_headers(response, ("Cookie",))
        return response
