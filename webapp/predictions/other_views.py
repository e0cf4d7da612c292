"""What other recognizers say of a picture: asking them, and their answers on its page."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.guests import takes_pictures
from webapp.predictions.models import Prediction
from webapp.predictions.others import askable, is_asked, others_of, prediction_ask_other
from webapp.predictions.services import UploadNotKept
from webapp.predictions.visitors import own_predictions, sender
from webapp.predictions.waiting import ask_again_ms, wait_until_answered
from webapp.recognizers.models import Recognizer

WAIT_SECONDS = 10.0


@takes_pictures
@require_POST
def ask_other(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Ask another recognizer about a picture; the page that follows shows its answer."""
    prediction = get_object_or_404(own_predictions(request), public_id=public_id)
    ready = Recognizer.objects.ready().open_to(request.user).exclude(pk=prediction.recognizer_id)
    recognizer = ready.filter(slug=request.POST.get("recognizer", "")).first()
    if recognizer is None:
        messages.error(request, _("This recognizer cannot answer now. Please ask another one."))
    else:
        sender(request, num_new=lambda _: 0 if is_asked(prediction, recognizer) else 1)
        try:
            prediction_ask_other(prediction=prediction, recognizer=recognizer)
        except UploadNotKept:
            sentence = _("%(name)s could not be asked just now. Please try again in a moment.")
            messages.error(request, sentence % {"name": recognizer.name})
    return redirect(f"{reverse('answer', args=[public_id])}#others")


@require_GET
@never_cache
def others(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The part of a page with the others' answers, as soon as one that is open is there."""
    prediction = get_object_or_404(own_predictions(request).defer("why"), public_id=public_id)
    if "HX-Request" not in request.headers:
        return redirect(f"{reverse('answer', args=[public_id])}#others")
    held_up_ms = 0
    unanswered = [row.pk for row in others_of(prediction) if not row.is_answered]
    if unanswered and not wait_until_answered(unanswered, seconds=WAIT_SECONDS, is_one_enough=True):
        held_up_ms = ask_again_ms()
    context = {
        "prediction": prediction,
        "held_up_ms": held_up_ms,
        **others_context(request, prediction),
    }
    return render(request, "predictions/_others.html", context)


def others_context(request: HttpRequest, prediction: Prediction) -> dict[str, object]:
    """What the page of an answer shows of others."""
    if not prediction.is_answered or not prediction.picture_name:
        return {}
    found = others_of(prediction)
    return {
        "others": found,
        "askable": askable(prediction, found, person=request.user),
        "is_other_open": any(not row.is_answered for row in found),
    }
