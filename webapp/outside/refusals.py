"""Why an address was not talked to, or has not answered as it should: codes to keep, sentences to read."""

from collections.abc import Mapping

from django.utils.translation import gettext, gettext_noop

_SENTENCES: Mapping[str, str] = {
    "address_malformed": gettext_noop(
        "Expected an address such as https://example.org/photo.jpg, received “%(received)s”. "
        "Please copy the whole address."
    ),
    "address_scheme": gettext_noop(
        "Expected an address that begins with https:// or http://, received “%(received)s”. "
        "Please copy the whole address."
    ),
    "address_credentials": gettext_noop(
        "Expected an address without a user name and password in it, received one with them. "
        "Please leave out what stands before the @."
    ),
    "address_port": gettext_noop(
        "Expected an address on the usual port (80 or 443), received port %(received)s. "
        "Please use another address."
    ),
    "address_unknown": gettext_noop(
        "Nothing is known under the name %(host)s. Please check how it is written."
    ),
    "address_private": gettext_noop(
        "Expected an address in the public internet, but %(host)s is in a private network. "
        "Please use a public one."
    ),
    "address_unreachable": gettext_noop(
        "%(host)s could not be reached. Please check the address, or try again later."
    ),
    "address_untrusted": gettext_noop(
        "%(host)s could not prove that it is %(host)s: its certificate is not valid for it. "
        "Please use another address."
    ),
    "address_status": gettext_noop(
        "Expected something at this address, but %(host)s answered with the status %(status)s. "
        "Please check that the address opens in a browser where nobody is signed in."
    ),
    "address_redirects": gettext_noop(
        "Expected at most %(num)s redirects, received more. Please use the address that they lead to."
    ),
    "address_type": gettext_noop(
        "Expected one of %(expected)s at this address, received “%(received)s”. "
        "Please use the address of the file itself, not of a page that shows it."
    ),
    "address_encoded": gettext_noop(
        "Expected the file as it is, but %(host)s sent it compressed (%(received)s). "
        "Please use another address."
    ),
    "address_large": gettext_noop(
        "Expected at most %(megabytes)s MB at this address, received more. "
        "Please use the address of a smaller file."
    ),
    "address_slow": gettext_noop(
        "Expected an answer within %(seconds)s seconds, but %(host)s took longer. "
        "Please try again later, or use another address."
    ),
    "address_broken": gettext_noop(
        "%(host)s broke off before all had come, or its answer could not be understood. "
        "Please try again, or use another address."
    ),
}


class OutsideRefused(Exception):
    """An address that is not talked to, or that has not answered as it should. `code`: one of the
    above; `params` fill its sentence."""

    def __init__(self, code: str, **params: object) -> None:
        self.code = code
        self.params = params
        super().__init__(_SENTENCES[code] % params)

    @property
    def sentence(self) -> str:
        """What was expected, what came, what to do; in the reader's language."""
        return sentence_of(self.code, self.params)


def sentence_of(code: str, params: Mapping[str, object]) -> str:
    """The sentence of a refusal that was kept; of one that this release does not know, a plain one."""
    sentence = _SENTENCES.get(code)
    return gettext(sentence) % params if sentence else gettext("It could not be reached.")
