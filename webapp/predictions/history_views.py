"""The history: its pages, its chart, and files of it. All that it shows is in the address."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from webapp.accounts.models import User
from webapp.predictions import paging
from webapp.predictions.chart import CHART_ROWS, chart_of
from webapp.predictions.corrections import MAX_SELECTED
from webapp.predictions.deletions import undoable
from webapp.predictions.files import csv_response, zip_response
from webapp.predictions.history import ChoiceField, HistoryFilters
from webapp.predictions.judgings import judging_of
from webapp.predictions.labels import MAX_KNOWN_LABELS, known_labels
from webapp.predictions.models import PredictionQuerySet
from webapp.predictions.selected import selection_take
from webapp.predictions.visitors import own_predictions, visitor
from webapp.predictions.zipped import MAX_PICTURES, fits

GRID_SIZE, TABLE_SIZE = 24, MAX_SELECTED


class HistoryForm(HistoryFilters):
    """The filters, and how the rows are shown."""

    view = ChoiceField(
        label=gettext_lazy("Shown as"),
        required=False,
        choices=[("", gettext_lazy("pictures")), ("table", gettext_lazy("table"))],
    )

    def __init__(self, data: Mapping[str, Any], *, owner: User) -> None:
        super().__init__(data, owner=owner)
        self.is_table = self.value("view") == "table"


@require_GET
@never_cache
def history(request: HttpRequest) -> HttpResponse:
    """One's own predictions, newest first. `before` or `after`: where a page begins."""
    form = HistoryForm(request.GET, owner=visitor(request))
    rows = own_predictions(request)
    asked = {name: request.GET.get(name, "") for name in ("before", "after")}
    places = {name: paging.Key.parse(text) for name, text in asked.items()}
    size = TABLE_SIZE if form.is_table else GRID_SIZE
    page = paging.page_of(rows, form, size=size, before=places["before"], after=places["after"])
    count = _count(page, rows, form)
    labels = known_labels(owner=visitor(request))
    context = {
        "form": form,
        "page": page,
        "predictions": page.predictions,
        "is_first": page.newer is None,
        "is_unknown_place": any(asked[name] and not places[name] for name in asked),
        "count": count,
        "is_beyond_counting": count is not None and count > paging.MAX_COUNT,
        "max_count": number_format(paging.MAX_COUNT, force_grouping=True),
        "search_rows": number_format(paging.search_rows(form), force_grouping=True),
        "labels": labels,
        "has_more_labels": len(labels) == MAX_KNOWN_LABELS,
        "new_number": uuid.uuid4(),
        "judging": judging_of(request),
        "deletions": undoable(owner=visitor(request)),
        "selection": selection_take(request),
    }
    return render(request, "predictions/history.html", context)


@require_GET
def history_csv(request: HttpRequest) -> HttpResponseBase:
    """All that the filters mean, streamed. A filter that cannot be understood is explained on the page
    instead: a file with more in it than was asked for would not tell."""
    filters = HistoryFilters(request.GET, owner=visitor(request))
    if not filters.is_valid():
        return redirect(f"{reverse('history')}?{request.GET.urlencode()}")
    return csv_response(own_predictions(request), filters)


@require_GET
def history_zip(request: HttpRequest) -> HttpResponseBase:
    """The pictures of all that the filters mean, in folders named by their labels, streamed. Too many for
    one archive are told on the page."""
    filters = HistoryFilters(request.GET, owner=visitor(request))
    if not filters.is_valid():
        return redirect(f"{reverse('history')}?{request.GET.urlencode()}")
    rows = own_predictions(request)
    if not fits(rows, filters):
        sentence = _(
            "Expected at most %(number)s pictures for one ZIP, but these filters find more, or have to "
            "search too far to tell. Please narrow them, by days for instance, or take the CSV, or, with "
            "an account, the download of all that is yours, which comes in parts."
        )
        messages.error(
            request, sentence % {"number": number_format(MAX_PICTURES, force_grouping=True)}
        )
        return redirect(f"{reverse('history')}?{request.GET.urlencode()}".rstrip("?"))
    return zip_response(request, rows, filters)


@require_GET
@never_cache
def history_chart(request: HttpRequest) -> HttpResponse:
    """How often which label came when, of what the filters find; for the history's page, or alone."""
    filters = HistoryForm(request.GET, owner=visitor(request))
    context = {
        "chart": chart_of(own_predictions(request), filters),
        "chart_rows": number_format(CHART_ROWS, force_grouping=True),
        "form": filters,
    }
    is_fragment = "HX-Request" in request.headers
    template = "predictions/_chart.html" if is_fragment else "predictions/chart.html"
    return render(request, template, context)


def _count(page: paging.Page, rows: PredictionQuerySet, filters: HistoryFilters) -> int | None:
    """How many are meant in all, where that can be said quickly."""
    if page.newer is None and page.older is None:
        return len(page.predictions)
    return None if filters.is_search else paging.count_of(rows, filters)
