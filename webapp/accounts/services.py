"""What writes accounts and API keys, and who is behind a key."""

import logging
import secrets
import threading
import time
import uuid
from datetime import datetime, timedelta

from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from webapp.accounts import keys
from webapp.accounts.models import ApiKey, User
from webapp.database import DATABASE_ERRORS

logger = logging.getLogger(__name__)

# `last_used_at` is to the minute: a write with every request would cost more than the request.
USED_AGAIN_AFTER = timedelta(minutes=1)
# A database that does not take the note is left alone for so long, whosever key it is.
NOTE_AGAIN_SECONDS = 60.0
# When a guest came last is kept to the hour.
GUEST_SEEN_AGAIN_AFTER = timedelta(hours=1)
# Of one person, that open something. A script that makes keys in a circle ends here.
MAX_USABLE_KEYS = 50


class KeyRefused(Exception):
    """`code`: key_unknown, key_revoked, key_expired, account_inactive."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class TooManyKeys(Exception):
    """A person has MAX_USABLE_KEYS already."""


def password_is_right(request: HttpRequest, password: str) -> bool:
    """Whether whoever is signed in knows their password. Wrong ones count as they do at the sign-in,
    and lock the account for a while: a session left open is no place to guess."""
    user = authenticate(request, username=request.user.get_username(), password=password)
    return user is not None and user.pk == request.user.pk


def mail_change(*, user: User, email: str) -> None:
    """Where the link for a new password goes from now on; empty: nowhere."""
    user.email = User.objects.normalize_email(email)
    user.full_clean(exclude=("password",))
    user.save(update_fields=["email"])


def guest_create(*, key: str | None) -> User:
    """A visitor without an account. The same `key` gives the same guest, also at the same moment."""
    now = timezone.now()
    fields = {
        "username": f"guest-{secrets.token_hex(16)}",
        "password": make_password(None),
        "is_guest": True,
        "date_joined": now,
        "seen_at": now,
    }
    if key is None:
        return User.objects.create(**fields)
    guest, _ = User.objects.get_or_create(guest_key=key, defaults=fields)
    return guest


def guest_promise(*, guest: User, account: User) -> None:
    """To be noted before a guest's session ends with the sign-in to an account: wherever the process is
    killed from here on, the account gets the guest's pictures."""
    User.objects.filter(pk=guest.pk, is_guest=True, leaving_at=None).update(became=account)


def guest_note_seen(*, guest: User) -> bool:
    """Whether it was noted that a guest has come again: once an hour, and where the database takes it;
    one that cannot write keeps nobody from reading."""
    now = timezone.now()
    if guest.seen_at is not None and guest.seen_at > now - GUEST_SEEN_AGAIN_AFTER:
        return False
    try:
        with transaction.atomic():
            return User.objects.filter(pk=guest.pk, seen_at=guest.seen_at).update(seen_at=now) == 1
    except DATABASE_ERRORS as error:
        logger.warning("It cannot be noted just now that a guest has come: %s", error)
        return False


def own_api_key_create(
    *, owner: User, name: str, days: int | None, number: uuid.UUID
) -> tuple[ApiKey, str]:
    """A key that a person makes for themselves, valid for `days` or for ever. `number`: the form's; the
    same form sent twice, or thrice at once, is one key. Raises TooManyKeys."""
    key = keys.key_of_form(number, owner.pk)
    if made := ApiKey.objects.filter(digest=keys.digest_of(key), owner=owner).first():
        return made, key
    now = timezone.now()
    is_open = Q(expires_at=None) | Q(expires_at__gt=now)
    if ApiKey.objects.filter(is_open, owner=owner, revoked_at=None).count() >= MAX_USABLE_KEYS:
        raise TooManyKeys
    expires_at = None if days is None else now + timedelta(days=days)
    try:
        with transaction.atomic():
            return _api_key_keep(key, owner=owner, name=name, expires_at=expires_at), key
    except (IntegrityError, ValidationError):  # the same form, at the same moment
        made = ApiKey.objects.filter(digest=keys.digest_of(key), owner=owner).first()
        if made is None:
            raise
        return made, key


def api_key_create(
    *, owner: User, name: str, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """A new key's row and the key itself, which is kept nowhere: show it now or never."""
    key = keys.new_key()
    return _api_key_keep(key, owner=owner, name=name, expires_at=expires_at), key


def _api_key_keep(key: str, *, owner: User, name: str, expires_at: datetime | None) -> ApiKey:
    row = ApiKey(
        owner=owner,
        name=name,
        prefix=keys.shown_prefix(key),
        digest=keys.digest_of(key),
        expires_at=expires_at,
    )
    row.full_clean()
    row.save()
    return row


def api_key_revoke(*, key: ApiKey) -> bool:
    """The key opens nothing any more; False if it was revoked before."""
    now = timezone.now()
    return ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now) == 1


def api_key_owner(key: str) -> User:
    """Who acts through a key. One query, and a write once a minute; a database that cannot write
    keeps nobody from reading. Raises KeyRefused."""
    try:
        row = ApiKey.objects.select_related("owner").get(digest=keys.digest_of(key))
    except ApiKey.DoesNotExist as error:
        raise KeyRefused("key_unknown") from error
    if row.revoked_at is not None:
        raise KeyRefused("key_revoked")
    if row.is_expired:
        raise KeyRefused("key_expired")
    if not row.owner.is_active:
        raise KeyRefused("account_inactive")
    uses.note(row)
    return row.owner


class Uses:
    """Notes when a key was last used. Only a note: what cannot be written is logged and let go."""

    def __init__(self) -> None:
        self._writing = threading.Lock()
        self._not_before = 0.0

    def note(self, key: ApiKey) -> None:
        now = timezone.now()
        if key.last_used_at is not None and key.last_used_at >= now - USED_AGAIN_AFTER:
            return
        # A locked database lets a write wait for long: one thread may, not all of them.
        if time.monotonic() < self._not_before or not self._writing.acquire(blocking=False):
            return
        # Requests that come at the same moment ask for the same write: one of them makes it.
        is_old = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_AGAIN_AFTER)
        try:
            with transaction.atomic():
                ApiKey.objects.filter(is_old, pk=key.pk).update(last_used_at=now)
        except DATABASE_ERRORS as error:
            self._not_before = time.monotonic() + NOTE_AGAIN_SECONDS
            logger.warning("The use of API keys cannot be noted just now: %s", error)
        finally:
            self._writing.release()


uses = Uses()
