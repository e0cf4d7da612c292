"""The studio's pages in the admin: retrain, watch the run, promote what came of it."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from webapp.accounts.models import User
from webapp.model_admin import ModelAdmin
from webapp.studio.forms import RetrainForm
from webapp.studio.models import Dataset, TrainingRun
from webapp.studio.services import (
    recognizer_get_or_create,
    run_cancel,
    run_create,
    run_resume,
)


@admin.register(Dataset)
class DatasetAdmin(ModelAdmin[Dataset]):
    list_display = ("name", "origin", "state", "created_at")
    search_fields = ("name", "folder_name")
    list_filter = ("origin", "state")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a dataset appears when its folder is trained on

    def has_change_permission(self, request: HttpRequest, obj: Dataset | None = None) -> bool:
        return False


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
        return run.step_label if run.is_open else ""

    def has_change_permission(self, request: HttpRequest, obj: TrainingRun | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: TrainingRun | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path(
                "<int:run_id>/state/", wrap(require_GET(self.state_view)), name="studio_run_state"
            ),
            path(
                "<int:run_id>/cancel/",
                wrap(require_POST(self.cancel_view)),
                name="studio_run_cancel",
            ),
            path(
                "<int:run_id>/resume/",
                wrap(require_POST(self.resume_view)),
                name="studio_run_resume",
            ),
        ]
        return own + super().get_urls()

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Choose a folder and press Retrain."""
        if not self.has_add_permission(request) or not isinstance(request.user, User):
            raise PermissionDenied
        form = RetrainForm(request.POST or None, initial=request.GET.dict())
        if request.method == "POST" and form.is_valid():
            chosen = form.cleaned_data["recognizer"]
            run = run_create(
                recognizer=chosen or recognizer_get_or_create(name=form.cleaned_data["new_name"]),
                folder_name=form.cleaned_data["folder_name"],
                config=form.config(),
                requested_by=request.user,
            )
            messages.success(request, _("The training waits for its turn."))
            return redirect("admin:studio_trainingrun_change", run.pk)
        return self._page(
            request, "admin/studio/retrain.html", {"form": form, "title": _("Retrain")}
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The run, live."""
        run = self._run(request, object_id)
        return self._page(request, "admin/studio/run.html", {"run": run, "title": str(run)})

    def state_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """The part of the run's page that changes, for it to ask again."""
        run = self._run(request, run_id)
        return TemplateResponse(request, "admin/studio/_run_state.html", {"run": run})

    def cancel_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        run_cancel(run=self._run(request, run_id))
        messages.info(request, _("The training will stop at its next step."))
        return redirect(reverse("admin:studio_trainingrun_change", args=[run_id]))

    def resume_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        if run_resume(run=self._run(request, run_id)):
            messages.success(request, _("The training goes on where it was interrupted."))
        else:
            messages.warning(request, _("This training is not interrupted; nothing was done."))
        return redirect(reverse("admin:studio_trainingrun_change", args=[run_id]))

    def _run(self, request: HttpRequest, run_id: str | int) -> TrainingRun:
        if not self.has_view_permission(request):
            raise PermissionDenied
        runs = TrainingRun.objects.select_related("recognizer", "dataset", "version__recognizer")
        try:
            return get_object_or_404(runs, pk=int(run_id))
        except ValueError as error:
            raise Http404 from error

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, **context}
        return TemplateResponse(request, template, context)
