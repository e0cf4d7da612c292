from django.urls import path

from webapp.predictions import views

urlpatterns = [
    path("", views.upload, name="upload"),
    path("uploads/<uuid:upload_id>/", views.answers, name="answers"),
    path("history/", views.history, name="history"),
    path("predictions/<uuid:public_id>/", views.answer, name="answer"),
    path("predictions/<uuid:public_id>/picture.jpg", views.picture, name="picture"),
    path("predictions/<uuid:public_id>/thumbnail.jpg", views.thumbnail, name="thumbnail"),
    path("predictions/<uuid:public_id>/map-<int:rank>.png", views.heat_map, name="heat_map"),
    path("predictions/<uuid:public_id>/nearest-<int:rank>.jpg", views.nearest, name="nearest"),
]
