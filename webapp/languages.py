"""In which language somebody reads: as they chose at the foot of a page, else as their browser asks."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext_noop

from classifier.errors import ClassifierError
from webapp.told import filled

# What Django and django-axes have no Chinese for. Our catalogues are asked before theirs.
TEXTS_OF_OTHERS = (
    gettext_noop("Model name"),
    gettext_noop("Add link"),
    gettext_noop("Change or view list link"),
    gettext_noop("After you’ve created a user, you’ll be able to edit more user options."),
    gettext_noop(
        "Whether the user will be able to authenticate using a password or not. If disabled, they "
        "may still be able to authenticate using other backends, such as Single Sign-On or LDAP."
    ),
    gettext_noop("access attempt"),
    gettext_noop("access attempts"),
    gettext_noop("access attempt expiration"),
    gettext_noop("access attempt expirations"),
    gettext_noop("access failure"),
    gettext_noop("access failures"),
    gettext_noop("access log"),
    gettext_noop("access logs"),
    gettext_noop("Access lock out"),
    gettext_noop("Account locked: too many login attempts. Please try again later."),
    gettext_noop("Access Attempt"),
    gettext_noop("Attempt Remaining"),
    gettext_noop("Attempt Time"),
    gettext_noop("Clean up expired attempts"),
    gettext_noop("Expires At"),
    gettext_noop("Form Data"),
    gettext_noop("Locked Out"),
    gettext_noop("Meta Data"),
    gettext_noop("Not set"),
    gettext_noop("Session key hash (sha256)"),
    gettext_noop("The time when access attempt expires and is no longer valid."),
    gettext_noop("Failed Logins"),
    gettext_noop("GET Data"),
    gettext_noop("POST Data"),
    gettext_noop("HTTP Accept"),
    gettext_noop("IP Address"),
    gettext_noop("Logout Time"),
    gettext_noop("Path"),
    gettext_noop("User Agent"),
    gettext_noop("Username"),
)


def sentence_of(error: ClassifierError) -> str:
    """What was refused, in the reader's language."""
    return filled(error.sentences[error.code], error.params)


class LanguageMiddleware(LocaleMiddleware):
    """Django's own, which looks at a cookie and does not say so: what is kept of a reply without a
    session, like the API's page, would be shown to readers of the other language."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> Any:
        response = super().process_response(request, response)
        patch_vary_headers(response, ("Cookie",))
        return response
