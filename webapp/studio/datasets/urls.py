from django.urls import path

from webapp.studio.datasets import picture_views

urlpatterns = [
    path(
        "<int:dataset_id>/examples/<int:example_id>/thumbnail/",
        picture_views.thumbnail,
        name="example_thumbnail",
    ),
    path(
        "<int:dataset_id>/examples/<int:example_id>/picture/",
        picture_views.picture,
        name="example_picture",
    ),
]
