"""The history as files that are made while they are sent."""

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.predictions.downloads import Busy, Sent
from webapp.predictions.export import csv_lines
from webapp.predictions.history import HistoryFilters
from webapp.predictions.models import PredictionQuerySet
from webapp.predictions.refusals import refusal
from webapp.predictions.visitors import visitor
from webapp.predictions.zipped import labelled_folders


def csv_response(rows: PredictionQuerySet, filters: HistoryFilters) -> StreamingHttpResponse:
    response = StreamingHttpResponse(
        csv_lines(rows, filters), content_type="text/csv; charset=utf-8"
    )
    return _attached(response, f"ocellus-history-{_today()}.csv")


def zip_response(
    request: HttpRequest, rows: PredictionQuerySet, filters: HistoryFilters
) -> StreamingHttpResponse | HttpResponse:
    """503 while another download of theirs goes on, or several of others."""
    try:
        pieces = Sent(visitor(request), labelled_folders(rows, filters))
    except Busy:
        sentence = _("A download of yours, or several of others, go on. Please try again later.")
        return refusal(request, 503, sentence)
    response = StreamingHttpResponse(pieces, content_type="application/zip")
    return _attached(response, f"ocellus-pictures-{_today()}.zip")


def _today() -> str:
    return timezone.localdate().isoformat()


def _attached(response: StreamingHttpResponse, name: str) -> StreamingHttpResponse:
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response
