from django.urls import path

from webapp.studio.comparing import log_views, views

urlpatterns = [
    path("<int:version_id>/", views.compare, name="compare"),
    path("<int:version_id>/start/", views.comparison_start, name="comparison_start"),
    path("<int:version_id>/state/", views.comparison_state, name="comparison_state"),
    path("<int:version_id>/cancel/", views.comparison_cancel, name="comparison_cancel"),
    path("<int:version_id>/promote/", views.version_promote, name="version_promote"),
    path("log/<int:recognizer_id>/", log_views.promotions, name="promotions"),
    path("log/<int:recognizer_id>/roll-back/", log_views.roll_back, name="roll_back"),
]
