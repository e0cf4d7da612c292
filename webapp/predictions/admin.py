from pathlib import Path

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from classifier.errors import InvalidImage
from webapp.model_admin import ModelAdmin
from webapp.predictions import pictures
from webapp.predictions.models import Correction, Prediction
from webapp.predictions.selected import uuid_or_none
from webapp.recognizers.templatetags.shares import percent

# Pixels; the file is larger, for displays that have more.
THUMBNAIL_HEIGHT = 96
LARGEST_ID = 2**63 - 1


@admin.register(Prediction)
class PredictionAdmin(ModelAdmin[Prediction]):
    """For staff to see that pictures are answered; the pictures themselves are their owners'."""

    list_display = ("created_at", "recognizer", "state", "label", "how_sure", "version_number")
    list_filter = ("state", "recognizer", "created_at")
    search_fields = ("label",)
    search_help_text = gettext_lazy("A label, or the public id of one prediction")
    empty_sentence = gettext_lazy("There is no prediction here. Visitors make them by uploading.")
    empty_link = ("upload", gettext_lazy("The upload page"))
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

    @admin.display(description=gettext_lazy("confidence"), ordering="confidence")
    def how_sure(self, prediction: Prediction) -> str:
        return percent(prediction.confidence)

    @admin.display(description=gettext_lazy("version"))
    def version_number(self, prediction: Prediction) -> str:
        return str(prediction.version.number) if prediction.version else "–"

    @admin.display(description=gettext_lazy("failure"))
    def failure(self, prediction: Prediction) -> str:
        return prediction.failure_sentence

    def get_queryset(self, request: HttpRequest) -> QuerySet[Prediction]:
        rows = super().get_queryset(request).filter(deleted_at=None)
        return rows.defer("why", "top", "version__class_names", "version__metrics")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Prediction], search_term: str
    ) -> tuple[QuerySet[Prediction], bool]:
        """A public id is looked up as what it is: a search in texts does not know how each database
        writes one."""
        if public_id := uuid_or_none(search_term.strip()):
            return queryset.filter(public_id=public_id), False
        return super().get_search_results(request, queryset, search_term)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Prediction | None = None) -> bool:
        return False  # its files would stay behind

    def has_change_permission(self, request: HttpRequest, obj: Prediction | None = None) -> bool:
        return False


@admin.register(Correction)
class CorrectionAdmin(ModelAdmin[Correction]):
    """What owners have said of answers, with the pictures, to be looked through; they are decided on in
    the studio's inbox. Nobody sees a picture here that its owner has not judged, or after the owner has
    taken that back."""

    list_display = (
        *("thumbnail", "said", "verdict", "true_label", "how_sure", "recognizer", "version_number"),
        "corrected_at",
    )
    list_display_links = ("thumbnail", "said")
    list_filter = ("verdict", "recognizer", "corrected_at")
    list_select_related = ("recognizer", "version")
    empty_sentence = gettext_lazy(
        "Nobody has judged an answer yet. Visitors do below each answer, and it comes here."
    )
    list_per_page = 50
    search_fields = ("label", "true_label")
    show_full_result_count = False
    ordering = ("-corrected_at", "-id")
    fields = (
        *("picture", "said", "how_sure", "verdict", "true_label", "corrected_at"),
        *("recognizer", "version", "created_at"),
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Correction]:
        rows = super().get_queryset(request).filter(deleted_at=None).exclude(verdict="")
        return rows.defer("why", "top", "version__class_names", "version__metrics")

    @admin.display(description=gettext_lazy("picture"))
    def thumbnail(self, row: Correction) -> SafeString:
        return _image(row, "thumbnail", _("Correction %(number)s") % {"number": row.pk})

    @admin.display(description=gettext_lazy("picture"))
    def picture(self, row: Correction) -> SafeString:
        return _image(row, "picture", _("The picture as it is kept"))

    @admin.display(description=gettext_lazy("answer"), ordering="label")
    def said(self, row: Correction) -> str:
        if row.is_outlier:
            return _("None of these; closest: %(label)s") % {"label": row.label}
        return row.label

    @admin.display(description=gettext_lazy("confidence"), ordering="confidence")
    def how_sure(self, row: Correction) -> str:
        return percent(row.confidence)

    @admin.display(description=gettext_lazy("version"), ordering=F("version__number").asc())
    def version_number(self, row: Correction) -> int | None:
        return row.version.number if row.version else None

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path(
                f"<int:number>/{name}.jpg",
                wrap(never_cache(require_GET(view))),
                name=f"predictions_correction_{name}",
            )
            for name, view in (("thumbnail", self.thumbnail_view), ("picture", self.picture_view))
        ]
        return own + super().get_urls()

    def thumbnail_view(self, request: HttpRequest, number: int) -> HttpResponse:
        name = self._picture_name(request, number)
        try:
            return HttpResponse(pictures.thumbnail_of(name), content_type="image/jpeg")
        except (FileNotFoundError, InvalidImage) as error:
            raise Http404 from error

    def picture_view(self, request: HttpRequest, number: int) -> FileResponse:
        kept: Path = pictures.path_of(self._picture_name(request, number))
        try:
            return FileResponse(kept.open("rb"), content_type="image/jpeg")
        except FileNotFoundError as error:
            raise Http404 from error

    def _picture_name(self, request: HttpRequest, number: int) -> str:
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = self.get_queryset(request).filter(pk=min(number, LARGEST_ID))
        name = rows.order_by().values_list("picture_name", flat=True).first()
        if not name:
            raise Http404
        return name

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Correction | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Correction | None = None) -> bool:
        return False


def _image(row: Correction, name: str, text: str) -> SafeString:
    if not row.picture_name:
        return format_html("–")
    size = format_html('height="{}"', THUMBNAIL_HEIGHT) if name == "thumbnail" else ""
    return format_html(
        '<img src="{}" alt="{}" loading="lazy" {}>',
        reverse(f"admin:predictions_correction_{name}", args=[row.pk]),
        text,
        size,
    )
