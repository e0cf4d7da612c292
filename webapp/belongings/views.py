"""All that one has here: to take along, or gone. Nobody reaches what is another's."""

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from webapp.accounts.forms import ConfirmForm
from webapp.accounts.views import person
from webapp.belongings.download import archive_of, parts_of
from webapp.belongings.leaving import LastSuperuser, account_leave, leave_finish
from webapp.predictions.downloads import Busy
from webapp.predictions.models import Prediction
from webapp.predictions.refusals import refusal

# How long the page may take that says good-bye; the workers remove what is left.
LEAVE_SECONDS = 5.0
LARGEST_ID = 2**63 - 1


@require_GET
@never_cache
def download(request: HttpRequest) -> HttpResponse:
    """What can be downloaded: one archive, or several parts of a large history."""
    return render(request, "belongings/download.html", {"parts": parts_of(person(request))})


@require_GET
@never_cache
def archive(request: HttpRequest, first: int, last: int) -> HttpResponseBase:
    """One's own predictions from one row to another, as a ZIP that is made while it is sent."""
    user = person(request)
    try:
        pieces = archive_of(user, first=min(first, LARGEST_ID), last=min(last, LARGEST_ID))
    except Busy:
        sentence = _("A download of yours, or several of others, go on. Please try again later.")
        return refusal(request, 503, sentence)
    response = StreamingHttpResponse(pieces, content_type="application/zip")
    response["Content-Disposition"] = "attachment"  # the link to it says how to call it
    return response


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def leave(request: HttpRequest) -> HttpResponse:
    """Delete one's account, with the password."""
    user = person(request)
    form = ConfirmForm(request, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            account_leave(user=user)
        except LastSuperuser:
            sentence = _(
                "You are the last one who may do everything here. Make somebody else a superuser "
                "first, in the studio; then you can leave."
            )
            form.add_error(None, sentence)
        else:
            is_complete = leave_finish(seconds=LEAVE_SECONDS, only=user)
            logout(request)
            return render(request, "belongings/left.html", {"is_complete": is_complete})
    num_predictions = Prediction.objects.present().filter(owner=user).count()
    context = {"form": form, "num_predictions": num_predictions}
    status = 422 if request.method == "POST" else 200
    return render(request, "belongings/leave.html", context, status=status)
