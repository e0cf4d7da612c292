"""The page of a recognizer's routine: when it learns by itself, and how."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from webapp.recognizers.models import Recognizer
from webapp.studio.loop.forms import RoutineForm
from webapp.studio.loop.routines import routine_set
from webapp.studio.models import Routine, TrainingRun
from webapp.studio.pages import curator_page, page

NUM_RUNS = 5


@curator_page
@require_http_methods(["GET", "HEAD", "POST"])
def routine(request: HttpRequest, recognizer_id: int) -> HttpResponse:
    recognizer = get_object_or_404(Recognizer, pk=recognizer_id)
    current = Routine.objects.filter(recognizer=recognizer).first()
    form = RoutineForm(request.POST or None, recognizer=recognizer, routine=current)
    if request.method == "POST" and form.is_valid():
        saved = routine_set(recognizer=recognizer, **form.values())
        if saved.after_corrections or saved.at_night:
            messages.success(
                request, _("%(name)s learns by itself from now on.") % {"name": recognizer}
            )
        else:
            messages.success(request, _("%(name)s learns when you say so.") % {"name": recognizer})
        return redirect("studio:routine", recognizer.pk)
    runs = TrainingRun.objects.filter(recognizer=recognizer, is_automatic=True)
    return page(
        request,
        "studio/loop/routine.html",
        title=_("Learning by itself: %(name)s") % {"name": recognizer},
        recognizer=recognizer,
        routine=current,
        form=form,
        runs=runs.select_related("version__recognizer", "recognizer").order_by("-id")[:NUM_RUNS],
        status=200 if request.method != "POST" else 422,
    )
