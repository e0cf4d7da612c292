"""What the API answers instead of a result: problem JSON (RFC 9457), never a page.

`code` is stable, for programs; `detail` is a sentence for whoever reads their log.
"""

from collections.abc import Mapping
from http import HTTPStatus

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext, gettext_noop

API_PREFIX = "/api/"
PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_SECONDS = 5

_PROBLEMS: Mapping[str, tuple[int, str]] = {
    "not_understood": (
        400,
        gettext_noop("The request could not be understood. Please look at docs/API.md."),
    ),
    "key_missing": (
        401,
        gettext_noop(
            "Expected an API key in the header “Authorization: Bearer KEY”, received none. "
            "You make keys on the page of your account, the operator with: manage.py create_api_key USER"
        ),
    ),
    "key_malformed": (
        401,
        gettext_noop(
            "Expected an API key (ocl_ and 43 characters), received something else. "
            "Please copy the whole key."
        ),
    ),
    "key_unknown": (
        401,
        gettext_noop("This API key is not known here. Please check where it was made."),
    ),
    "key_revoked": (401, gettext_noop("This API key was revoked. Please use another one.")),
    "key_expired": (401, gettext_noop("This API key has expired. Please use another one.")),
    "account_inactive": (
        403,
        gettext_noop("The account of this API key is switched off. Please ask the operator."),
    ),
    "not_found": (404, gettext_noop("There is nothing at this address, or it is not yours.")),
    "method_not_allowed": (
        405,
        gettext_noop("Expected one of the methods %(expected)s, received %(received)s."),
    ),
    "not_answered": (
        409,
        gettext_noop(
            "Only an answer can be right or wrong. Please wait until the picture is answered."
        ),
    ),
    "too_many_webhooks": (
        409,
        gettext_noop(
            "Expected at most %(num)s webhooks of one person. Please remove one that is not needed."
        ),
    ),
    "length_required": (
        411,
        gettext_noop(
            "Expected a request that tells its length (Content-Length), received one in chunks. "
            "Please let the program send it as a whole."
        ),
    ),
    "too_large": (
        413,
        gettext_noop(
            "Expected at most %(megabytes)s MB in one request, received more. "
            "Please send fewer pictures at a time."
        ),
    ),
    "too_many_files": (
        413,
        gettext_noop(
            "Expected at most %(num_files)s files in one request, received more. "
            "Please send fewer at a time."
        ),
    ),
    "no_pictures": (
        422,
        gettext_noop(
            "Expected at least one file in the field “pictures” of a multipart form, received none. "
            "With curl: -F pictures=@photo.jpg"
        ),
    ),
    "recognizer_unknown": (
        422,
        gettext_noop(
            "Expected the field “recognizer” to be one of %(expected)s, received “%(received)s”."
        ),
    ),
    "recognizer_missing": (
        422,
        gettext_noop(
            "Expected the field “recognizer” to be one of %(expected)s, received none. "
            "It can be left out only while a single recognizer answers."
        ),
    ),
    "verdict_unknown": (
        422,
        gettext_noop(
            "Expected “right” or “wrong” in the field “verdict”, received something else."
        ),
    ),
    "label_is_the_answer": (
        422,
        gettext_noop(
            "Expected what it is instead, received the answer itself. If that is right, please send "
            "the verdict “right”."
        ),
    ),
    "label_too_long": (
        422,
        gettext_noop("Expected a shorter label. Please say it in at most 255 characters."),
    ),
    "address_refused": (
        422,
        gettext_noop(
            "Expected an address in the public internet that takes messages by http or https, "
            "received another one. Please look at its spelling."
        ),
    ),
    "invalid": (422, gettext_noop("The request is not as expected: %(problems)s.")),
    "rate_limited": (
        429,
        gettext_noop(
            "Expected at most %(quota)s calls in %(window)s seconds, received more. Please wait for "
            "%(seconds)s seconds, and send several pictures in one call."
        ),
    ),
    "failed": (
        500,
        gettext_noop(
            "Something went wrong. The operator finds the reason in the log; please try again."
        ),
    ),
    "no_recognizer": (
        503,
        gettext_noop("No recognizer can answer yet. Please try again once one has been promoted."),
    ),
    "not_kept": (
        503,
        gettext_noop(
            "The pictures could not be kept just now. Please send them again in a moment."
        ),
    ),
    "unavailable": (
        503,
        gettext_noop("Ocellus cannot reach its database just now. Please try again in a moment."),
    ),
}


class Problem(Exception):
    """A request that the API refuses. `code`: one of the above; `params` fill its sentence, unless
    `said` is one that tells more, in the reader's language already."""

    def __init__(self, code: str, *, said: str = "", **params: object) -> None:
        self.status, self._sentence = _PROBLEMS[code]
        self.code = code
        self.params = params
        self._said = said
        super().__init__(said or self._sentence % params)

    @property
    def detail(self) -> str:
        """The sentence, in the reader's language."""
        return self._said or gettext(self._sentence) % self.params

    def response(self) -> JsonResponse:
        response = JsonResponse(
            {
                "type": "about:blank",
                "title": HTTPStatus(self.status).phrase,
                "status": self.status,
                "code": self.code,
                "detail": self.detail,
            },
            status=self.status,
            content_type=PROBLEM_JSON,
            json_dumps_params={"ensure_ascii": False},
        )
        response["Cache-Control"] = "no-store"
        if self.status == HTTPStatus.UNAUTHORIZED:
            response["WWW-Authenticate"] = 'Bearer realm="Ocellus"'
        if self.status == HTTPStatus.TOO_MANY_REQUESTS:
            response["Retry-After"] = str(self.params["seconds"])
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            response["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response


def status_of(code: str) -> int:
    """The HTTP status of a problem."""
    return _PROBLEMS[code][0]


def sentence_of(code: str) -> str:
    """A problem's sentence in the reader's language, before there are any figures to put into it."""
    return gettext(_PROBLEMS[code][1]) % _Unknown()


class _Unknown(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "…"


def is_for_api(request: HttpRequest) -> bool:
    """Whether a program asks, that can do nothing with a page."""
    return request.path.startswith(API_PREFIX)
