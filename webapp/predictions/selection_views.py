"""What is done with a selection of the history: confirmed, relabelled, deleted, each with undo; or taken
along as a file."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http.request import QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from webapp.predictions import corrections
from webapp.predictions.corrections import CorrectionRefused, clean_words, predictions_judge
from webapp.predictions.deletions import UNDO_MINUTES, deletion_undo, predictions_delete
from webapp.predictions.files import can_be_zipped, csv_response, nothing_to_zip, zip_response
from webapp.predictions.history import HistoryFilters
from webapp.predictions.judgings import judging_forget, judging_keep, judging_of
from webapp.predictions.models import Prediction, PredictionQuerySet
from webapp.predictions.selected import selected, selection_keep, uuid_or_none
from webapp.predictions.visitors import visitor

Verdict = Prediction.Verdict
# What `back` may bring again into the address of the history.
PLACES = (*HistoryFilters.base_fields, "view", "before", "after")


@require_POST
def history_delete(request: HttpRequest) -> HttpResponse:
    """Hide what was selected; the page that follows offers to undo it."""
    public_ids = _chosen(request)
    deletion = uuid_or_none(request.POST.get("deletion", "")) or uuid.uuid4()
    num_hidden = 0
    if public_ids:
        num_hidden = predictions_delete(
            owner=visitor(request), public_ids=public_ids, deletion=deletion
        )
    if not public_ids:
        messages.info(request, _("Nothing was selected, so nothing was deleted."))
    elif not num_hidden:
        messages.info(request, _("What was selected is not there any more."))
    return _back(request)


@require_POST
def history_undo(request: HttpRequest) -> HttpResponse:
    deletion = uuid_or_none(request.POST.get("deletion", ""))
    number = deletion_undo(owner=visitor(request), deletion=deletion) if deletion else 0
    if number:
        sentence = ngettext(
            "%(number)d picture is back.", "%(number)d pictures are back.", number
        ) % {"number": number}
    else:
        sentence = _(
            "Nothing came back: it was brought back before, or deleted more than %(minutes)d "
            "minutes ago and is gone."
        ) % {"minutes": UNDO_MINUTES}
    messages.info(request, sentence)
    return _back(request)


@require_POST
def history_confirm(request: HttpRequest) -> HttpResponse:
    """The answers of what was selected are right."""
    return _judge(request, Verdict.RIGHT, "")


@require_POST
def history_relabel(request: HttpRequest) -> HttpResponse:
    """All that was selected is something else, and the same."""
    label = clean_words(request.POST.get("true_label", ""))
    if not label:
        messages.info(request, _("Please write the label that what is selected shall have."))
        return _back_with_selection(request)
    return _judge(request, Verdict.WRONG, label)


@require_POST
def judging_undo(request: HttpRequest) -> HttpResponse:
    """Say again of the last selection what was said before."""
    judging = judging_of(request, request.POST.get("judging", ""))
    number = 0
    if judging is not None:
        number = corrections.judging_undo(
            owner=visitor(request), changed_at=judging.changed_at, before=judging.before
        )
        judging_forget(request)
    if number:
        sentence = ngettext(
            "%(number)d picture is as it was.", "%(number)d pictures are as they were.", number
        ) % {"number": number}
    else:
        sentence = _("Nothing was undone: something else was said of it since then.")
    messages.info(request, sentence)
    return _back(request)


@require_POST
def selected_csv(request: HttpRequest) -> HttpResponseBase:
    rows = _rows(request)
    return _back(request) if rows is None else csv_response(rows, _everything(request))


@require_POST
def selected_zip(request: HttpRequest) -> HttpResponseBase:
    rows = _rows(request)
    if rows is None:
        return _back(request)
    everything = _everything(request)
    if not can_be_zipped(rows, everything):
        nothing_to_zip(request)
        return _back_with_selection(request)
    return zip_response(request, rows, everything)


def _judge(request: HttpRequest, verdict: str, label: str) -> HttpResponse:
    number = uuid_or_none(request.POST.get("judging", "")) or uuid.uuid4()
    public_ids = _chosen(request)
    if not public_ids:
        messages.info(request, _("Nothing was selected, so nothing was changed."))
        return _back(request)
    try:
        judged = predictions_judge(
            owner=visitor(request), public_ids=public_ids, verdict=verdict, true_label=label
        )
    except CorrectionRefused as error:
        messages.error(request, error.sentence)
        return _back_with_selection(request)
    if judged.num_unanswered:
        sentence = ngettext(
            "%(number)d picture has no answer and was left as it is.",
            "%(number)d pictures have no answer and were left as they are.",
            judged.num_unanswered,
        )
        messages.info(request, sentence % {"number": judged.num_unanswered})
    if judged.before:
        judging_keep(request, number=number, label=label, judged=judged)
    elif not judged.num_meant:
        messages.info(request, _("What was selected is not there any more."))
    elif judged.num_meant > judged.num_unanswered and judging_of(request, str(number)) is None:
        messages.info(request, _("Nothing changed: you had said the same before."))
    return _back(request)


def _chosen(request: HttpRequest) -> list[uuid.UUID]:
    chosen = [uuid_or_none(text) for text in request.POST.getlist("selected")]
    return [each for each in chosen if each is not None]


def _rows(request: HttpRequest) -> PredictionQuerySet | None:
    """What was selected; None for nothing, which is told."""
    public_ids = _chosen(request)
    if not public_ids:
        messages.info(request, _("Nothing was selected, so there is no file of it."))
        return None
    return selected(owner=visitor(request), public_ids=public_ids)


def _everything(request: HttpRequest) -> HistoryFilters:
    """No filter: the selection says it all."""
    return HistoryFilters({}, owner=visitor(request))


def _back_with_selection(request: HttpRequest) -> HttpResponse:
    """The same, where what was selected is still selected: something was missing, and comes next."""
    selection_keep(request, _chosen(request))
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    """To the place in the history that the form came from."""
    came_from = QueryDict(request.POST.get("back", "")[:4000])
    place = QueryDict(mutable=True)
    for name in PLACES:
        if value := came_from.get(name):
            place[name] = value
    return redirect(f"{reverse('history')}?{place.urlencode()}".rstrip("?"))
