"""What a curator says of a recognizer: what it is called, whom it answers, whether it is put away."""

from collections.abc import Collection

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.recognizers.models import Recognizer


class ChangedMeanwhile(Exception):
    """Somebody else has changed it since it was looked at."""


def stand_of(recognizer: Recognizer) -> str:
    """What can be said of it, as it is now: two of these are equal where nobody has changed it."""
    groups = sorted(recognizer.groups.values_list("pk", flat=True))
    return repr((recognizer.name, recognizer.description, str(recognizer.access), groups))


def recognizer_change(
    *,
    recognizer: Recognizer,
    name: str,
    description: str,
    access: str,
    groups: Collection[Group],
    seen: str | None = None,
) -> Recognizer:
    """The recognizer as it is said to be from now on; its slug, which addresses and programs name, stays.

    `seen`: how it stood when somebody looked at it. Raises ChangedMeanwhile where it stands otherwise,
    and ValidationError.
    """
    with transaction.atomic():
        current = Recognizer.objects.select_for_update().get(pk=recognizer.pk)
        if seen is not None and seen != stand_of(current):
            raise ChangedMeanwhile
        current.name, current.description, current.access = name, description, access
        current.full_clean()
        try:
            with transaction.atomic():
                current.save(update_fields=["name", "description", "access"])
        except IntegrityError as error:  # two who took the same name at the same moment
            raise ValidationError({"name": _("Another recognizer has this name.")}) from error
        current.groups.set(groups if access == Recognizer.Access.GROUPS else [])
    return current


def recognizer_archive(*, recognizer: Recognizer) -> bool:
    """From now on nobody is offered it; what was sent to it before is still answered. False where it
    was archived already."""
    rows = Recognizer.objects.filter(pk=recognizer.pk, archived_at=None)
    return bool(rows.update(archived_at=timezone.now()))


def recognizer_unarchive(*, recognizer: Recognizer) -> bool:
    """It answers again with the version that was live. False where it was not archived."""
    rows = Recognizer.objects.filter(pk=recognizer.pk, archived_at__isnull=False)
    return bool(rows.update(archived_at=None))
