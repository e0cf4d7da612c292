"""What would another version have said? The history, answered anew, and what changes."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRefresh
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from classifier.errors import InvalidImage
from webapp.predictions import pictures
from webapp.recognizers.models import ModelVersion
from webapp.studio.jobs.services import job_cancel
from webapp.studio.loop.inbox import may_be_seen
from webapp.studio.models import Job, SecondAnswer
from webapp.studio.pages import SEE_CORRECTIONS, curator, curator_page, number_of, page
from webapp.studio.reanswering.services import (
    DEFAULT_NUMBER,
    MAX_NUMBER,
    answered_by_others,
    last_reanswering,
    reanswering_request,
)
from webapp.studio.reanswering.told import changed_by


class NumberForm(forms.Form):
    """How many pictures are answered anew."""

    number = forms.IntegerField(
        label=gettext_lazy("How many pictures, the newest first"),
        min_value=1,
        max_value=MAX_NUMBER,
        initial=DEFAULT_NUMBER,
        widget=UnfoldAdminIntegerFieldWidget,
    )


@curator_page
@require_http_methods(["GET", "POST"])
def reanswer(request: HttpRequest, version_id: int) -> HttpResponse:
    """Ask for it, watch it, and see what came of it."""
    version = _version(version_id)
    form = NumberForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        _job, is_new = reanswering_request(
            version=version, number=form.cleaned_data["number"], by=curator(request)
        )
        if not is_new:
            messages.info(request, _("It is at it already: this is how far it is."))
        return redirect("studio:reanswer", version.pk)
    job = last_reanswering(version)
    context: dict[str, Any] = {
        "version": version,
        "form": form,
        "job": job,
        "changed": None,
        "sees_pictures": request.user.has_perm(SEE_CORRECTIONS),
        "has_any": answered_by_others(version).exists(),
    }
    if job and job.started_at:
        context["changed"] = changed_by(
            job,
            seen=may_be_seen(version.recognizer),
            after=number_of(request.GET.get("after")) or 0,
        )
    return page(
        request,
        "studio/reanswering/reanswer.html",
        title=_("The history, answered by %(version)s") % {"version": version},
        **context,
    )


@curator_page
@require_GET
def reanswer_state(request: HttpRequest, version_id: int) -> HttpResponse:
    """How far it is, for the page to ask again; when it has ended, the page begins anew."""
    version = _version(version_id)
    job = last_reanswering(version)
    if job is None or not job.is_open:
        return HttpResponseClientRefresh()
    context = {"version": version, "job": job}
    return render(request, "studio/reanswering/_state.html", context)


@curator_page
@require_POST
def reanswer_cancel(request: HttpRequest, version_id: int) -> HttpResponse:
    """Stop it; what is answered by then is kept."""
    job = last_reanswering(_version(version_id))
    if job is not None and job.is_open:
        job_cancel(job=job)
    return redirect("studio:reanswer", version_id)


@curator_page
@require_GET
def reanswer_thumbnail(request: HttpRequest, version_id: int, prediction_id: int) -> HttpResponse:
    """A visitor's picture, small, for who may see those: of the pictures that curators may look at, those
    with another answer alone."""
    if not request.user.has_perm(SEE_CORRECTIONS):
        raise PermissionDenied
    version = _version(version_id)
    # By the key itself: a number that no key can be is found nowhere, and raises nothing.
    seen = may_be_seen(version.recognizer).filter(pk=prediction_id).order_by()
    rows = SecondAnswer.objects.filter(
        job__kind=Job.Kind.REANSWER, job__version=version, prediction__in=seen, is_changed=True
    )
    name = rows.order_by().values_list("prediction__picture_name", flat=True).first()
    if not name:
        raise Http404
    try:
        return HttpResponse(pictures.thumbnail_of(name), content_type="image/jpeg")
    except (FileNotFoundError, InvalidImage) as error:
        raise Http404 from error


def _version(version_id: int) -> ModelVersion:
    return get_object_or_404(ModelVersion.objects.select_related("recognizer"), pk=version_id)
