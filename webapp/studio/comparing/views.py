"""Champion and challenger: a version beside the one that answers, and the button that lets it answer."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRefresh

from webapp.recognizers.models import ModelVersion
from webapp.recognizers.swap import PromotionRefused
from webapp.studio.comparing.services import (
    NothingKnown,
    ReasonWanted,
    candidate_promote,
    comparison_request,
    last_comparison,
    result_of,
    version_before,
)
from webapp.studio.comparing.told import told
from webapp.studio.jobs.services import job_cancel
from webapp.studio.models import Job
from webapp.studio.pages import curator, curator_page, number_of, page

MAX_OTHERS = 50
MAX_REASON_CHARACTERS = 2000


@curator_page
@require_GET
def compare(request: HttpRequest, version_id: int) -> HttpResponse:
    """A version beside another one of its recognizer: `?with=` its number, else the one that answers."""
    version = _version(version_id)
    return _page(request, version, _champion(version, request.GET.get("with", "")))


@curator_page
@require_POST
def comparison_start(request: HttpRequest, version_id: int) -> HttpResponse:
    version = _version(version_id)
    champion = _champion(version, request.POST.get("with", ""))
    if champion is None:
        messages.info(request, _("There is no other version to compare it with."))
    else:
        job, _is_new = comparison_request(version=version, champion=champion, by=curator(request))
        if job.other_version_id != champion.pk:
            messages.info(
                request,
                _("It is just being compared with another version. Ask again when that is done."),
            )
    return _to_page(version, champion)


@curator_page
@require_GET
def comparison_state(request: HttpRequest, version_id: int) -> HttpResponse:
    """How far the comparison is, for the page to ask again; when it has ended, the page begins anew."""
    version = _version(version_id)
    champion = _champion(version, request.GET.get("with", ""))
    job = last_comparison(version, champion) if champion else None
    if job is None or not job.is_open:
        return HttpResponseClientRefresh()
    context = {"version": version, "champion": champion, "job": job}
    return render(request, "studio/comparing/_state.html", context)


@curator_page
@require_POST
def comparison_cancel(request: HttpRequest, version_id: int) -> HttpResponse:
    version = _version(version_id)
    champion = _champion(version, request.POST.get("with", ""))
    job = last_comparison(version, champion) if champion else None
    if job is not None and job.is_open:
        job_cancel(job=job)
    return _to_page(version, champion)


@curator_page
@require_POST
def version_promote(request: HttpRequest, version_id: int) -> HttpResponse:
    """Let a version answer. What is refused comes back with what was written."""
    version = _version(version_id)
    reason = request.POST.get("reason", "")[:MAX_REASON_CHARACTERS]
    try:
        candidate_promote(
            version=version,
            by=curator(request),
            instead_of=shown_live(request),
            reason=reason,
            is_unknown_accepted="is_unknown_accepted" in request.POST,
        )
    except (ReasonWanted, NothingKnown) as error:
        messages.warning(request, str(error))
    except PromotionRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("%(version)s answers from now on.") % {"version": version})
        return redirect("studio:compare", version.pk)
    version.refresh_from_db()
    return _page(request, version, _champion(version, ""), reason=reason)


def shown_live(request: HttpRequest) -> int | None:
    """The number of the version that was live when the page with the button was made."""
    return number_of(request.POST.get("instead_of"))


def _version(version_id: int) -> ModelVersion:
    return get_object_or_404(ModelVersion.objects.select_related("recognizer"), pk=version_id)


def _champion(version: ModelVersion, number: str) -> ModelVersion | None:
    """The version of that number, else the one that answers; beside that, the one before it."""
    recognizer = version.recognizer
    others = recognizer.versions.select_related("recognizer").exclude(pk=version.pk)
    if number:
        return get_object_or_404(others, number=number_of(number) or 0)
    if version.state == ModelVersion.State.LIVE:
        return version_before(recognizer, version.number)
    return others.filter(state=ModelVersion.State.LIVE).first()


def _page(
    request: HttpRequest, version: ModelVersion, champion: ModelVersion | None, *, reason: str = ""
) -> HttpResponse:
    job = last_comparison(version, champion) if champion else None
    result = result_of(version, champion) if champion and job else None
    is_live = version.state == ModelVersion.State.LIVE
    context: dict[str, Any] = {
        "version": version,
        "champion": champion,
        "is_live": is_live,
        "is_with_live": champion is None or champion.state == ModelVersion.State.LIVE,
        "live_number": version.recognizer.live_number(),
        "job": job,
        "has_failed": job is not None and job.state == Job.State.FAILED,
        "told": told(result, version, champion) if champion and result else None,
        "others": _others(version),
        "reason": reason,
        "max_reason_characters": MAX_REASON_CHARACTERS,
    }
    return page(request, "studio/comparing/compare.html", title=str(version), **context)


def _others(version: ModelVersion) -> list[ModelVersion]:
    """What else it can be compared with, the newest first."""
    others = ModelVersion.objects.filter(recognizer=version.recognizer_id).exclude(pk=version.pk)
    return list(others.only("number", "state", "recognizer_id").order_by("-number")[:MAX_OTHERS])


def _to_page(version: ModelVersion, champion: ModelVersion | None) -> HttpResponse:
    response = redirect("studio:compare", version.pk)
    if champion is not None:
        response["Location"] += f"?with={champion.number}"
    return response
