"""The pages of answers. Another person's prediction is a 404."""

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from webapp.predictions.visitors import own_answers


@require_GET
def answers(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """The answers of one upload; the page asks again until all are there."""
    predictions = list(own_answers(request).filter(upload=upload_id).order_by("position"))
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
    prediction = get_object_or_404(own_answers(request), public_id=public_id)
    context = {
        "predictions": [prediction],
        "prediction": prediction,
        "is_complete": prediction.is_answered,
    }
    template = "predictions/_answers.html" if _is_fragment(request) else "predictions/answers.html"
    return render(request, template, context)


def _is_fragment(request: HttpRequest) -> bool:
    return "HX-Request" in request.headers
