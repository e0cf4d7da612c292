"""An answer under a link that its owner gave away: anybody may look, nobody is told whose it is.

Nothing of it is kept by a browser or a proxy, so that a link that was taken back shows nothing.
"""

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from webapp.predictions.media_views import map_response, nearest_response, picture_response
from webapp.predictions.models import Prediction
from webapp.predictions.sharing import prediction_share, prediction_unshare, shared_prediction
from webapp.predictions.visitors import visitor

P = ParamSpec("P")
HEADERS = {
    "Cache-Control": "private, no-store",
    "X-Robots-Tag": "noindex, nofollow",
}


@require_POST
def share(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Make a link; the answer's page shows it."""
    if not prediction_share(owner=visitor(request), public_id=public_id):
        raise Http404
    return redirect(f"{reverse('answer', args=[public_id])}#share")


@require_POST
def unshare(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Take the link back."""
    if not prediction_unshare(owner=visitor(request), public_id=public_id):
        raise Http404
    return redirect(f"{reverse('answer', args=[public_id])}#share")


def _for_anybody(
    view: Callable[Concatenate[HttpRequest, Prediction, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """A view of what a link opens, without signing in."""

    @wraps(view)
    def opened(
        request: HttpRequest, share_id: uuid.UUID, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponseBase:
        prediction = shared_prediction(share_id)
        if prediction is None:
            raise Http404
        response = view(request, prediction, *args, **kwargs)
        for name, value in HEADERS.items():
            response[name] = value
        return response

    return login_not_required(require_GET(opened))


@_for_anybody
def shared(request: HttpRequest, prediction: Prediction) -> HttpResponse:
    context = {"prediction": prediction, "place": reverse("shared", args=[prediction.share])}
    return render(request, "predictions/shared.html", context)


@_for_anybody
def shared_picture(request: HttpRequest, prediction: Prediction) -> HttpResponseBase:
    return picture_response(prediction.picture_name)


@_for_anybody
def shared_map(request: HttpRequest, prediction: Prediction, rank: int) -> HttpResponse:
    return map_response(prediction, rank)


@_for_anybody
def shared_nearest(request: HttpRequest, prediction: Prediction, rank: int) -> HttpResponse:
    return nearest_response(prediction, rank)
