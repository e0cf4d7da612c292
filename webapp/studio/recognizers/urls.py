from django.urls import path

from webapp.studio.recognizers import removal_views, views

urlpatterns = [
    path("<int:recognizer_id>/", views.recognizer, name="recognizer"),
    path("<int:recognizer_id>/edit/", views.edit, name="recognizer_edit"),
    path("<int:recognizer_id>/archive/", views.archive, name="recognizer_archive"),
    path("<int:recognizer_id>/unarchive/", views.unarchive, name="recognizer_unarchive"),
    path("<int:recognizer_id>/delete/", removal_views.recognizer_delete, name="recognizer_delete"),
    path("versions/<int:version_id>/delete/", removal_views.version_delete, name="version_delete"),
]
