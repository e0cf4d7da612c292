"""The upload form: pictures in, and on to their answers."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from webapp import metrics
from webapp.accounts.guests import guests_welcome
from webapp.predictions.forms import UploadForm
from webapp.predictions.refusals import refusal
from webapp.predictions.services import UploadNotKept, upload_accept
from webapp.predictions.visitors import sender


@guests_welcome
@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """The form; posted, its pictures are kept and the visitor sent on to their answers."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "GET" or not form.is_valid():
        status = 200 if request.method == "GET" else 422
        return render(request, "predictions/upload.html", {"form": form}, status=status)
    try:
        accepted = upload_accept(
            owner=sender(request, num_pictures=len(form.cleaned_data["pictures"])),
            recognizer=form.cleaned_data["recognizer"],
            upload=form.cleaned_data["upload"],
            files=form.cleaned_data["pictures"],
        )
    except UploadNotKept:
        metrics.refused("not_kept")
        sentence = _("The pictures could not be kept just now. Please send them again in a moment.")
        return refusal(request, 503, sentence)
    return redirect("answers", upload_id=accepted[0].upload)
