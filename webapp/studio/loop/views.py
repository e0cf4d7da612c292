"""The inbox: one picture after the other, decided with a key or a button; and what is made of it."""

from functools import wraps
from typing import Any, ParamSpec, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from webapp.recognizers.models import Recognizer
from webapp.studio.loop import inbox as waiting
from webapp.studio.loop.inbox import CORRECTIONS, QUEUES, UNCERTAIN, Queue, queue_of
from webapp.studio.loop.retraining import last_run, retrain_as_before
from webapp.studio.loop.reviews import (
    ReviewRefused,
    classes_of,
    review_decide,
    review_undo,
    said_of,
)
from webapp.studio.loop.shown import item_of, strip_of
from webapp.studio.loop.taking import Taken, TakingRefused, corrections_take
from webapp.studio.models import Dataset
from webapp.studio.pages import SEE_CORRECTIONS, View, curator, curator_page, number_of, page

P = ParamSpec("P")


def inbox_page(view: View[P]) -> View[P]:
    """For curators who may see visitors' pictures."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.has_perm(SEE_CORRECTIONS):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return curator_page(cast("View[P]", guarded))


@inbox_page
@require_GET
def inbox(request: HttpRequest) -> HttpResponse:
    counts = waiting.corrections_counted()
    recognizer = _chosen(request.GET.get("recognizer", ""), counts)
    if recognizer is None:
        return page(request, "studio/loop/inbox.html", title=_("Inbox"), recognizer=None)
    name = _queue_name(request.GET.get("show", ""))
    return _shown(request, recognizer, name, number_of(request.GET.get("at")))


@inbox_page
@require_POST
def decide(request: HttpRequest, prediction_id: int) -> HttpResponse:
    """Write a decision down and go on to the next picture; to the same one where it is refused."""
    prediction = waiting.seen_one(prediction_id)
    if prediction is None:
        return _gone(request)
    recognizer, name = prediction.recognizer, _queue_name(request.POST.get("show", ""))
    queue = queue_of(recognizer, name)
    new_class = request.POST.get("new_class", "")
    try:
        review = review_decide(
            prediction=prediction,
            decision=request.POST.get("decision", ""),
            label=new_class or request.POST.get("label", ""),
            is_new_class=bool(new_class),
            seen=request.POST.get("seen", ""),
            classes=classes_of(recognizer),
            by=curator(request),
        )
    except ReviewRefused as refused:
        return _shown(
            request,
            recognizer,
            name,
            prediction_id,
            problem=str(refused),
            new_class=refused.label,
        )
    told = _("Picture %(number)s: %(decision)s.") % {
        "number": prediction_id,
        "decision": said_of(review),
    }
    return _go_on(request, recognizer, name, queue.after(prediction_id), told)


@inbox_page
@require_POST
def undo(request: HttpRequest, prediction_id: int) -> HttpResponse:
    """Take the last decision back and show its picture again."""
    prediction = waiting.seen_one(prediction_id)
    if prediction is None:
        return _gone(request)
    name = _queue_name(request.POST.get("show", ""))
    if review_undo(prediction=prediction, by=curator(request)):
        told = _("Picture %(number)s waits again.") % {"number": prediction_id}
    else:
        told = _("There was nothing to take back.")
    return _go_on(request, prediction.recognizer, name, prediction_id, told)


@inbox_page
@require_POST
def take(request: HttpRequest, recognizer_id: int) -> HttpResponse:
    """Make a new version of a dataset of all that is decided; and retrain at once where that is asked."""
    recognizer = get_object_or_404(Recognizer, pk=recognizer_id)
    dataset = Dataset.objects.filter(pk=number_of(request.POST.get("dataset")) or 0).first()
    back = _address(recognizer, CORRECTIONS)
    if dataset is None:
        messages.error(request, _("Expected a dataset to take the pictures into, received none."))
        return redirect(back)
    try:
        taken = corrections_take(recognizer=recognizer, dataset=dataset, by=curator(request))
    except TakingRefused as refused:
        messages.error(request, str(refused))
        return redirect(back)
    _tell_of(request, taken)
    if request.POST.get("retrain"):
        run = retrain_as_before(recognizer=recognizer, version=taken.version, by=curator(request))
        if run is not None:
            messages.success(request, _("The training waits for its turn."))
            return redirect("admin:studio_trainingrun_change", run.pk)
        messages.warning(request, _("There are no earlier settings. Choose them once."))
        return redirect(_retrain_form(recognizer, taken.version.dataset))
    return redirect(back)


def _shown(
    request: HttpRequest,
    recognizer: Recognizer,
    name: str,
    at: int | None,
    *,
    problem: str = "",
    new_class: str = "",
    told: str = "",
) -> HttpResponse:
    """The page at a picture, or where htmx asks its changing part. Without one that may be seen: the
    first of the queue."""
    queue, classes = queue_of(recognizer, name), classes_of(recognizer)
    is_hidden = name == UNCERTAIN and not waiting.shows_uncertain()
    item = None
    if not is_hidden:
        item = item_of(recognizer, at, classes, problem=problem, new_class=new_class)
        item = item or item_of(recognizer, queue.ids[0] if queue.ids else None, classes)
    context = {
        **_frame(request, recognizer, name, queue),
        "classes": classes,
        "item": item,
        "is_hidden": is_hidden,
        "told": told,
    }
    if item is not None:
        pk = item.prediction.pk
        context |= {
            "strip": strip_of(recognizer, queue, pk),
            "previous": queue.beside(pk, -1),
            "next": queue.beside(pk, 1),
            "place": queue.ids.index(pk) + 1 if pk in queue.ids else None,
        }
    if getattr(request, "htmx", False):
        response: HttpResponse = TemplateResponse(request, "studio/loop/_inbox.html", context)
        response["HX-Replace-Url"] = _address(
            recognizer, name, item.prediction.pk if item else None
        )
        return response
    return page(request, "studio/loop/inbox.html", title=_("Inbox"), **context)


def _frame(request: HttpRequest, recognizer: Recognizer, name: str, queue: Queue) -> dict[str, Any]:
    """What stands around the picture: the recognizers, the queues, and what can be made of decisions."""
    counts = waiting.corrections_counted()
    run = last_run(recognizer)
    queues = []
    for each, title in QUEUES.items():
        number = queue.number if each == name else queue_of(recognizer, each).number
        queues.append((each, title, number))
    return {
        "recognizer": recognizer,
        "recognizers": [(r, counts.get(r.pk, 0)) for r in Recognizer.objects.order_by("name")],
        "show": name,
        "queues": queues,
        "queue": queue,
        "num_to_take": waiting.reviews_to_take(recognizer).count(),
        "datasets": Dataset.objects.filter(state=Dataset.State.READY),
        "dataset": run.dataset if run else None,
        "last_run": run,
        "undoable": waiting.last_decision(recognizer, curator(request)),
        "retrain_form": _retrain_form(recognizer, run.dataset if run else None),
    }


def _go_on(
    request: HttpRequest, recognizer: Recognizer, name: str, at: int | None, told: str
) -> HttpResponse:
    if getattr(request, "htmx", False):
        return _shown(request, recognizer, name, at, told=told)
    messages.success(request, told)
    return redirect(_address(recognizer, name, at))


def _gone(request: HttpRequest) -> HttpResponse:
    """A picture that may not be seen any more, or never was."""
    told = _("Its owner has taken this picture back. There is nothing to decide.")
    messages.warning(request, told)
    address = reverse("studio:inbox")
    if getattr(request, "htmx", False):
        return HttpResponse(headers={"HX-Redirect": address})
    return redirect(address)


def _tell_of(request: HttpRequest, taken: Taken) -> None:
    if taken.number:
        text = ngettext(
            "%(number)s picture is learned from now: %(version)s.",
            "%(number)s pictures are learned from now: %(version)s.",
            taken.number,
        )
        messages.success(request, text % {"number": taken.number, "version": taken.version})
    else:
        text = _("There was nothing new to take. The latest is %(version)s.")
        messages.info(request, text % {"version": taken.version})
    if taken.num_gone:
        text = ngettext(
            "%(number)s picture is no longer there and was left out.",
            "%(number)s pictures are no longer there and were left out.",
            taken.num_gone,
        )
        messages.warning(request, text % {"number": taken.num_gone})


def _chosen(text: str, counts: dict[int, int]) -> Recognizer | None:
    """The recognizer that is asked for; else the one for which most waits."""
    if text:
        recognizer = Recognizer.objects.filter(pk=number_of(text) or 0).first()
        if recognizer is None:
            raise Http404
        return recognizer
    most = max(counts, key=lambda pk: counts[pk], default=None)
    recognizers = Recognizer.objects.order_by("archived_at", "-id")
    return recognizers.filter(pk=most).first() if most else recognizers.first()


def _queue_name(text: str) -> str:
    return text if text in QUEUES else CORRECTIONS


def _address(recognizer: Recognizer, name: str, at: int | None = None) -> str:
    values = {"recognizer": recognizer.pk, "show": name} | ({"at": at} if at else {})
    return f"{reverse('studio:inbox')}?{urlencode(values)}"


def _retrain_form(recognizer: Recognizer, dataset: Dataset | None) -> str:
    """The form to retrain, filled in as far as it is known."""
    run = last_run(recognizer)
    values: dict[str, object] = {"recognizer": recognizer.pk}
    if dataset is not None:
        values |= {"dataset": dataset.pk, "folder_name": dataset.folder_name}
    if run is not None:
        plain = {k: v for k, v in run.config.items() if isinstance(v, str | int | float)}
        values = {**plain, **values, "run": run.pk}
    return f"{reverse('admin:studio_trainingrun_add')}?{urlencode(values)}"
