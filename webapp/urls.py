from django.contrib import admin
from django.urls import include, path
from django.utils.translation import gettext_lazy as _

from webapp.belongings.guest_views import studio_sign_in

admin.site.site_header = _("Ocellus: the studio")
admin.site.site_title = _("Ocellus")
admin.site.index_title = _("Datasets, training and versions")

urlpatterns = [
    path("", include("webapp.predictions.urls")),
    path("", include("webapp.accounts.urls")),
    path("", include("webapp.belongings.urls")),
    path("", include("webapp.ops.urls")),
    path("api/", include("webapp.api.urls")),
    path("admin/login/", studio_sign_in, name="studio_sign_in"),  # before the admin's own
    path("admin/", admin.site.urls),
]
handler400 = "webapp.predictions.refusals.bad_request"
handler500 = "webapp.predictions.refusals.server_error"
