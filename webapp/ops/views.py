"""For supervisors and Prometheus. None of these sees a session, but for the metrics' staff."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from webapp.accounts.keys import bearer
from webapp.accounts.models import User
from webapp.ops.health import health
from webapp.ops.scrape import exposition


@login_not_required
@require_safe
@never_cache
def alive(request: HttpRequest) -> HttpResponse:
    """The web process answers."""
    return HttpResponse("alive\n", content_type="text/plain")


@login_not_required
@require_safe
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """All that an answer needs is there: 200; else 503. Each check says why."""
    report = health.report()
    is_ready = all(outcome.is_ok for outcome in report)
    checks = {outcome.name: {"ok": outcome.is_ok, "reason": outcome.reason} for outcome in report}
    return JsonResponse({"ready": is_ready, "checks": checks}, status=200 if is_ready else 503)


@login_not_required
@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """For whoever has the token, and for staff."""
    if not (_has_token(request) or _is_staff(request)):
        response = HttpResponse(
            "Expected the token of OCELLUS_METRICS_TOKEN, or staff.\n",
            status=401,
            content_type="text/plain",
        )
        response["WWW-Authenticate"] = 'Bearer realm="Ocellus metrics"'
        return response
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)


def _has_token(request: HttpRequest) -> bool:
    token = bearer(request.headers.get("Authorization", ""))
    # Where none is set, none opens: an empty one would be the same.
    return bool(settings.METRICS_TOKEN) and constant_time_compare(token, settings.METRICS_TOKEN)


def _is_staff(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_active and request.user.is_staff
