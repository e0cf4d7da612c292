"""The pictures on the pages: kept ones, their maps, and training pictures like them. Another
person's is a 404."""

import uuid

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from classifier.errors import InvalidImage
from webapp.predictions import pictures
from webapp.predictions.maps import overlay
from webapp.predictions.models import Prediction
from webapp.predictions.reasons import map_of, thumbnail_of
from webapp.predictions.visitors import own_answers, own_predictions


def picture_response(name: str) -> FileResponse:
    """A kept picture, by its name. Raises Http404."""
    try:
        file = pictures.path_of(name).open("rb")
    except OSError as error:
        raise Http404 from error
    return FileResponse(file, content_type="image/jpeg")


def map_response(prediction: Prediction, rank: int) -> HttpResponse:
    """What spoke for one of the likeliest classes, to lay over the picture. Raises Http404."""
    evidence = map_of(prediction, rank)
    size = pictures.size_of(prediction.picture_name)
    if evidence is None or size is None:
        raise Http404
    return HttpResponse(overlay(*evidence, size), content_type="image/png")


def nearest_response(prediction: Prediction, rank: int) -> HttpResponse:
    """One of the training pictures that are most like the prediction's. Raises Http404."""
    thumbnail = thumbnail_of(prediction, rank)
    if thumbnail is None:
        raise Http404
    return HttpResponse(thumbnail, content_type="image/jpeg")


@require_GET
@cache_control(private=True, max_age=86_400, immutable=True)
def picture(request: HttpRequest, public_id: uuid.UUID) -> FileResponse:
    return picture_response(_kept(request, public_id))


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
    return map_response(get_object_or_404(own_answers(request), public_id=public_id), rank)


@require_GET
@cache_control(private=True, max_age=86_400, immutable=True)
def nearest(request: HttpRequest, public_id: uuid.UUID, rank: int) -> HttpResponse:
    return nearest_response(get_object_or_404(own_answers(request), public_id=public_id), rank)


def _kept(request: HttpRequest, public_id: uuid.UUID) -> str:
    """The name of a kept picture and no more: a page of the history asks for two dozen."""
    rows = own_predictions(request).filter(public_id=public_id)
    name = rows.values_list("picture_name", flat=True).first()
    if not name:
        raise Http404
    return name
