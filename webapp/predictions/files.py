"""The history as files that are made while they are sent."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.predictions.downloads import Busy, Sent
from webapp.predictions.export import csv_lines
from webapp.predictions.history import HistoryFilters
from webapp.predictions.models import Prediction, PredictionQuerySet
from webapp.predictions.paging import newest_keys
from webapp.predictions.refusals import refusal
from webapp.predictions.visitors import visitor
from webapp.predictions.zipped import labelled_folders

State = Prediction.State
# Whether there is any that a ZIP could have is asked of so many; a ZIP of more may turn out empty.
ASKED_ROWS = 500


def csv_response(rows: PredictionQuerySet, filters: HistoryFilters) -> StreamingHttpResponse:
    response = StreamingHttpResponse(
        csv_lines(rows, filters), content_type="text/csv; charset=utf-8"
    )
    return _attached(response, f"ocellus-history-{_today()}.csv")


def zip_response(
    request: HttpRequest, rows: PredictionQuerySet, filters: HistoryFilters
) -> StreamingHttpResponse | HttpResponse:
    """503 while another download of theirs goes on, or several of others. Where none of them is
    answered, back to the history, which says so."""
    if not can_be_zipped(rows, filters):
        nothing_to_zip(request)
        return redirect(f"{reverse('history')}?{request.GET.urlencode()}".rstrip("?"))
    try:
        pieces = Sent(visitor(request), labelled_folders(rows, filters))
    except Busy:
        sentence = _("A download of yours, or several of others, go on. Please try again later.")
        return refusal(request, 503, sentence)
    response = StreamingHttpResponse(pieces, content_type="application/zip")
    return _attached(response, f"ocellus-pictures-{_today()}.zip")


def can_be_zipped(rows: PredictionQuerySet, filters: HistoryFilters) -> bool:
    """Whether any of them has a picture and an answer, as far as that can be said quickly."""
    if filters.value("state") not in (None, State.DONE):
        return False
    keys, is_all = newest_keys(rows, filters, ASKED_ROWS)
    answered = Prediction.objects.filter(pk__in=[key.number for key in keys], state=State.DONE)
    return not is_all or answered.exclude(picture_name="").exists()


def nothing_to_zip(request: HttpRequest) -> None:
    sentence = _(
        "Expected answered pictures for a ZIP of labelled folders, but there is none among these. Nothing "
        "was saved."
    )
    messages.info(request, sentence)


def _today() -> str:
    return timezone.localdate().isoformat()


def _attached(response: StreamingHttpResponse, name: str) -> StreamingHttpResponse:
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response
