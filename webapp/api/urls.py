"""Keys open these addresses, not sessions; so neither a sign-in page nor a form's token has a place."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, include, path, re_path
from django.views.decorators.csrf import csrf_exempt

from webapp.api.api import api
from webapp.problems import Problem


@login_not_required
@csrf_exempt
def nothing_here(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
    return Problem("not_found").response()


def _open(pattern: URLPattern) -> URLPattern:
    """The same address, left to the API's own keys; what it says no to by itself as problem JSON."""
    view: Callable[..., HttpResponseBase] = pattern.callback

    @login_not_required
    @csrf_exempt
    @wraps(view)
    def opened(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        response = view(request, **kwargs)
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
            return response
        allowed = response["Allow"]
        refusal = Problem(
            "method_not_allowed", expected=allowed, received=request.method
        ).response()
        refusal["Allow"] = allowed
        return refusal

    return URLPattern(pattern.pattern, opened, pattern.default_args, pattern.name)


patterns, _, _ = api.urls
v1 = [_open(p) for p in patterns if isinstance(p, URLPattern) and p.name != "api-root"]

urlpatterns = [
    path("v1/", include((v1, "api"))),
    re_path(r"", nothing_here, name="api-nothing"),
]
