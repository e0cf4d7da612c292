"""Keys open these addresses, not sessions; so neither a sign-in page nor a form's token has a place."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, include, path, re_path
from django.views.decorators.csrf import csrf_exempt

from webapp.api.api import answer_problem, api
from webapp.api.docs import docs
from webapp.api.limits import count_call, limit_headers, over_limit
from webapp.problems import Problem


@login_not_required
@csrf_exempt
def nothing_here(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
    return Problem("not_found").response()


def _open(pattern: URLPattern) -> URLPattern:
    """The same address, left to the API's own keys and limits; what it says no to by itself as problem
    JSON."""
    view: Callable[..., HttpResponseBase] = pattern.callback

    @login_not_required
    @csrf_exempt
    @wraps(view)
    def opened(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        uses = count_call(request)
        refusal = over_limit(uses)
        response = answer_problem(request, refusal) if refusal else view(request, **kwargs)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = ", ".join(sorted(response["Allow"].split(", ")))  # came from a set
            response = _method_not_allowed(request, allowed)
        for name, value in limit_headers(uses).items():
            response[name] = value
        return response

    return URLPattern(pattern.pattern, opened, pattern.default_args, pattern.name)


def _method_not_allowed(request: HttpRequest, allowed: str) -> HttpResponseBase:
    problem = Problem("method_not_allowed", expected=allowed, received=request.method)
    response = problem.response()
    response["Allow"] = allowed
    return response


patterns, _, _ = api.urls
v1 = [
    path("docs", docs, name="docs"),
    *(_open(p) for p in patterns if isinstance(p, URLPattern) and p.name != "api-root"),
]

urlpatterns = [
    path("v1/", include((v1, "api"))),
    re_path(r"", nothing_here, name="api-nothing"),
]
