from django.urls import path

from webapp.studio.loop import picture_views, routine_views, views

urlpatterns = [
    path("inbox/", views.inbox, name="inbox"),
    path("inbox/<int:prediction_id>/decide/", views.decide, name="inbox_decide"),
    path("inbox/<int:prediction_id>/undo/", views.undo, name="inbox_undo"),
    path("inbox/<int:prediction_id>/picture.jpg", picture_views.picture, name="inbox_picture"),
    path(
        "inbox/<int:prediction_id>/thumbnail.jpg", picture_views.thumbnail, name="inbox_thumbnail"
    ),
    path("take/<int:recognizer_id>/", views.take, name="inbox_take"),
    path("routine/<int:recognizer_id>/", routine_views.routine, name="routine"),
]
