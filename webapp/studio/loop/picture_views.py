"""The pictures in the inbox, as their owners let curators see them at this moment."""

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from classifier.errors import InvalidImage
from webapp.predictions import pictures
from webapp.studio.loop.inbox import seen_one
from webapp.studio.loop.views import inbox_page


@inbox_page
@require_GET
def picture(request: HttpRequest, prediction_id: int) -> HttpResponse:
    return _jpeg(prediction_id, lambda name: pictures.path_of(name).read_bytes())


@inbox_page
@require_GET
def thumbnail(request: HttpRequest, prediction_id: int) -> HttpResponse:
    return _jpeg(prediction_id, pictures.thumbnail_of)


def _jpeg(prediction_id: int, read: Callable[[str], bytes]) -> HttpResponse:
    prediction = seen_one(prediction_id)
    if prediction is None:
        raise Http404
    try:
        return HttpResponse(read(prediction.picture_name), content_type="image/jpeg")
    except (FileNotFoundError, InvalidImage) as error:
        raise Http404 from error
