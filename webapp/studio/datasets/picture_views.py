"""The pictures of a dataset, for curators; those of visitors for who may see corrections."""

from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from classifier.errors import InvalidImage
from webapp.studio.datasets.pictures import picture_of, thumbnail_of
from webapp.studio.models import Example
from webapp.studio.pages import SEE_CORRECTIONS, curator_page


@curator_page
@require_GET
def thumbnail(request: HttpRequest, dataset_id: int, example_id: int) -> HttpResponse:
    return _jpeg(request, dataset_id, example_id, thumbnail_of)


@curator_page
@require_GET
def picture(request: HttpRequest, dataset_id: int, example_id: int) -> HttpResponse:
    return _jpeg(request, dataset_id, example_id, picture_of)


def _jpeg(
    request: HttpRequest, dataset_id: int, example_id: int, encoded: Callable[[Example], bytes]
) -> HttpResponse:
    example = get_object_or_404(Example.objects.present(), dataset=dataset_id, pk=example_id)
    if example.prediction_id is not None and not request.user.has_perm(SEE_CORRECTIONS):
        raise PermissionDenied
    try:
        return HttpResponse(encoded(example), content_type="image/jpeg")
    except (FileNotFoundError, InvalidImage) as error:
        raise Http404 from error
