from django.urls import path

from webapp.accounts.guests import open_to_guests
from webapp.predictions import answer_views, history_views, media_views, upload_views

urlpatterns = [
    path("", upload_views.upload, name="upload"),
    path("uploads/<uuid:upload_id>/files/", upload_views.upload_file, name="upload_file"),
    path("uploads/<uuid:upload_id>/", answer_views.answers, name="answers"),
    path("history/", history_views.history, name="history"),
    path("history/ocellus-history.csv", history_views.history_csv, name="history_csv"),
    path("history/delete/", history_views.history_delete, name="history_delete"),
    path("history/undo/", history_views.history_undo, name="history_undo"),
    path("predictions/<uuid:public_id>/", answer_views.answer, name="answer"),
    path("predictions/<uuid:public_id>/picture.jpg", media_views.picture, name="picture"),
    path("predictions/<uuid:public_id>/thumbnail.jpg", media_views.thumbnail, name="thumbnail"),
    path("predictions/<uuid:public_id>/map-<int:rank>.png", media_views.heat_map, name="heat_map"),
    path(
        "predictions/<uuid:public_id>/nearest-<int:rank>.jpg", media_views.nearest, name="nearest"
    ),
]
open_to_guests(urlpatterns)
