from django.urls import path

from webapp.predictions import history_views, views

urlpatterns = [
    path("", views.upload, name="upload"),
    path("uploads/<uuid:upload_id>/", views.answers, name="answers"),
    path("history/", history_views.history, name="history"),
    path("history/ocellus-history.csv", history_views.history_csv, name="history_csv"),
    path("history/delete/", history_views.history_delete, name="history_delete"),
    path("history/undo/", history_views.history_undo, name="history_undo"),
    path("predictions/<uuid:public_id>/", views.answer, name="answer"),
    path("predictions/<uuid:public_id>/picture.jpg", views.picture, name="picture"),
    path("predictions/<uuid:public_id>/thumbnail.jpg", views.thumbnail, name="thumbnail"),
    path("predictions/<uuid:public_id>/map-<int:rank>.png", views.heat_map, name="heat_map"),
    path("predictions/<uuid:public_id>/nearest-<int:rank>.jpg", views.nearest, name="nearest"),
]
