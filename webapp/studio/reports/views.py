"""The pages on what a version has learned, and what of it can be taken away."""

from urllib.parse import quote

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from classifier.errors import BundleError
from webapp.recognizers.models import ModelVersion
from webapp.studio.pages import curator_page, number_of, page
from webapp.studio.reports import values
from webapp.studio.reports.bundle_files import file_path, manifest_of
from webapp.studio.reports.card import model_card
from webapp.studio.reports.cells import CellPage, cell_page
from webapp.studio.reports.mistakes import RIGHT, SAID, mistake_map
from webapp.studio.reports.quality import verdict
from webapp.studio.reports.sections import sections_of
from webapp.studio.reports.told import told_of

CLASSES = ("given", "predicted")


@curator_page
@require_GET
def report(request: HttpRequest, version_id: int) -> HttpResponse:
    """All that is known of a version."""
    version = _version(version_id)
    told = told_of(version)
    return page(
        request,
        "studio/reports/report.html",
        title=str(version),
        version=version,
        told=told,
        verdict=verdict(told),
        sections=sections_of(told),
    )


@curator_page
@require_GET
def confusion(request: HttpRequest, version_id: int) -> HttpResponse:
    """The measured pictures of one class that got another: a cell of the matrix."""
    version = _version(version_id)
    names = version.class_names
    asked = {name: _place(request, name, len(names)) for name in CLASSES if request.GET.get(name)}
    given, predicted = (asked.get(name) for name in CLASSES)
    shown: CellPage | None = None
    problem, status = "", 200
    if not asked or None in asked.values():
        problem = _(
            "Expected two of this version's classes, received others. Choose a cell on its report."
        )
        status = 404
    else:
        try:
            shown = cell_page(version, given, predicted, number_of(request.GET.get("after")) or 0)
        except (FileNotFoundError, BundleError):
            problem = _(
                "Which pictures these are was not kept: the version is older than that, or its bundle "
                "is gone."
            )
        except (ValueError, OSError):
            problem = _("The answers that were kept cannot be read: outcomes.jsonl is damaged.")
    name_of = [values.as_text(name) for name in names]
    return page(
        request,
        "studio/reports/confusion.html",
        title=_("Pictures"),
        status=status,
        version=version,
        given=given,
        predicted=predicted,
        given_name=name_of[given] if given is not None else "",
        predicted_name=name_of[predicted] if predicted is not None else "",
        shown=shown,
        problem=problem,
        is_from_start=not number_of(request.GET.get("after")),
    )


@curator_page
@require_GET
def mistake_map_png(request: HttpRequest, version_id: int) -> HttpResponse:
    """Where the model looked on one of the worst mistakes, to lay over its picture."""
    of, row = request.GET.get("of"), number_of(request.GET.get("row"))
    if of not in (SAID, RIGHT) or row is None:
        raise Http404
    try:
        drawn = mistake_map(_version(version_id), row, of)
    except BundleError as error:
        raise Http404 from error
    if drawn is None:
        raise Http404
    return HttpResponse(drawn, content_type="image/png")


@curator_page
@require_GET
def version_file(request: HttpRequest, version_id: int) -> HttpResponseBase:
    """A file of the bundle, by a name that its manifest has."""
    version = _version(version_id)
    try:
        path = file_path(version, manifest_of(version), request.GET.get("name", ""))
        file = path.open("rb")
    except (BundleError, OSError) as error:
        raise Http404 from error
    name = f"{version.recognizer.slug}-{version.number}-{path.name}"
    return FileResponse(
        file, as_attachment=True, filename=name, content_type="application/octet-stream"
    )


@curator_page
@require_GET
def card(request: HttpRequest, version_id: int) -> HttpResponse:
    """The version's model card, in the reader's language."""
    version = _version(version_id)
    response = HttpResponse(
        model_card(told_of(version)), content_type="text/markdown; charset=utf-8"
    )
    name = quote(f"{version.recognizer.slug}-{version.number}-card.md")
    response["Content-Disposition"] = f"attachment; filename*=utf-8''{name}"
    return response


def _version(version_id: int) -> ModelVersion:
    versions = ModelVersion.objects.select_related(
        "recognizer",
        "promoted_by",
        "run__dataset",
        "run__dataset_version__dataset",
        "run__requested_by",
    )
    return get_object_or_404(versions, pk=version_id)


def _place(request: HttpRequest, name: str, num: int) -> int | None:
    """A class's place in the class names; None for what is none."""
    place = number_of(request.GET.get(name))
    return place if place is not None and place < num else None
