from django.urls import path

from webapp.studio.datasets import (
    example_views,
    new_views,
    picture_views,
    version_views,
    views,
)

urlpatterns = [
    path("new/", new_views.dataset_new, name="dataset_new"),
    path("new/zip/begin/", new_views.dataset_upload_begin, name="dataset_upload_begin"),
    path("new/zip/piece/", new_views.dataset_upload_piece, name="dataset_upload_piece"),
    path("new/zip/finish/", new_views.dataset_upload_finish, name="dataset_upload_finish"),
    path("new/zip/drop/", new_views.dataset_upload_drop, name="dataset_upload_drop"),
    path("<int:dataset_id>/", views.dataset, name="dataset"),
    path("<int:dataset_id>/job/", views.dataset_job, name="dataset_job"),
    path("<int:dataset_id>/settings/", views.dataset_settings, name="dataset_settings"),
    path("<int:dataset_id>/read/", views.dataset_read_again, name="dataset_read_again"),
    path("<int:dataset_id>/delete/", views.dataset_remove, name="dataset_remove"),
    path(
        "<int:dataset_id>/examples/<int:example_id>/",
        example_views.example,
        name="example",
    ),
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
    path(
        "<int:dataset_id>/examples/change/", example_views.examples_change, name="examples_change"
    ),
    path("<int:dataset_id>/examples/undo/", example_views.examples_undo, name="examples_undo"),
    path("<int:dataset_id>/versions/", version_views.dataset_versions, name="dataset_versions"),
    path("versions/<int:version_id>/", version_views.dataset_version, name="dataset_version"),
    path(
        "versions/<int:version_id>/changes/",
        version_views.dataset_version_changes,
        name="dataset_version_changes",
    ),
]
