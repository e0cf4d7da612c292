"""The versions of a dataset, and what each of them held."""

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from webapp.languages import sentence_of
from webapp.studio.datasets.forms import NoteForm
from webapp.studio.datasets.frame import dataset_or_404, dataset_page
from webapp.studio.datasets.refusals import FolderRefused
from webapp.studio.datasets.versions import ManifestGone, differences, lines_of, version_make
from webapp.studio.models import Dataset, DatasetVersion, TrainingRun
from webapp.studio.pages import curator, curator_page, number_of

VERSIONS_PER_PAGE = 20
RUNS = Prefetch(
    "runs", TrainingRun.objects.select_related("recognizer", "version__recognizer").order_by("-id")
)


@curator_page
@require_http_methods(["GET", "POST"])
def dataset_versions(request: HttpRequest, dataset_id: int) -> HttpResponse:
    """All of them, the newest first, each with what learned from it; and the way to make one."""
    dataset = dataset_or_404(dataset_id)
    form = NoteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        _make(request, dataset, form.cleaned_data["note"])
        return redirect("studio:dataset_versions", dataset.pk)
    before = number_of(request.GET.get("before"))
    versions = dataset.versions.order_by("-number")
    if before:
        versions = versions.filter(number__lt=before)
    found = list(
        versions.select_related("created_by").prefetch_related(RUNS)[: VERSIONS_PER_PAGE + 1]
    )
    return dataset_page(
        request,
        "versions.html",
        dataset=dataset,
        tab="versions",
        form=form,
        versions=found[:VERSIONS_PER_PAGE],
        is_more=len(found) > VERSIONS_PER_PAGE,
        is_first=not before,
        may_make=dataset.state == Dataset.State.READY,
    )


@curator_page
@require_GET
def dataset_version(request: HttpRequest, version_id: int) -> HttpResponse:
    """What it held: the pictures of its manifest, as they were."""
    version = _version(version_id)
    label = request.GET.get("class")
    after = number_of(request.GET.get("after")) or 0
    try:
        lines, is_more = lines_of(version, label=label, after=after)
        is_gone = False
    except ManifestGone:
        lines, is_more, is_gone = [], False, True
    return dataset_page(
        request,
        "version.html",
        dataset=version.dataset,
        tab="versions",
        version=version,
        label=label,
        lines=lines,
        is_more=is_more,
        is_gone=is_gone,
        after=after,
    )


@curator_page
@require_GET
def dataset_version_changes(request: HttpRequest, version_id: int) -> HttpResponse:
    """How the dataset differs now, for the version's page to ask for: it takes a moment."""
    version = _version(version_id)
    try:
        found, is_gone = differences(version), False
    except ManifestGone:
        found, is_gone = None, True
    context = {"version": version, "differences": found, "is_gone": is_gone}
    return render(request, "studio/datasets/_changes.html", context)


def _version(version_id: int) -> DatasetVersion:
    rows = DatasetVersion.objects.select_related("dataset__created_by", "created_by")
    return get_object_or_404(rows.prefetch_related(RUNS), pk=version_id)


def _make(request: HttpRequest, dataset: Dataset, note: str) -> None:
    if dataset.state != Dataset.State.READY or not dataset.examples.included().exists():
        messages.error(
            request, _("There are no pictures to make a version of. Read the dataset first.")
        )
        return
    try:
        version, is_new = version_make(dataset=dataset, created_by=curator(request), note=note)
    except FolderRefused as error:
        messages.error(request, sentence_of(error))
        return
    if is_new:
        sentence = _("Version %(number)s holds the dataset as it is now.")
        messages.success(request, sentence % {"number": version.number})
        return
    sentence = _("Nothing has changed since version %(number)s, so that one stays the latest.")
    messages.info(request, sentence % {"number": version.number})
    if note and version.note != note:
        sentence = _("Its note stays “%(note)s”.")
        messages.info(request, sentence % {"note": version.note})
