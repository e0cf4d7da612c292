"""The studio's lists in the admin; a line of one leads to a page of our own."""

from typing import Any, cast

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy

from webapp.model_admin import ModelAdmin
from webapp.studio.datasets.admin import DatasetAdmin
from webapp.studio.models import TrainingRun
from webapp.studio.pages import CURATE
from webapp.studio.runs import views as run_views

__all__ = ["DatasetAdmin", "TrainingRunAdmin"]


@admin.register(TrainingRun)
class TrainingRunAdmin(ModelAdmin[TrainingRun]):
    """A run is made by the form `retrain` and changed by nobody; "add" leads to the form."""

    list_display = ("__str__", "dataset", "state", "doing", "created_at", "ended_at", "version")
    list_filter = ("state", "recognizer")
    list_select_related = ("recognizer", "dataset", "version__recognizer")
    search_fields = ("recognizer__name", "dataset__name")
    empty_sentence = gettext_lazy("There is no training here. Press Retrain to begin one.")

    @admin.display(description=gettext_lazy("step"))
    def doing(self, run: TrainingRun) -> str:
        return run.step_label if run.state == run.State.RUNNING else ""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(CURATE)

    def has_view_permission(self, request: HttpRequest, obj: TrainingRun | None = None) -> bool:
        return request.user.has_perm(CURATE)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(CURATE)

    def has_change_permission(self, request: HttpRequest, obj: TrainingRun | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: TrainingRun | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("<int:run_id>/state/", run_views.run_state, name="studio_run_state"),
            path("<int:run_id>/cancel/", run_views.cancel, name="studio_run_cancel"),
            path("<int:run_id>/resume/", run_views.resume, name="studio_run_resume"),
        ]
        return own + super().get_urls()

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return cast("HttpResponse", run_views.retrain(request))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return cast("HttpResponse", run_views.run_page(request, object_id))
