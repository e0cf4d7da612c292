"""The inference workers that are alive, to look at."""

from django.contrib import admin
from django.http import HttpRequest

from webapp.model_admin import ModelAdmin
from webapp.ops.models import WorkerHeartbeat


@admin.register(WorkerHeartbeat)
class WorkerHeartbeatAdmin(ModelAdmin[WorkerHeartbeat]):
    list_display = ("name", "seen_at", "answered_at", "loaded")
    readonly_fields = ("name", "seen_at", "answered_at", "loaded", "refused")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: WorkerHeartbeat | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: WorkerHeartbeat | None = None
    ) -> bool:
        return False
