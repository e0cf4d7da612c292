"""The list of datasets in the admin; its other pages are the studio's own."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from webapp.model_admin import ModelAdmin
from webapp.studio.models import Dataset
from webapp.studio.pages import CURATE, number_of


@admin.register(Dataset)
class DatasetAdmin(ModelAdmin[Dataset]):
    list_display = ("name", "folder_name", "origin", "state", "created_at", "created_by")
    search_fields = ("name", "folder_name")
    list_filter = ("origin", "state")
    list_select_related = ("created_by",)
    list_per_page = 50

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(CURATE)

    def has_view_permission(self, request: HttpRequest, obj: Dataset | None = None) -> bool:
        return request.user.has_perm(CURATE)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(CURATE)

    def has_change_permission(self, request: HttpRequest, obj: Dataset | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Dataset | None = None) -> bool:
        return False  # its own page shows first what goes with it

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("notes")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        self._expect_curator(request)
        return redirect("studio:dataset_new")

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        self._expect_curator(request)
        number = number_of(object_id)
        if number is None:
            return redirect("admin:studio_dataset_changelist")
        return redirect(reverse("studio:dataset", args=[number]))

    def _expect_curator(self, request: HttpRequest) -> None:
        if not request.user.has_perm(CURATE):
            raise PermissionDenied
