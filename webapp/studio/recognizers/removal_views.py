"""Before and while a recognizer or a version is removed: what goes, and what is left."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.studio.pages import curator_page, page
from webapp.studio.recognizers.belongings import belongings_of, belongings_of_version
from webapp.studio.recognizers.forms import TypedNameForm
from webapp.studio.recognizers.removal import (
    FilesStay,
    RemovalRefused,
    recognizer_remove,
    refuse_removal,
    refuse_version_removal,
    version_remove,
)


@curator_page
@require_http_methods(["GET", "POST"])
def recognizer_delete(request: HttpRequest, recognizer_id: int) -> HttpResponse:
    """What a recognizer takes with it; posted with its name, it goes."""
    shown = get_object_or_404(Recognizer, pk=recognizer_id)
    form = TypedNameForm(request.POST or None, name=shown.name)
    refused, status, can_go_on = "", 200, True
    try:
        refuse_removal(shown)
        if request.method == "POST":
            status = 422
            if form.is_valid():
                if recognizer_remove(recognizer=shown):
                    messages.success(request, _("%(name)s is deleted.") % {"name": shown.name})
                    return redirect("admin:recognizers_recognizer_changelist")
                return _go_on(request, recognizer_id)
    except RemovalRefused as error:
        refused, status = str(error), 409 if request.method == "POST" else 200
        can_go_on = isinstance(error, FilesStay)
    return page(
        request,
        "studio/recognizers/delete.html",
        title=_("Delete %(name)s") % {"name": shown.name},
        status=status,
        recognizer=shown,
        belongings=belongings_of(shown),
        form=form,
        refused=refused,
        can_go_on=can_go_on,
    )


def _go_on(request: HttpRequest, recognizer_id: int) -> HttpResponse:
    """The time was over: of the pictures, or of the files of pictures whose rows are gone."""
    if not Recognizer.objects.filter(pk=recognizer_id).exists():
        messages.success(
            request, _("It is deleted. The last files of its pictures go within the hour.")
        )
        return redirect("admin:recognizers_recognizer_changelist")
    messages.warning(
        request, _("There is much to delete: this is what is left. Confirm again to go on.")
    )
    return redirect("studio:recognizer_delete", recognizer_id)


@curator_page
@require_http_methods(["GET", "POST"])
def version_delete(request: HttpRequest, version_id: int) -> HttpResponse:
    """What a version takes with it, and what stays for the sake of its answers; posted, it goes."""
    version = get_object_or_404(ModelVersion.objects.select_related("recognizer"), pk=version_id)
    refused, status, can_go_on = "", 200, True
    try:
        refuse_version_removal(version)
        if request.method == "POST":
            name = str(version)
            if version_remove(version=version):
                messages.success(request, _("%(name)s is deleted.") % {"name": name})
            else:
                sentence = _(
                    "The files of %(name)s are deleted. Its line stays: answers, or the log of "
                    "promotions, name it."
                )
                messages.success(request, sentence % {"name": name})
            return redirect("studio:recognizer", version.recognizer_id)
    except RemovalRefused as error:
        refused, status = str(error), 409 if request.method == "POST" else 200
        can_go_on = isinstance(error, FilesStay)
    return page(
        request,
        "studio/recognizers/version_delete.html",
        title=_("Delete %(name)s") % {"name": version},
        status=status,
        version=version,
        belongings=belongings_of_version(version),
        refused=refused,
        can_go_on=can_go_on,
    )
