"""The studio's own pages. They lie below the admin, in front of its lists of models."""

from django.urls import include, path

app_name = "studio"
urlpatterns = [
    path("datasets/", include("webapp.studio.datasets.urls")),
    path("comparing/", include("webapp.studio.comparing.urls")),
    path("reanswering/", include("webapp.studio.reanswering.urls")),
    path("audits/", include("webapp.studio.audits.urls")),
    path("runs/", include("webapp.studio.runs.urls")),
    path("versions/", include("webapp.studio.reports.urls")),
    path("loop/", include("webapp.studio.loop.urls")),
    path("recognizers/", include("webapp.studio.recognizers.urls")),
]
