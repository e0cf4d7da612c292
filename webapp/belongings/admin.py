from collections.abc import Sequence
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webapp.accounts.models import User
from webapp.belongings.leaving import LastSuperuser, account_leave, leave_finish
from webapp.predictions.models import Prediction

LEAVE_SECONDS = 5.0


@admin.register(User)
class PersonAdmin(UserAdmin[User]):
    """Django's, but that who is deleted leaves as by their own hand: with the pictures' files."""

    list_display = ("username", "email", "is_staff", "is_active", "leaving_at", "last_login")

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
