"""Who asks: an API key stands for its owner."""

import logging

from django.http import HttpRequest
from ninja.security import HttpBearer

from webapp.accounts.keys import bearer_key
from webapp.accounts.models import User
from webapp.accounts.services import KeyRefused, api_key_owner
from webapp.addresses import address_of
from webapp.problems import Problem

logger = logging.getLogger(__name__)


class KeyRequest(HttpRequest):
    """A request whose key was accepted."""

    auth: User


class ApiKeyAuth(HttpBearer):
    """The key's owner; raises Problem.

    Nobody is locked out for wrong keys: 256 random bits cannot be guessed, and a forgotten script
    behind the same address would lock out everybody else there. What is not even shaped like a key
    costs no query; the others are logged. What comes of it is counted with the request's refusal.
    """

    def __call__(self, request: HttpRequest) -> User:
        header = request.headers.get("Authorization", "")
        if key := bearer_key(header):
            return self.authenticate(request, key)
        raise Problem("key_malformed" if header else "key_missing")

    def authenticate(self, request: HttpRequest, token: str) -> User:
        try:
            return api_key_owner(token)
        except KeyRefused as refusal:
            logger.warning("An API key from %s was refused: %s", address_of(request), refusal.code)
            raise Problem(refusal.code) from refusal
