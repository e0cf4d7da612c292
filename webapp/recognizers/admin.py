"""Recognizers and their versions in the admin; promotion is a button on a version's page."""

import json

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from webapp.model_admin import ModelAdmin
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.recognizers.precision import precision_table
from webapp.recognizers.templatetags.shares import percent


@admin.register(Recognizer)
class RecognizerAdmin(ModelAdmin[Recognizer]):
    list_display = ("name", "live", "created_at")
    search_fields = ("name",)
    prepopulated_fields = {"slug": ("name",)}

    @admin.display(description=gettext_lazy("live version"))
    def live(self, recognizer: Recognizer) -> str:
        version = recognizer.live_version()
        return str(version.number) if version else "–"


@admin.register(ModelVersion)
class ModelVersionAdmin(ModelAdmin[ModelVersion]):
    change_form_template = "admin/recognizers/modelversion/change_form.html"
    list_display = ("__str__", "state", "backbone", "top1", "created_at", "promoted_at")
    list_filter = ("state", "recognizer")
    list_select_related = ("recognizer",)
    fields = (
        "recognizer",
        "number",
        "state",
        "top1",
        "backbone",
        "class_names",
        "precision",
        "other_metrics",
        "bundle_name",
        "bundle_digest",
        "created_at",
        "promoted_at",
        "promoted_by",
    )
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # versions come of training runs

    def has_delete_permission(self, request: HttpRequest, obj: ModelVersion | None = None) -> bool:
        return False

    @admin.display(description=gettext_lazy("top-1 on validation"))
    def top1(self, version: ModelVersion) -> str:
        return percent(version.val_top1)

    @admin.display(description=gettext_lazy("what it computes in"))
    def precision(self, version: ModelVersion) -> str:
        table = precision_table(version.metrics)
        if table is None:
            return "–"
        template = "admin/recognizers/modelversion/_precision.html"
        return render_to_string(template, {"table": table})

    @admin.display(description=gettext_lazy("metrics"))
    def other_metrics(self, version: ModelVersion) -> str:
        others = {name: value for name, value in version.metrics.items() if name != "precision"}
        return format_html("<pre>{}</pre>", json.dumps(others, indent=1, ensure_ascii=False))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.promote_view))
        own = [path("<int:version_id>/promote/", view, name="recognizers_version_promote")]
        return own + super().get_urls()

    def promote_view(self, request: HttpRequest, version_id: int) -> HttpResponse:
        """Where pages have sent their forms that promote: the studio compares first."""
        if not request.user.has_perm("studio.train"):
            raise PermissionDenied
        # 307: the form is sent there as it is.
        return redirect("studio:version_promote", version_id, preserve_request=True)
