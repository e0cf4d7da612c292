from django.urls import path

from webapp.studio.reports import views

urlpatterns = [
    path("<int:version_id>/", views.report, name="report"),
    path("<int:version_id>/confusion/", views.confusion, name="confusion"),
    path("<int:version_id>/map/", views.mistake_map_png, name="mistake_map"),
    path("<int:version_id>/file/", views.version_file, name="version_file"),
    path("<int:version_id>/card/", views.card, name="model_card"),
]
