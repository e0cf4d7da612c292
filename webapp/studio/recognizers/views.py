"""A recognizer's page, and what a curator says of it."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from webapp.recognizers.keeping import (
    ChangedMeanwhile,
    recognizer_archive,
    recognizer_change,
    recognizer_unarchive,
)
from webapp.recognizers.models import Recognizer
from webapp.studio.pages import curator_page, page
from webapp.studio.recognizers.forms import RecognizerForm
from webapp.studio.recognizers.summary import summary_of


@curator_page
@require_GET
def recognizer(request: HttpRequest, recognizer_id: int) -> HttpResponse:
    """All of a recognizer at a glance, and the ways on from it."""
    shown = get_object_or_404(Recognizer.objects.prefetch_related("groups"), pk=recognizer_id)
    return page(
        request,
        "studio/recognizers/recognizer.html",
        title=shown.name,
        recognizer=shown,
        summary=summary_of(shown),
    )


@curator_page
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, recognizer_id: int) -> HttpResponse:
    """Its name, what is said of it, and who may ask it."""
    shown = get_object_or_404(Recognizer, pk=recognizer_id)
    name = shown.name
    form = RecognizerForm(request.POST or None, instance=shown)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            try:
                values = {key: form.cleaned_data[key] for key in RecognizerForm.Meta.fields}
                recognizer_change(recognizer=shown, seen=form.cleaned_data["seen"], **values)
            except ChangedMeanwhile:
                form.add_error(
                    None,
                    _(
                        "Somebody else has changed this recognizer since you opened the page; nothing "
                        "was saved. Open it anew to see what it says now."
                    ),
                )
            except ValidationError as error:
                form.add_error(None, error)
            else:
                messages.success(request, _("Saved."))
                return redirect("studio:recognizer", recognizer_id)
        status = 422
    return page(
        request,
        "studio/recognizers/edit.html",
        title=_("Change %(name)s") % {"name": name},
        recognizer=shown,
        form=form,
        status=status,
    )


@curator_page
@require_POST
def archive(request: HttpRequest, recognizer_id: int) -> HttpResponse:
    """Put away: offered to nobody, answers kept."""
    shown = get_object_or_404(Recognizer, pk=recognizer_id)
    recognizer_archive(recognizer=shown)
    sentence = _("%(name)s is archived: nobody is offered it, and its answers stay where they are.")
    messages.success(request, sentence % {"name": shown.name})
    return redirect("studio:recognizer", recognizer_id)


@curator_page
@require_POST
def unarchive(request: HttpRequest, recognizer_id: int) -> HttpResponse:
    """Taken back: it answers as before."""
    shown = get_object_or_404(Recognizer, pk=recognizer_id)
    recognizer_unarchive(recognizer=shown)
    sentence = _("%(name)s is no longer archived.") % {"name": shown.name}
    messages.success(request, sentence)
    return redirect("studio:recognizer", recognizer_id)
