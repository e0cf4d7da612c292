"""The inference workers that are alive, to look at."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webapp.model_admin import ModelAdmin
from webapp.ops.models import WorkerHeartbeat, alive_since


class AliveFilter(admin.SimpleListFilter):
    title = gettext_lazy("alive")
    parameter_name = "alive"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("alive")), ("no", _("silent"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[WorkerHeartbeat]
    ) -> QuerySet[WorkerHeartbeat]:
        match self.value():
            case "yes":
                return queryset.filter(seen_at__gt=alive_since())
            case "no":
                return queryset.filter(seen_at__lte=alive_since())
        return queryset


@admin.register(WorkerHeartbeat)
class WorkerHeartbeatAdmin(ModelAdmin[WorkerHeartbeat]):
    list_display = ("name", "is_alive", "seen_at", "answered_at", "num_loaded", "num_refused")
    search_fields = ("name",)
    list_filter = (AliveFilter,)
    ordering = ("-seen_at", "name")
    fields = ("name", "is_alive", "seen_at", "answered_at", "loaded", "refused")
    readonly_fields = fields
    empty_sentence = gettext_lazy(
        "No inference worker has been seen. It starts with the others: make run, or see docs/OPERATOR.md."
    )

    @admin.display(description=gettext_lazy("alive"), boolean=True)
    def is_alive(self, worker: WorkerHeartbeat) -> bool:
        return worker.is_alive

    @admin.display(description=gettext_lazy("loaded versions"))
    def num_loaded(self, worker: WorkerHeartbeat) -> int:
        return len(worker.loaded)

    @admin.display(description=gettext_lazy("refused versions"))
    def num_refused(self, worker: WorkerHeartbeat) -> int:
        return len(worker.refused)

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
