"""The studio's own pages. They lie below the admin, in front of its lists of models."""

from django.urls import include, path

app_name = "studio"
urlpatterns = [
    path("datasets/", include("webapp.studio.datasets.urls")),
    path("recognizers/", include("webapp.studio.recognizers.urls")),
]
