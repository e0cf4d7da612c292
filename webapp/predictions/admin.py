from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from webapp.predictions.models import Prediction


@admin.register(Prediction)
class PredictionAdmin(admin.ModelAdmin[Prediction]):
    """For staff to see that pictures are answered; the pictures themselves are their owners'."""

    list_display = ("created_at", "recognizer", "state", "label", "confidence", "version")
    list_filter = ("state", "recognizer")
    list_select_related = ("recognizer", "version__recognizer")
    show_full_result_count = False
    ordering = ("-id",)
    fields = (
        "public_id",
        "recognizer",
        "version",
        "created_at",
        "state",
        "attempts",
        "label",
        "confidence",
        "failure",
        "answered_at",
    )
    readonly_fields = fields

    @admin.display(description=_("failure"))
    def failure(self, prediction: Prediction) -> str:
        return prediction.failure_sentence

    def get_queryset(self, request: HttpRequest) -> QuerySet[Prediction]:
        return super().get_queryset(request).filter(deleted_at=None)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Prediction | None = None) -> bool:
        return False  # its files would stay behind

    def has_change_permission(self, request: HttpRequest, obj: Prediction | None = None) -> bool:
        return False
