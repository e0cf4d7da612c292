from django.contrib.auth.decorators import login_not_required
from django.urls import path

from webapp.accounts.guests import open_to_guests
from webapp.accounts.views import SignInView, sign_up
from webapp.belongings import guest_views, views
from webapp.belongings.joining import takes_pictures_along

_for_guests = [path("forget/", guest_views.forget, name="forget")]
open_to_guests(_for_guests)

urlpatterns = [
    # Here, and not among the accounts' own: who signs in may have been a guest before.
    path(
        "sign-in/",
        login_not_required(takes_pictures_along(SignInView.as_view())),
        name="login",
    ),
    path("sign-up/", login_not_required(takes_pictures_along(sign_up)), name="sign_up"),
    *_for_guests,
    path("account/download/", views.download, name="download"),
    path("account/download/<int:first>-<int:last>.zip", views.archive, name="archive"),
    path("account/delete/", views.leave, name="leave"),
]
