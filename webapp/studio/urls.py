"""The studio's own pages. They lie below the admin, in front of its lists of models."""

from django.urls import URLPattern, URLResolver

app_name = "studio"
urlpatterns: list[URLPattern | URLResolver] = []
