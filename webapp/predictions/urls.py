from django.urls import path

from webapp.accounts.guests import open_to_guests
from webapp.predictions import (
    answer_views,
    correction_views,
    history_views,
    media_views,
    other_views,
    selection_views,
    share_views,
    upload_views,
)

urlpatterns = [
    path("", upload_views.upload, name="upload"),
    path("uploads/<uuid:upload_id>/files/", upload_views.upload_file, name="upload_file"),
    path("uploads/<uuid:upload_id>/", answer_views.answers, name="answers"),
    path("history/", history_views.history, name="history"),
    path("history/ocellus-history.csv", history_views.history_csv, name="history_csv"),
    path("history/ocellus-pictures.zip", history_views.history_zip, name="history_zip"),
    path("history/chart/", history_views.history_chart, name="history_chart"),
    path("history/delete/", selection_views.history_delete, name="history_delete"),
    path("history/undo/", selection_views.history_undo, name="history_undo"),
    path("history/confirm/", selection_views.history_confirm, name="history_confirm"),
    path("history/relabel/", selection_views.history_relabel, name="history_relabel"),
    path("history/say-again/", selection_views.judging_undo, name="judging_undo"),
    path("history/selected/csv/", selection_views.selected_csv, name="selected_csv"),
    path("history/selected/zip/", selection_views.selected_zip, name="selected_zip"),
    path("labels/", correction_views.labels, name="labels"),
    path("predictions/<uuid:public_id>/", answer_views.answer, name="answer"),
    path(
        "predictions/<uuid:public_id>/correction/", correction_views.correction, name="correction"
    ),
    path("predictions/<uuid:public_id>/picture.jpg", media_views.picture, name="picture"),
    path("predictions/<uuid:public_id>/thumbnail.jpg", media_views.thumbnail, name="thumbnail"),
    path("predictions/<uuid:public_id>/map-<int:rank>.png", media_views.heat_map, name="heat_map"),
    path(
        "predictions/<uuid:public_id>/nearest-<int:rank>.jpg", media_views.nearest, name="nearest"
    ),
    path("predictions/<uuid:public_id>/ask/", other_views.ask_other, name="ask_other"),
    path("predictions/<uuid:public_id>/others/", other_views.others, name="others"),
    path("predictions/<uuid:public_id>/share/", share_views.share, name="share"),
    path("predictions/<uuid:public_id>/unshare/", share_views.unshare, name="unshare"),
    path("s/<uuid:share_id>/", share_views.shared, name="shared"),
    path("s/<uuid:share_id>/picture.jpg", share_views.shared_picture, name="shared_picture"),
    path("s/<uuid:share_id>/map-<int:rank>.png", share_views.shared_map, name="shared_map"),
    path(
        "s/<uuid:share_id>/nearest-<int:rank>.jpg",
        share_views.shared_nearest,
        name="shared_nearest",
    ),
]
open_to_guests(urlpatterns)
