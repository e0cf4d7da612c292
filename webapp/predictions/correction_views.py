"""Right or wrong: what the owner says of an answer, with one tap; and what a label may be."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from webapp.predictions.corrections import CorrectionRefused, prediction_correct
from webapp.predictions.labels import labels_like
from webapp.predictions.models import Prediction
from webapp.predictions.visitors import own_answers, visitor


@require_POST
def correction(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Keeps the verdict. The answer's page gets the part of it that changes; without JavaScript one
    is sent back to the page that one came from."""
    try:
        prediction_correct(
            owner=visitor(request),
            public_id=public_id,
            verdict=request.POST.get("verdict", ""),
            true_label=request.POST.get("true_label", ""),
        )
        problem = ""
    except Prediction.DoesNotExist as error:
        raise Http404 from error
    except CorrectionRefused as error:
        problem = error.sentence
    prediction = get_object_or_404(own_answers(request), public_id=public_id)
    if "HX-Request" in request.headers:
        context = {
            "prediction": prediction,
            "problem": problem,
            # What was refused is not lost: it can be mended.
            "written": request.POST.get("true_label", "") if problem else "",
            "is_fresh": True,
        }
        return render(request, "predictions/_correction_said.html", context)
    if problem:
        messages.error(request, problem)
    return redirect(f"{_page_of(request, prediction)}#correction-{public_id}")


@require_GET
@never_cache
def labels(request: HttpRequest) -> HttpResponse:
    """The classes that are like what was written, as options of a list; of one recognizer or of all."""
    found = labels_like(
        request.GET.get("true_label", ""),
        person=request.user,
        recognizer=request.GET.get("recognizer", ""),
    )
    return render(request, "predictions/_labels.html", {"labels": found})


def _page_of(request: HttpRequest, prediction: Prediction) -> str:
    """The page of the whole upload where the form was there, else that of the one answer."""
    upload = reverse("answers", args=[prediction.upload])
    if request.POST.get("page") == upload:
        return upload
    return reverse("answer", args=[prediction.public_id])
