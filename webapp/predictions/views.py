"""The visitor's pages: upload and answer. Another person's picture is a 404."""

import uuid

from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods

from classifier.errors import InvalidImage
from webapp import metrics
from webapp.predictions import pictures
from webapp.predictions.forms import UploadForm
from webapp.predictions.maps import overlay
from webapp.predictions.models import Prediction
from webapp.predictions.reasons import map_of, thumbnail_of
from webapp.predictions.refusals import refusal
from webapp.predictions.services import UploadNotKept, upload_accept
from webapp.predictions.visitors import own_predictions, visitor


@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """The form; posted, its pictures are kept and the visitor sent on to their answers."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "GET" or not form.is_valid():
        status = 200 if request.method == "GET" else 422
        return render(request, "predictions/upload.html", {"form": form}, status=status)
    try:
        accepted = upload_accept(
            owner=visitor(request),
            recognizer=form.cleaned_data["recognizer"],
            upload=form.cleaned_data["upload"],
            files=form.cleaned_data["pictures"],
        )
    except UploadNotKept:
        metrics.refused("not_kept")
        sentence = _("The pictures could not be kept just now. Please send them again in a moment.")
        return refusal(request, 503, sentence)
    return redirect("answers", upload_id=accepted[0].upload)


@require_GET
def answers(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """The answers of one upload; the page asks again until all are there."""
    predictions = list(_own(request).filter(upload=upload_id).order_by("position"))
    if not predictions:
        raise Http404
    context = {
        "predictions": predictions,
        "upload_id": upload_id,
        "is_complete": all(prediction.is_answered for prediction in predictions),
    }
    template = "predictions/_answers.html" if _is_fragment(request) else "predictions/answers.html"
    return render(request, template, context)


@require_GET
def answer(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """One prediction."""
    prediction = get_object_or_404(_own(request), public_id=public_id)
    context = {
        "predictions": [prediction],
        "prediction": prediction,
        "is_complete": prediction.is_answered,
    }
    template = "predictions/_answers.html" if _is_fragment(request) else "predictions/answers.html"
    return render(request, template, context)


@require_GET
@cache_control(private=True, max_age=86_400, immutable=True)
def picture(request: HttpRequest, public_id: uuid.UUID) -> FileResponse:
    try:
        file = pictures.path_of(_kept(request, public_id)).open("rb")
    except FileNotFoundError as error:
        raise Http404 from error
    return FileResponse(file, content_type="image/jpeg")


@require_GET
@cache_control(private=True, max_age=86_400, immutable=True)
def thumbnail(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    try:
        small = pictures.thumbnail_of(_kept(request, public_id))
    except (FileNotFoundError, InvalidImage) as error:
        raise Http404 from error
    return HttpResponse(small, content_type="image/jpeg")


@require_GET
@cache_control(private=True, max_age=86_400, immutable=True)
def heat_map(request: HttpRequest, public_id: uuid.UUID, rank: int) -> HttpResponse:
    """What spoke for one of the likeliest classes, to lay over the picture."""
    prediction = get_object_or_404(_own(request), public_id=public_id)
    evidence = map_of(prediction, rank)
    size = pictures.size_of(prediction.picture_name)
    if evidence is None or size is None:
        raise Http404
    return HttpResponse(overlay(*evidence, size), content_type="image/png")


@require_GET
@cache_control(private=True, max_age=86_400, immutable=True)
def nearest(request: HttpRequest, public_id: uuid.UUID, rank: int) -> HttpResponse:
    """One of the training pictures that are most like the prediction's."""
    thumbnail = thumbnail_of(get_object_or_404(_own(request), public_id=public_id), rank)
    if thumbnail is None:
        raise Http404
    return HttpResponse(thumbnail, content_type="image/jpeg")


def _own(request: HttpRequest) -> QuerySet[Prediction]:
    rows = own_predictions(request)
    return rows.select_related("recognizer", "version").defer("version__metrics")


def _kept(request: HttpRequest, public_id: uuid.UUID) -> str:
    """The name of a kept picture and no more: a page of the history asks for two dozen."""
    rows = own_predictions(request).filter(public_id=public_id)
    name = rows.values_list("picture_name", flat=True).first()
    if not name:
        raise Http404
    return name


def _is_fragment(request: HttpRequest) -> bool:
    return "HX-Request" in request.headers
