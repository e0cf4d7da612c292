"""A guest forgets: there is no password to ask for, and nothing to sign in to again."""

from django.contrib import admin
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from webapp.accounts.guests import is_guest, marker_forget
from webapp.accounts.views import person
from webapp.belongings.leaving import account_leave, leave_finish
from webapp.predictions.models import Prediction

# How long the page may take that says that all is gone; the workers remove what is left.
FORGET_SECONDS = 5.0


@never_cache
@require_http_methods(["GET", "POST"])
def forget(request: HttpRequest) -> HttpResponse:
    """A guest's sign-out: the pictures go with it, since nobody could come back to them."""
    guest = person(request)
    if not guest.is_guest:
        raise Http404
    if request.method == "GET":
        num_predictions = Prediction.objects.present().filter(owner=guest).count()
        return render(request, "belongings/forget.html", {"num_predictions": num_predictions})
    account_leave(user=guest)
    is_complete = leave_finish(seconds=FORGET_SECONDS, only=guest)
    logout(request)
    response = render(request, "belongings/forgotten.html", {"is_complete": is_complete})
    marker_forget(response)
    return response


@login_not_required
def studio_sign_in(request: HttpRequest) -> HttpResponse:
    """The admin's own, which would show a guest the name that nobody is shown; they use ours."""
    if is_guest(request):
        return redirect_to_login(request.GET.get("next", "/admin/"))
    return admin.site.login(request)
