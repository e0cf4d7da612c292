"""Attempts to sign in, as the sign-in's guard counts them: to look at, and to let somebody in again."""

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from webapp.model_admin import ModelAdmin


class _AttemptsAdmin(ModelAdmin):  # type: ignore[type-arg]  # of three models without types
    search_fields = ("username", "ip_address")
    date_hierarchy = "attempt_time"
    ordering = ("-attempt_time", "-id")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(AccessAttempt)
class AccessAttemptAdmin(_AttemptsAdmin):
    """Who has failed lately. Whoever is deleted here may try again at once."""

    list_display = ("username", "ip_address", "failures_since_start", "attempt_time")
    list_filter = ("attempt_time",)
    fields = ("username", "ip_address", "failures_since_start", "attempt_time", "user_agent")
    empty_sentence = gettext_lazy(
        "Nobody has given a wrong password lately. Who is locked out stands here, and may try again "
        "once the line is deleted."
    )


@admin.register(AccessFailureLog)
class AccessFailureLogAdmin(_AttemptsAdmin):
    list_display = ("username", "ip_address", "locked_out", "attempt_time")
    list_filter = ("locked_out", "attempt_time")
    fields = ("username", "ip_address", "locked_out", "attempt_time", "user_agent")
    empty_sentence = gettext_lazy("No attempt to sign in has failed.")


@admin.register(AccessLog)
class AccessLogAdmin(_AttemptsAdmin):
    list_display = ("username", "ip_address", "attempt_time", "logout_time")
    list_filter = ("attempt_time",)
    fields = ("username", "ip_address", "attempt_time", "logout_time", "user_agent")
    empty_sentence = gettext_lazy("Nobody has signed in.")
