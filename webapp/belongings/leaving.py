"""Somebody leaves, with everything.

    account ──account_leave──▶ closed ──predictions, then the person──▶ gone
    guest ──guest_join──▶ closed ──what still came in goes to the account, then the guest──▶ gone

The first step is one short transaction; from then on nobody is signed in and no key opens anything.
The rest is done in small steps that may each be repeated: by whoever began it as long as a page can
wait, and by the workers' rounds, which also go on where a process was killed.
"""

import time

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.db import transaction
from django.utils import timezone

from webapp.accounts.models import ApiKey, User
from webapp.predictions.handover import predictions_hand_over
from webapp.predictions.models import Prediction
from webapp.predictions.removal import pictures_forget, predictions_remove
from webapp.webhooks.services import webhooks_remove


class LastSuperuser(Exception):
    """Nobody else could manage this Ocellus any more."""


def account_leave(*, user: User) -> None:
    """Close an account: sessions end, keys die, and its removal goes on with `leave_finish`.

    Raises LastSuperuser.
    """
    with transaction.atomic():
        if user.is_superuser:
            # Locked, so that of the last two only one can leave.
            superusers = User.objects.filter(is_superuser=True, is_active=True).order_by("pk")
            others = set(superusers.select_for_update().values_list("pk", flat=True)) - {user.pk}
            if not others:
                raise LastSuperuser
        closed = {"is_active": False, "leaving_at": timezone.now(), "guest_key": None}
        User.objects.filter(pk=user.pk, leaving_at=None).update(**closed)
        ApiKey.objects.filter(owner_id=user.pk).delete()


def guest_join(*, guest: User, account: User) -> int:
    """Whoever has signed in takes along what they had as a guest; how many pictures that were. What is
    being uploaded at this moment comes after, by `leave_finish`; so does the guest's end."""
    with transaction.atomic():
        closed = {"is_active": False, "leaving_at": timezone.now(), "guest_key": None}
        guests = User.objects.filter(pk=guest.pk, is_guest=True, leaving_at=None)
        if not guests.update(**closed, became=account):
            return 0
        return predictions_hand_over(giver=guest, taker=account)


def leave_finish(*, seconds: float, only: User | None = None) -> bool:
    """Remove what belongs to those who leave, the files, and the people themselves; False where there
    was not enough time for all of it, or the disk is away. May be killed and repeated."""
    until = time.monotonic() + seconds
    leaving = User.objects.filter(leaving_at__isnull=False).order_by("pk")
    leaving = leaving.filter(pk=only.pk) if only else leaving
    for pk in list(leaving.values_list("pk", flat=True)):
        # Read only now: the account that a guest became may have left a moment ago, in this round.
        person = User.objects.filter(pk=pk).first()
        if person is None:
            continue
        if not webhooks_remove(owner=person, until=until):
            return False
        rows = Prediction.objects.filter(owner=person)
        while person.became_id is None and predictions_remove(rows=rows):
            if time.monotonic() > until:
                return False
        _remove_person(person)
        if time.monotonic() > until:
            return False
    return pictures_forget(until=until)


def _remove_person(person: User) -> None:
    with transaction.atomic():
        # From here on no upload of theirs can be written: its rows would refer to nobody.
        current = User.objects.select_for_update().filter(pk=person.pk).first()
        if current is None:
            return  # another process was faster
        if current.became:
            predictions_hand_over(giver=current, taker=current.became)
        # One that was under way when the account was closed may have been.
        while predictions_remove(rows=Prediction.objects.filter(owner=person)):
            pass
        for model in (AccessAttempt, AccessFailureLog, AccessLog):
            model.objects.filter(username=person.username).delete()
        person.delete()
