"""The pages of answers. Another person's prediction is a 404.

A page that still waits asks again, and says in `open` what it waits for. The request itself then waits
until one of these is answered, so that the answer is on the page at once; what comes back is the count
and the cards that have changed.
"""

import uuid

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from webapp.predictions.certainty import in_words
from webapp.predictions.computed import labels_of
from webapp.predictions.models import Prediction, PredictionQuerySet
from webapp.predictions.other_views import others_context
from webapp.predictions.positions import in_ranges, named_in
from webapp.predictions.visitors import own_predictions
from webapp.predictions.waiting import ask_again_ms, wait_until_answered
from webapp.recognizers.templatetags.shares import percent_plain

# Shorter than what web servers in front allow a request; then the page asks again.
WAIT_SECONDS = 10.0
# What a card shows. An answer's reasons are longer than all the rest, and a version names all its
# classes.
CARD_FIELDS = (
    *("public_id", "position", "state", "file_name", "picture_name"),
    *("label", "confidence", "is_outlier", "failure_code", "failure_params", "recognizer_id"),
)


@require_GET
@never_cache
def answers(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """The answers of one upload: a card each, or all about it where it is one picture."""
    rows = own_predictions(request).filter(upload=upload_id)
    return _changes(request, rows) if _is_fragment(request) else _page(request, rows)


@require_GET
@never_cache
def answer(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """One prediction."""
    rows = own_predictions(request).filter(public_id=public_id)
    return _changes(request, rows) if _is_fragment(request) else _page(request, rows)


def _page(request: HttpRequest, rows: PredictionQuerySet) -> HttpResponse:
    found = _shown(rows)
    if not found:
        raise Http404
    waiting = [row.position for row in found if not row.is_answered]
    context = {**_poll_context(request, found, waiting), "predictions": found}
    if len(found) == 1:
        context |= _whole_context(request, found[0])
    return render(request, "predictions/answers.html", context)


def _changes(request: HttpRequest, rows: PredictionQuerySet) -> HttpResponse:
    """What has changed since the page was made, as soon as something has."""
    states = list(rows.order_by("position").values_list("pk", "position", "state"))
    if not states:
        raise Http404
    asked = request.GET.get("open")
    positions = [position for _, position, _ in states]
    waited_for = set(positions) if asked is None else named_in(asked, positions)
    unanswered = {
        position: pk for pk, position, state in states if state in Prediction.UNANSWERED_STATES
    }
    held_up_ms = 0
    if waited_for and waited_for <= unanswered.keys():
        ids = [unanswered[position] for position in waited_for]
        if not wait_until_answered(ids, seconds=WAIT_SECONDS, is_one_enough=True):
            held_up_ms = ask_again_ms()
    found = _shown(rows)
    waiting = [row.position for row in found if not row.is_answered]
    changed = [row for row in found if row.position in waited_for and row.is_answered]
    context = {
        **_poll_context(request, found, waiting),
        "held_up_ms": held_up_ms,
        "changed": changed,
        "said": _said(found, num_before=len(found) - len(waited_for)),
    }
    if changed and len(found) == 1:
        context |= _whole_context(request, changed[0])
    return render(request, "predictions/_changes.html", context)


def _shown(rows: PredictionQuerySet) -> list[Prediction]:
    """The rows in their order, each with what the page shows of it."""
    cards = list(rows.order_by("position").only(*CARD_FIELDS))
    if len(cards) != 1:
        return cards
    return list(_whole(rows))


def _whole(rows: PredictionQuerySet) -> QuerySet[Prediction]:
    return rows.select_related("recognizer", "version").defer("version__metrics")


def _poll_context(
    request: HttpRequest, found: list[Prediction], waiting: list[int]
) -> dict[str, object]:
    num_failed = sum(row.state == Prediction.State.FAILED for row in found)
    return {
        "num_all": len(found),
        "num_over": len(found) - len(waiting),
        "num_answered": len(found) - len(waiting) - num_failed,
        "num_failed": num_failed,
        "is_complete": not waiting,
        "poll_url": f"{request.path}?open={in_ranges(waiting)}",
        "is_single": len(found) == 1,
    }


def _whole_context(request: HttpRequest, prediction: Prediction) -> dict[str, object]:
    """What an answer's own page shows beside the row itself."""
    return {"prediction": prediction, **others_context(request, prediction)}


def _said(found: list[Prediction], *, num_before: int) -> str:
    """What is worth saying aloud: a lone answer, else each quarter of them, and the last."""
    num_all, num_over = len(found), sum(row.is_answered for row in found)
    if 4 * num_over // num_all == 4 * num_before // num_all:
        return ""
    if num_all > 1:
        num_answered = sum(row.state == Prediction.State.DONE for row in found)
        return _("%(answered)d of %(all)d answered") % {"answered": num_answered, "all": num_all}
    [row] = found
    if row.state == Prediction.State.FAILED:
        return row.failure_sentence
    if row.is_outlier or row.confidence is None:
        return _("None of these")
    labels = labels_of(row)
    if labels == []:
        return _("None of the classes is likely enough")
    if labels and labels != [row.label]:
        return ", ".join(labels)
    return _("%(label)s, %(certainty)s, %(share)s") % {
        "label": row.label,
        "certainty": in_words(row.confidence),
        "share": percent_plain(row.confidence),
    }


def _is_fragment(request: HttpRequest) -> bool:
    return "HX-Request" in request.headers
