"""What the pages of runs ask for in between; the pages themselves are the admin's, see `admin.py`."""

from django.urls import path

from webapp.studio.runs import views

urlpatterns = [
    path("estimate/", views.estimate, name="run_estimate"),
    path("<int:run_id>/news/", views.run_news, name="run_news"),
]
