from django.urls import path

from webapp.studio.reanswering import views

urlpatterns = [
    path("<int:version_id>/", views.reanswer, name="reanswer"),
    path("<int:version_id>/state/", views.reanswer_state, name="reanswer_state"),
    path("<int:version_id>/cancel/", views.reanswer_cancel, name="reanswer_cancel"),
    path(
        "<int:version_id>/pictures/<int:prediction_id>/thumbnail/",
        views.reanswer_thumbnail,
        name="reanswer_thumbnail",
    ),
]
