"""One picture of a dataset, and what is decided of pictures."""

from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from webapp.languages import sentence_of
from webapp.studio.datasets import examples
from webapp.studio.datasets.browsing import Census, Filters, beyond
from webapp.studio.datasets.examples import LabelRefused, Outcome, clean_label, mark_of
from webapp.studio.datasets.frame import dataset_or_404, dataset_page
from webapp.studio.datasets.undo import undo_keep, undo_take, undo_token
from webapp.studio.datasets.views import MAX_CLASSES
from webapp.studio.models import Dataset, Example
from webapp.studio.pages import curator_page, number_of


@curator_page
@require_GET
def example(request: HttpRequest, dataset_id: int, example_id: int) -> HttpResponse:
    """A picture as large as the page, with its neighbours among what was looked at."""
    dataset = dataset_or_404(dataset_id)
    shown = get_object_or_404(Example, dataset=dataset, pk=example_id)
    filters = Filters.parse(request.GET)
    (previous, *_rest), (following, *_rest) = (
        [*beyond(dataset, filters, shown.pk, 1, is_back=is_back)[0], None]
        for is_back in (True, False)
    )
    return dataset_page(
        request,
        "example.html",
        dataset=dataset,
        tab="pictures",
        example=shown,
        mark=mark_of(shown),
        filters=filters,
        previous=previous,
        following=following,
        labels=Census.of(dataset).labels[:MAX_CLASSES],
        undo=undo_token(request, dataset),
    )


@curator_page
@require_POST
def examples_change(request: HttpRequest, dataset_id: int) -> HttpResponse:
    """Move what was selected to another class, leave it out, take it in again."""
    dataset = dataset_or_404(dataset_id)
    seen = _seen(request.POST.getlist("picked"))
    action = request.POST.get("action", "")
    if not seen:
        messages.warning(request, _("Please select pictures first; nothing was changed."))
        return _back(request, dataset)
    if action == "move":
        known = Census.of(dataset).labels
        try:
            label = clean_label(request.POST.get("label", ""), dataset=dataset, known=known)
        except LabelRefused as error:
            messages.error(request, sentence_of(error))
            return _back(request, dataset)
        outcome = examples.examples_move(dataset=dataset, seen=seen, label=label)
        done = ngettext(
            "%(number)d picture was moved to “%(label)s”.",
            "%(number)d pictures were moved to “%(label)s”.",
            outcome.num_changed,
        ) % {"number": outcome.num_changed, "label": label}
    elif action == "take_back":
        outcome = examples.examples_take_back(dataset=dataset, seen=seen)
        done = ngettext(
            "%(number)d picture has the class again that it came with.",
            "%(number)d pictures have the classes again that they came with.",
            outcome.num_changed,
        ) % {"number": outcome.num_changed}
    elif action == "exclude":
        outcome = examples.examples_exclude(dataset=dataset, seen=seen)
        done = ngettext(
            "%(number)d picture is left out now.",
            "%(number)d pictures are left out now.",
            outcome.num_changed,
        ) % {"number": outcome.num_changed}
    elif action == "restore":
        outcome = examples.examples_restore(dataset=dataset, seen=seen)
        done = ngettext(
            "%(number)d picture is in the dataset again.",
            "%(number)d pictures are in the dataset again.",
            outcome.num_changed,
        ) % {"number": outcome.num_changed}
    else:
        messages.warning(request, _("Please choose what shall be done; nothing was changed."))
        return _back(request, dataset)
    undo_keep(request, dataset, outcome)
    _tell(request, outcome, done)
    return _back(request, dataset)


@curator_page
@require_POST
def examples_undo(request: HttpRequest, dataset_id: int) -> HttpResponse:
    """Take the last decision back."""
    dataset = dataset_or_404(dataset_id)
    changed = undo_take(request, dataset, request.POST.get("undo", ""))
    if not changed:
        messages.info(request, _("There is nothing to undo any more."))
        return _back(request, dataset)
    outcome = examples.examples_undo(dataset=dataset, changed=changed)
    done = ngettext(
        "%(number)d picture is as it was before.",
        "%(number)d pictures are as they were before.",
        outcome.num_changed,
    ) % {"number": outcome.num_changed}
    _tell(request, outcome, done)
    return _back(request, dataset)


def _seen(picked: list[str]) -> Mapping[int, str]:
    """What was selected: each a picture's number and the mark under which the page showed it."""
    pairs = (each.partition("-") for each in picked[: examples.MAX_EXAMPLES])
    return {number: mark for text, _dash, mark in pairs if (number := number_of(text))}


def _tell(request: HttpRequest, outcome: Outcome, done: str) -> None:
    if outcome.num_changed:
        messages.success(request, done)
    if outcome.num_others:
        sentence = ngettext(
            "%(number)d picture was changed by somebody else meanwhile and stays as they left it. "
            "Please look at it again.",
            "%(number)d pictures were changed by somebody else meanwhile and stay as they left them. "
            "Please look at them again.",
            outcome.num_others,
        )
        messages.warning(request, sentence % {"number": outcome.num_others})
    if outcome.num_gone:
        sentence = ngettext(
            "The file of %(number)d picture is gone, so it stays left out. Put it back and read the "
            "folder again.",
            "The files of %(number)d pictures are gone, so they stay left out. Put them back and read "
            "the folder again.",
            outcome.num_gone,
        )
        messages.warning(request, sentence % {"number": outcome.num_gone})
    if outcome.num_same and not (outcome.num_changed or outcome.num_others or outcome.num_gone):
        messages.info(request, _("That was so already; nothing was changed."))


def _back(request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """To the page that it was done on."""
    filters = Filters.parse(request.POST)
    if one := number_of(request.POST.get("example")):
        address = reverse("studio:example", args=[dataset.pk, one])
        return redirect(f"{address}?{filters.address}" if filters.address else address)
    places = {
        name: number
        for name in ("after", "before")
        if (number := number_of(request.POST.get(name)))
    }
    query = "&".join(part for part in (filters.address, urlencode(places)) if part)
    address = reverse("studio:dataset", args=[dataset.pk])
    return redirect(f"{address}?{query}" if query else address)
