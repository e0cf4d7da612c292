"""The history: its pages, deleting with undo, and CSV. All that it shows is in the address."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.http.request import QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from webapp.predictions import paging
from webapp.predictions.deletions import (
    UNDO_MINUTES,
    deletion_undo,
    predictions_delete,
    undoable_count,
)
from webapp.predictions.export import csv_lines
from webapp.predictions.history import ChoiceField, HistoryFilters, known_labels
from webapp.predictions.models import PredictionQuerySet
from webapp.predictions.visitors import own_predictions, visitor

GRID_SIZE, TABLE_SIZE = 24, 50
# What `back` may bring again into the address of the history.
PLACES = (*HistoryFilters.base_fields, "view", "before", "after")


class HistoryForm(HistoryFilters):
    """The filters, and how the rows are shown."""

    view = ChoiceField(
        label=gettext_lazy("Shown as"),
        required=False,
        choices=[("", gettext_lazy("pictures")), ("table", gettext_lazy("table"))],
    )

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        self.is_table = self.value("view") == "table"


@require_GET
@never_cache
def history(request: HttpRequest) -> HttpResponse:
    """One's own predictions, newest first. `before` or `after`: where a page begins."""
    form = HistoryForm(request.GET)
    rows = own_predictions(request)
    asked = {name: request.GET.get(name, "") for name in ("before", "after")}
    places = {name: paging.Key.parse(text) for name, text in asked.items()}
    size = TABLE_SIZE if form.is_table else GRID_SIZE
    page = paging.page_of(rows, form, size=size, before=places["before"], after=places["after"])
    count = _count(page, rows, form)
    deletion = _uuid(request.GET.get("deleted", ""))
    context = {
        "form": form,
        "page": page,
        "predictions": page.predictions,
        "is_first": page.newer is None,
        "is_unknown_place": any(asked[name] and not places[name] for name in asked),
        "count": count,
        "is_beyond_counting": count is not None and count > paging.MAX_COUNT,
        "max_count": number_format(paging.MAX_COUNT, force_grouping=True),
        "search_rows": number_format(paging.SEARCH_ROWS, force_grouping=True),
        "labels": known_labels(),
        "new_deletion": uuid.uuid4(),
        "deletion": deletion,
        "num_deleted": undoable_count(owner=visitor(request), deletion=deletion) if deletion else 0,
        "undo_minutes": UNDO_MINUTES,
    }
    return render(request, "predictions/history.html", context)


@require_GET
def history_csv(request: HttpRequest) -> HttpResponseBase:
    """All that the filters mean, streamed. A filter that cannot be understood is explained on the page
    instead: a file with more in it than was asked for would not tell."""
    filters = HistoryFilters(request.GET)
    if not filters.is_valid():
        return redirect(f"{reverse('history')}?{request.GET.urlencode()}")
    response = StreamingHttpResponse(
        csv_lines(own_predictions(request), filters), content_type="text/csv; charset=utf-8"
    )
    name = f"ocellus-history-{timezone.localdate().isoformat()}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


@require_POST
def history_delete(request: HttpRequest) -> HttpResponse:
    """Hide what was selected; the page that follows offers to undo it."""
    chosen = [_uuid(text) for text in request.POST.getlist("selected")]
    public_ids = [each for each in chosen if each is not None]
    deletion = _uuid(request.POST.get("deletion", "")) or uuid.uuid4()
    num_hidden = 0
    if public_ids:
        num_hidden = predictions_delete(
            owner=visitor(request), public_ids=public_ids, deletion=deletion
        )
    if not public_ids:
        messages.info(request, _("Nothing was selected, so nothing was deleted."))
    elif not num_hidden:
        messages.info(request, _("What was selected is not there any more."))
    return _back(request, deletion if num_hidden else None)


@require_POST
def history_undo(request: HttpRequest) -> HttpResponse:
    deletion = _uuid(request.POST.get("deletion", ""))
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


def _count(page: paging.Page, rows: PredictionQuerySet, filters: HistoryFilters) -> int | None:
    """How many are meant in all, where that can be said quickly."""
    if page.newer is None and page.older is None:
        return len(page.predictions)
    return None if filters.is_search else paging.count_of(rows, filters)


def _back(request: HttpRequest, deletion: uuid.UUID | None = None) -> HttpResponse:
    """To the place in the history that the form came from."""
    came_from = QueryDict(request.POST.get("back", "")[:4000])
    place = QueryDict(mutable=True)
    for name in PLACES:
        if value := came_from.get(name):
            place[name] = value
    if deletion is not None:
        place["deleted"] = str(deletion)
    return redirect(f"{reverse('history')}?{place.urlencode()}".rstrip("?"))


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
