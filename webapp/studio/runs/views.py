"""A curator asks for a training, watches it, stops it, lets it go on."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.accounts.models import User
from webapp.studio.models import TrainingRun
from webapp.studio.pages import curator, curator_page, number_of, page
from webapp.studio.runs import choices
from webapp.studio.runs.curves import last_line, log_tail, news_of, points_of
from webapp.studio.runs.forms import RetrainForm
from webapp.studio.runs.progress import said
from webapp.studio.runs.queue import ahead_of, open_runs, seconds_until_free
from webapp.studio.services import recognizer_get_or_create, run_cancel, run_request, run_resume

RUN_PAGE = "admin:studio_trainingrun_change"


@curator_page
@require_http_methods(["GET", "POST"])
def retrain(request: HttpRequest) -> HttpResponse:
    """Choose a recognizer and a dataset, and press Retrain."""
    if request.method != "POST":
        form = RetrainForm(initial=choices.prefilled(request.GET))
        return _form_page(request, form)
    form = RetrainForm(request.POST)
    if not form.is_valid():
        return _form_page(request, form)
    chosen = form.cleaned_data["recognizer"]
    run, is_new = run_request(
        recognizer=chosen or recognizer_get_or_create(name=form.cleaned_data["new_name"]),
        folder_name=form.cleaned_data["folder_name"],
        version=form.dataset_version(),
        config=form.config(),
        requested_by=curator(request),
        estimated_seconds=form.estimate.seconds if form.estimate else None,
    )
    if is_new:
        messages.success(request, _("The training waits for its turn."))
    else:
        messages.warning(request, _already_asked(run, curator(request)))
    return redirect(RUN_PAGE, run.pk)


def _already_asked(run: TrainingRun, by: User) -> str:
    if run.requested_by == by:
        return _("You have asked for this training already; this is its page.")
    name = run.requested_by.get_username() if run.requested_by else _("the machine itself")
    return _("This training was already asked for by %(name)s; this is its page.") % {"name": name}


def _form_page(request: HttpRequest, form: RetrainForm) -> HttpResponse:
    changed = {name for name in request.GET.get("change", "").split(",") if name}
    return page(
        request,
        "studio/runs/retrain.html",
        title=_("Retrain"),
        form=form,
        is_open=bool(changed) or form.has_advanced_errors(),
        changed=changed,
        has_datasets=form.has_datasets,
        **_asked_for(form),
    )


def _asked_for(form: RetrainForm) -> dict[str, Any]:
    """The estimate and the queue, as they stand beside the form."""
    queue = open_runs()
    return {
        "estimate": form.estimate,
        "room": form.room,
        "queue": queue,
        "seconds_until_free": seconds_until_free(queue),
    }


@curator_page
@require_GET
def estimate(request: HttpRequest) -> HttpResponse:
    """What the settings will take, while they are being chosen."""
    form = RetrainForm(request.GET)
    form.is_valid()  # what is chosen so far is enough for an estimate
    return page(
        request,
        "studio/runs/_estimate.html",
        title=_("Retrain"),
        form=form,
        is_answer=True,
        **_asked_for(form),
    )


@curator_page
@require_GET
def run_page(request: HttpRequest, run_id: str) -> HttpResponse:
    """The run, live."""
    run = _run(run_id)
    return page(
        request,
        "studio/runs/run.html",
        title=str(run),
        **_shown(run),
        lines=log_tail(run),
        points=points_of(run),
        last_line=last_line(run),
    )


@curator_page
@require_GET
def run_state(request: HttpRequest, run_id: int) -> HttpResponse:
    """The part of the run's page that changes, for it to ask again."""
    run = _run(run_id)
    return page(request, "studio/runs/_state.html", title=str(run), **_shown(run))


def _shown(run: TrainingRun) -> dict[str, Any]:
    ahead: list[TrainingRun] = []
    if run.state == TrainingRun.State.QUEUED:
        ahead = ahead_of(run, open_runs())
    return {**said(run), "ahead": ahead, "seconds_until_free": seconds_until_free(ahead)}


@curator_page
@require_GET
def run_news(request: HttpRequest, run_id: int) -> HttpResponse:
    """What the run has said since a line, as JSON."""
    after = number_of(request.GET.get("after", "")) or 0
    return JsonResponse(news_of(_run(run_id), after))


@curator_page
@require_POST
def cancel(request: HttpRequest, run_id: int) -> HttpResponse:
    run_cancel(run=_run(run_id))
    messages.info(request, _("The training will stop at its next step."))
    return redirect(RUN_PAGE, run_id)


@curator_page
@require_POST
def resume(request: HttpRequest, run_id: int) -> HttpResponse:
    if run_resume(run=_run(run_id)):
        messages.success(request, _("The training goes on where it was interrupted."))
    else:
        messages.warning(request, _("This training is not interrupted; nothing was done."))
    return redirect(RUN_PAGE, run_id)


def _run(run_id: str | int) -> TrainingRun:
    runs = TrainingRun.objects.select_related(
        "recognizer", "dataset", "dataset_version", "requested_by", "version__recognizer"
    )
    try:
        return get_object_or_404(runs, pk=int(run_id))
    except ValueError as error:
        raise Http404 from error
