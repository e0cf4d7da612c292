from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import ngettext
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from webapp.accounts.models import User
from webapp.belongings.leaving import LastSuperuser, account_leave, leave_finish
from webapp.model_admin import ModelAdmin
from webapp.predictions.models import Prediction

LEAVE_SECONDS = 5.0

admin.site.unregister(Group)  # registered by Django, without the theme


@admin.register(Group)
class ThemedGroupAdmin(GroupAdmin, ModelAdmin[Group]):
    """Django's: names of permissions that people are given together."""

    list_display = ("name", "num_people")
    empty_sentence = _lazy("There is no group here. One gives several people the same permissions.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        return super().get_queryset(request).annotate(people=Count("user"))

    @admin.display(description=_lazy("people"), ordering="people")
    def num_people(self, group: Group) -> int:
        return int(getattr(group, "people", 0))


class GuestFilter(admin.SimpleListFilter):
    """People with an account, unless guests are asked for: of those there may be very many."""

    title = _lazy("account")
    parameter_name = "guests"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("only", _("Guests")), ("too", _("All"))]

    def choices(self, changelist: Any) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        yield {**first, "display": _("People")}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        if self.value() == "too":
            return queryset
        return queryset.filter(is_guest=self.value() == "only")


@admin.register(User)
class PersonAdmin(UserAdmin[User], ModelAdmin[User]):
    """Django's, but that who is deleted leaves as by their own hand: with the pictures' files."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "is_staff", "is_active", "leaving_at", "last_login")
    list_filter = (GuestFilter, "is_staff", "is_superuser", "is_active", "groups")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """A guest has no rights and gets none, and no name or password either."""
        is_person = obj is None or not obj.is_guest
        return is_person and super().has_change_permission(request, obj)

    def get_deleted_objects(
        self, objs: QuerySet[User] | Sequence[User], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What the page before a deletion says: how many pictures go, not each of a million. Nobody
        goes whose leaving would leave nobody in charge."""
        people = list(objs)
        lines, total = [], 0
        for user in people:
            number = Prediction.objects.filter(owner=user).count()
            total += number
            lines.append(
                ngettext(
                    "%(name)s, with %(num)s picture", "%(name)s, with %(num)s pictures", number
                )
                % {"name": user.get_username(), "num": number}
            )
        superusers = User.objects.filter(is_superuser=True, is_active=True)
        is_nobody_left = not superusers.exclude(pk__in=[user.pk for user in people]).exists()
        blocked = [
            _("%(name)s: at least one superuser must stay.") % {"name": user.get_username()}
            for user in people
            if is_nobody_left and user.is_superuser
        ]
        counts = {
            str(User._meta.verbose_name_plural): len(people),
            str(Prediction._meta.verbose_name_plural): total,
        }
        return lines, counts, set(), blocked

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        self._leave(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            self._leave(request, user)

    def _leave(self, request: HttpRequest, user: User) -> None:
        try:
            account_leave(user=user)
        except LastSuperuser:
            sentence = _("%(name)s stays: at least one superuser must.") % {"name": user}
            messages.error(request, sentence)
            return
        # The admin deletes inside a transaction; files go after it only.
        finish: Any = partial(leave_finish, seconds=LEAVE_SECONDS, only=user)
        transaction.on_commit(finish, robust=True)
