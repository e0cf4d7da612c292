"""Recognizers and their versions in the admin; what is done with them is done in the studio."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webapp.model_admin import ModelAdmin
from webapp.recognizers.forms import AccessForm
from webapp.recognizers.models import CURATE, ModelVersion, Recognizer
from webapp.recognizers.precision import precision_table
from webapp.recognizers.templatetags.shares import percent


class ArchivedFilter(admin.SimpleListFilter):
    """Those that are not archived, unless the others are asked for."""

    title = gettext_lazy("archived")
    parameter_name = "archived"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("only", _("Archived")), ("too", _("All"))]

    def choices(self, changelist: Any) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        yield {**first, "display": _("Not archived")}
        yield from others

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Recognizer]
    ) -> QuerySet[Recognizer]:
        if self.value() == "too":
            return queryset
        return queryset.filter(archived_at__isnull=self.value() != "only")


@admin.register(Recognizer)
class RecognizerAdmin(ModelAdmin[Recognizer]):
    """The list, and the form for a new one; all else of a recognizer is on its page in the studio."""

    list_display = ("name", "access", "live", "num_versions", "last_trained", "archived_at")
    search_fields = ("name", "slug", "description")
    list_filter = (ArchivedFilter, "access")
    ordering = ("name",)
    form = AccessForm
    fields = ("name", "slug", "description", "access", "groups")
    filter_horizontal = ("groups",)
    prepopulated_fields = {"slug": ("name",)}
    empty_sentence = gettext_lazy(
        "There is no recognizer here. A training makes one: give it a name where you press Retrain."
    )
    empty_link = ("admin:studio_trainingrun_add", gettext_lazy("Retrain"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Recognizer]:
        live = ModelVersion.objects.filter(
            recognizer=OuterRef("pk"), state=ModelVersion.State.LIVE
        ).order_by()
        return (
            super()
            .get_queryset(request)
            .annotate(
                live_version_number=Subquery(live.values("number")[:1]),
                version_count=Count("versions", distinct=True),
                newest_version_at=Max("versions__created_at"),
            )
        )

    @admin.display(description=gettext_lazy("live version"), ordering="live_version_number")
    def live(self, recognizer: Recognizer) -> str:
        number = getattr(recognizer, "live_version_number", None)
        return "–" if number is None else str(number)

    @admin.display(description=gettext_lazy("versions"), ordering="version_count")
    def num_versions(self, recognizer: Recognizer) -> int:
        return int(getattr(recognizer, "version_count", 0))

    @admin.display(description=gettext_lazy("last trained"), ordering="newest_version_at")
    def last_trained(self, recognizer: Recognizer) -> datetime | None:
        return getattr(recognizer, "newest_version_at", None)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(CURATE)

    def has_change_permission(self, request: HttpRequest, obj: Recognizer | None = None) -> bool:
        return request.user.has_perm(CURATE)

    def has_delete_permission(self, request: HttpRequest, obj: Recognizer | None = None) -> bool:
        return False  # on its page, which says what goes with it

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Its page in the studio; who may only look sees the fields."""
        if self.has_change_permission(request) and object_id.isdecimal():
            return redirect("studio:recognizer", int(object_id))
        return super().change_view(request, object_id, form_url, extra_context)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if self.has_change_permission(request) and object_id.isdecimal():
            return redirect("studio:recognizer_delete", int(object_id))
        raise PermissionDenied


@admin.register(ModelVersion)
class ModelVersionAdmin(ModelAdmin[ModelVersion]):
    change_form_template = "admin/recognizers/modelversion/change_form.html"
    list_display = ("__str__", "state", "backbone", "top1", "created_at", "promoted_at")
    list_filter = ("state", "recognizer", "backbone")
    list_select_related = ("recognizer",)
    search_fields = ("recognizer__name", "backbone", "bundle_name")
    ordering = ("-created_at", "-id")
    empty_sentence = gettext_lazy(
        "There is no version here. Each training that succeeds makes one."
    )
    empty_link = ("admin:studio_trainingrun_add", gettext_lazy("Retrain"))
    fields = (
        "recognizer",
        "number",
        "state",
        "top1",
        "backbone",
        "class_names",
        "precision",
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

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A curator has a page with all that is known of a version; others have its row."""
        if request.user.has_perm(CURATE) and object_id.isdecimal():
            return redirect("studio:report", int(object_id))
        return super().change_view(request, object_id, form_url, extra_context)
