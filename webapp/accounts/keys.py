"""What an API key looks like: `ocl_` and 256 random bits in base64's letters for addresses."""

import base64
import hashlib
import re
import secrets
import uuid

from django.utils.crypto import salted_hmac

_PREFIX = "ocl_"
_WELL_FORMED = re.compile(rf"{_PREFIX}[A-Za-z0-9_-]{{43}}")
_NUM_SHOWN = len(_PREFIX) + 6


def new_key() -> str:
    return _PREFIX + secrets.token_urlsafe(32)


def key_of_form(number: uuid.UUID, owner_id: int) -> str:
    """The key that a person's form with this number asks for: the same for the same form. Only who has
    the installation's secret key can make it out of the number."""
    bits = salted_hmac("ocellus api key", f"{owner_id} {number}", algorithm="sha256").digest()
    return _PREFIX + base64.urlsafe_b64encode(bits).decode().rstrip("=")


def shown_prefix(key: str) -> str:
    """As much of a key as may be shown; what is left is far more than anybody can guess."""
    return key[:_NUM_SHOWN]


def digest_of(key: str) -> str:
    """What is kept of a key. No slow hash and no salt: these bits are random, nobody chose them."""
    return hashlib.sha256(key.encode()).hexdigest()


def bearer_key(authorization: str) -> str | None:
    """The key in an `Authorization` header; None where there is no well-formed one."""
    key = bearer(authorization)
    return key if _WELL_FORMED.fullmatch(key) else None


def bearer(authorization: str) -> str:
    """What an `Authorization` header bears, a key or another token; empty where it bears nothing."""
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
