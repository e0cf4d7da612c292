"""The audit of a dataset, and the buttons that act on what it found."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect, HttpResponseClientRefresh

from webapp.studio.audits import wording
from webapp.studio.audits.fixes import AuditOutdated, NotOffered, finding_fix, fix_undo
from webapp.studio.audits.services import confirmed_labels, last_audit, newest_audit
from webapp.studio.audits.showing import PAGE_SIZE, shown_findings, shown_fixes
from webapp.studio.datasets.services import manifest_digest
from webapp.studio.jobs.services import job_cancel, job_create
from webapp.studio.models import Dataset, Job
from webapp.studio.pages import curator, curator_page, is_htmx, number_of, page


@curator_page
@require_GET
def audit(request: HttpRequest, dataset_id: int) -> HttpResponse:
    """What the last audit has found, and how far the one is that goes on."""
    dataset = get_object_or_404(Dataset, pk=dataset_id)
    job = last_audit(dataset)
    findings = _findings(request, job) if job else []
    return page(
        request,
        "studio/audits/audit.html",
        title=_("Audit of %(dataset)s") % {"dataset": dataset},
        dataset=dataset,
        newest=newest_audit(dataset),
        job=job,
        findings=findings,
        blocks=any(finding.level == "blocks" for finding in findings),
        fixes=shown_fixes(job) if job else [],
    )


@curator_page
@require_POST
def audit_start(request: HttpRequest, dataset_id: int) -> HttpResponse:
    dataset = get_object_or_404(Dataset, pk=dataset_id)
    _job, is_new = job_create(kind=Job.Kind.AUDIT, dataset=dataset, requested_by=curator(request))
    if not is_new:
        messages.info(request, _("This dataset is being audited already."))
    return redirect("studio:audit", dataset.pk)


@curator_page
@require_POST
def audit_cancel(request: HttpRequest, dataset_id: int) -> HttpResponse:
    dataset = get_object_or_404(Dataset, pk=dataset_id)
    newest = newest_audit(dataset)
    if newest and newest.is_open:
        job_cancel(job=newest)
        messages.info(request, _("The audit will stop at its next step."))
    else:
        messages.info(request, _("No audit goes on; nothing was done."))
    return redirect("studio:audit", dataset.pk)


@curator_page
@require_GET
def audit_state(request: HttpRequest, dataset_id: int) -> HttpResponse:
    """How far the audit is, for the page to ask again; when it has ended, the page is loaded anew."""
    dataset = get_object_or_404(Dataset, pk=dataset_id)
    newest = newest_audit(dataset)
    if newest is None or not newest.is_open:
        return HttpResponseClientRefresh()
    context = {"dataset": dataset, "newest": newest}
    return TemplateResponse(request, "studio/audits/_state.html", context)


@curator_page
@require_GET
def audit_changed(request: HttpRequest, dataset_id: int) -> HttpResponse:
    """Whether the dataset is no longer what the last audit has seen. Reads all of its rows, so the page
    does not wait for it."""
    dataset = get_object_or_404(Dataset, pk=dataset_id)
    job = last_audit(dataset)
    if job is None:
        raise Http404
    is_changed = manifest_digest(dataset) != job.result.get("digest")
    context = {"is_changed": is_changed, "is_known": True}
    return TemplateResponse(request, "studio/audits/_changed.html", context)


@curator_page
@require_GET
def audit_finding(request: HttpRequest, dataset_id: int, job_id: int) -> HttpResponse:
    """One finding with more of its pictures."""
    job = _audit(dataset_id, job_id)
    return _finding(request, job, _number(request.GET.get("finding")))


@curator_page
@require_POST
def audit_fix(request: HttpRequest, dataset_id: int, job_id: int) -> HttpResponse:
    """Act on one item of a finding, or on all of it."""
    job = _audit(dataset_id, job_id)
    place = _number(request.POST.get("finding"))
    item = request.POST.get("item", "")
    try:
        outcome = finding_fix(
            job=job,
            by=curator(request),
            finding=place,
            action=request.POST.get("action", ""),
            item=_number(item) if item else None,
            label=request.POST.get("label", ""),
        )
    except NotOffered as error:
        raise Http404 from error
    except AuditOutdated:
        return _outdated(request, job)
    said = wording.done(request.POST["action"], outcome.num_changed)
    return _done(request, job, place, said=said, fix=outcome.fix)


@curator_page
@require_POST
def audit_undo(request: HttpRequest, dataset_id: int, job_id: int) -> HttpResponse:
    """Take a decision back."""
    job = _audit(dataset_id, job_id)
    try:
        num = fix_undo(job=job, fix=request.POST.get("fix", ""))
    except AuditOutdated:
        return _outdated(request, job)
    messages.success(request, wording.undone(num))
    return redirect("studio:audit", dataset_id)


def _audit(dataset_id: int, job_id: int) -> Job:
    jobs = Job.objects.filter(kind=Job.Kind.AUDIT, state=Job.State.SUCCEEDED)
    return get_object_or_404(jobs.select_related("dataset"), pk=job_id, dataset=dataset_id)


def _findings(request: HttpRequest, job: Job) -> list[Any]:
    """All, one of them with as many pictures as the address says."""
    confirmed = confirmed_labels(dataset=_dataset(job))
    opened = {}
    if "finding" in request.GET:
        opened[_number(request.GET["finding"])] = _num_shown(request)
    return list(shown_findings(job, confirmed, num_shown=opened))


def _dataset(job: Job) -> Dataset:
    if job.dataset is None:
        raise Http404
    return job.dataset


def _finding(request: HttpRequest, job: Job, place: int, **more: Any) -> HttpResponse:
    confirmed = confirmed_labels(dataset=_dataset(job))
    try:
        [finding] = shown_findings(
            job, confirmed, only=place, num_shown={place: _num_shown(request)}
        )
    except IndexError as error:
        raise Http404 from error
    context = {"finding": finding, "job": job, "dataset": job.dataset, **more}
    return TemplateResponse(request, "studio/audits/_finding.html", context)


def _done(request: HttpRequest, job: Job, place: int, *, said: str, fix: str) -> HttpResponse:
    """The finding as it is now; without htmx the page that it stands on."""
    if is_htmx(request):
        job.refresh_from_db(fields=["params"])
        return _finding(request, job, place, said=said, fix=fix, fixes=shown_fixes(job))
    messages.success(request, said)
    address = reverse("studio:audit", args=[job.dataset_id])
    shown = f"?finding={place}&shown={_num_shown(request)}"
    return redirect(f"{address}{shown}#finding-{place}")


def _outdated(request: HttpRequest, job: Job) -> HttpResponse:
    messages.warning(
        request,
        _("Somebody has audited this dataset again; nothing was changed. Here is what was found."),
    )
    address = reverse("studio:audit", args=[job.dataset_id])
    if is_htmx(request):
        return HttpResponseClientRedirect(address)
    return redirect(address)


def _num_shown(request: HttpRequest) -> int:
    given = request.POST.get("shown") or request.GET.get("shown") or ""
    return max(PAGE_SIZE, _number(given)) if given else PAGE_SIZE


def _number(text: str | None) -> int:
    """A place in a list. Raises Http404 for what is none."""
    number = number_of(text)
    if number is None:
        raise Http404
    return number
