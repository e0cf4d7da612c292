"""The key that somebody has just made, on their page for some minutes. The session keeps the number of
the form alone, out of which the key is made once more."""

import time
import uuid

from django.http import HttpRequest

from webapp.accounts.keys import digest_of, key_of_form
from webapp.accounts.models import ApiKey, User

KEY_SHOWN_MINUTES = 10
_SESSION_KEY = "new_api_key"


def new_key_keep(request: HttpRequest, number: uuid.UUID) -> None:
    request.session[_SESSION_KEY] = {"number": str(number), "made_at": int(time.time())}


def new_key_of(request: HttpRequest) -> dict[str, str] | None:
    """`key` and `name` of the key just made; None where there is none, or it is revoked or long made."""
    kept = request.session.get(_SESSION_KEY)
    if kept is None or not isinstance(request.user, User):
        return None
    key = key_of_form(uuid.UUID(kept["number"]), request.user.pk)
    row = ApiKey.objects.filter(digest=digest_of(key), owner=request.user).first()
    age = time.time() - kept["made_at"]
    if row is None or not row.is_usable or not 0 <= age < KEY_SHOWN_MINUTES * 60:
        del request.session[_SESSION_KEY]
        return None
    return {"key": key, "name": row.name}
