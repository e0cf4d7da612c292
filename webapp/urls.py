from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from webapp.belongings.guest_views import studio_sign_in

urlpatterns = [
    path("", include("webapp.predictions.urls")),
    path("", include("webapp.accounts.urls")),
    path("", include("webapp.belongings.urls")),
    path("", include("webapp.webhooks.urls")),
    path("", include("webapp.ops.urls")),
    path("api/", include("webapp.api.urls")),
    path("admin/login/", studio_sign_in, name="studio_sign_in"),  # before the admin's own
    path("language/", login_not_required(require_POST(set_language)), name="set_language"),
    path("admin/studio/", include("webapp.studio.urls")),
    path("admin/", admin.site.urls),
]
handler400 = "webapp.predictions.refusals.bad_request"
handler500 = "webapp.predictions.refusals.server_error"
