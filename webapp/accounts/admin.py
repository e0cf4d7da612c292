from typing import Any

from django.contrib import admin, messages
from django.db.models import ForeignKey, Q, QuerySet
from django.forms import ModelChoiceField, ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from webapp.accounts import attempts_admin  # noqa: F401 - registers its pages
from webapp.accounts.models import ApiKey, User
from webapp.accounts.services import api_key_create, api_key_revoke
from webapp.model_admin import ModelAdmin


class UsableFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "usable"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("opens something")), ("no", _("expired or revoked"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        usable = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=timezone.now()))
        match self.value():
            case "yes":
                return queryset.filter(usable)
            case "no":
                return queryset.exclude(usable)
        return queryset


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin[ApiKey]):
    """Keys are made and revoked here, never changed. Who is no superuser sees and makes their own
    only: a key acts as its owner."""

    list_display = (
        "name",
        "prefix",
        "owner",
        "created_at",
        "last_used_at",
        "expires_at",
        "revoked_at",
    )
    list_select_related = ("owner",)
    search_fields = ("name", "prefix", "owner__username")
    list_filter = (UsableFilter, "created_at")
    ordering = ("-id",)
    empty_sentence = gettext_lazy("There is no key here. A program needs one to send pictures.")
    actions = ("revoke",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        rows = super().get_queryset(request)
        return rows if _is_superuser(request) else rows.filter(owner_id=request.user.pk)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        if obj is not None:
            return self.list_display
        return ("owner", "name", "expires_at") if _is_superuser(request) else ("name", "expires_at")

    def get_readonly_fields(
        self, request: HttpRequest, obj: ApiKey | None = None
    ) -> tuple[str, ...]:
        return () if obj is None else self.list_display

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        """Guests have no keys, and there may be very many of them."""
        if db_field.name == "owner":
            kwargs["queryset"] = User.objects.filter(is_guest=False)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"owner": request.user.pk, **super().get_changeform_initial_data(request)}

    def save_model(
        self, request: HttpRequest, obj: ApiKey, form: ModelForm[ApiKey], change: bool
    ) -> None:
        if change:
            return
        owner = obj.owner if _is_superuser(request) else request.user
        if not isinstance(owner, User):
            raise TypeError("Expected a person who is signed in.")
        row, key = api_key_create(owner=owner, name=obj.name, expires_at=obj.expires_at)
        obj.pk, obj.prefix = row.pk, row.prefix
        request.new_api_key = key  # type: ignore[attr-defined]  # for the page that shows it

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The key, shown this once: in the page itself, since a message would wait in a cookie."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("Keep this key now"),
            "opts": self.opts,
            "key": request.new_api_key,  # type: ignore[attr-defined]
            "row": obj,
        }
        return TemplateResponse(request, "admin/accounts/apikey/created.html", context)

    @admin.action(description=gettext_lazy("Revoke the selected keys"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        num_revoked = sum(api_key_revoke(key=key) for key in queryset)
        sentence = ngettext(
            "%(num)s key was revoked.", "%(num)s keys were revoked.", num_revoked
        ) % {"num": num_revoked}
        self.message_user(request, sentence, messages.SUCCESS)


def _is_superuser(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_superuser
