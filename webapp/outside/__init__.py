"""The only place that talks to addresses which people have given: a picture's, or a webhook's.

Such an address may name the machine itself or one beside it, and may name another one by the time it
is used. So a name is looked up once, everything it stands for must be public, and the connection goes
to the very address that was looked at. Redirects are followed by hand, each as a new address. Nothing
lasts longer or gets larger than the caller allows.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urljoin

from urllib3 import BaseHTTPResponse

from webapp.outside.lines import Deadline, asked
from webapp.outside.places import (
    MAX_ADDRESS_CHARACTERS,
    MAX_SHOWN_CHARACTERS,
    Place,
    is_public,
    place_of,
)
from webapp.outside.refusals import OutsideRefused, sentence_of

__all__ = [
    "MAX_ADDRESS_CHARACTERS",
    "Fetched",
    "OutsideRefused",
    "check",
    "fetch",
    "post",
    "sentence_of",
]

_PICTURE_PORTS = {80, 443}
MAX_REDIRECTS = 5
_READ_AT_ONCE = 64 * 1024
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Fetched:
    """What was at an address. `name`: the last part of its path, to show and never to open."""

    content: bytes
    name: str
    content_type: str


def fetch(url: str, *, max_bytes: int, seconds: float, accept: Collection[str]) -> Fetched:
    """What is at an address, all of it within `seconds`. `accept`: content types, such as `image/png`
    or `image/*`. Raises OutsideRefused."""
    deadline = Deadline(seconds)
    headers = {"Accept": ", ".join(sorted(accept))}
    for _ in range(MAX_REDIRECTS + 1):
        place = place_of(url, ports=_PICTURE_PORTS)
        with asked("GET", place, deadline, headers=headers) as response:
            if response.status in _REDIRECTS and (onward := response.headers.get("Location")):
                url = urljoin(place.url, onward)
                continue
            if response.status != 200:
                raise OutsideRefused("address_status", host=place.host, status=response.status)
            content_type = _content_type(response, accept)
            content = _body(response, place, deadline, max_bytes)
            return Fetched(content, place.name, content_type)
    raise OutsideRefused("address_redirects", num=MAX_REDIRECTS)


def post(
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    seconds: float,
    allow_private: bool = False,
) -> int:
    """Sends `body`; the status of what is answered, of which no more is read and which leads nowhere
    else. Any port will do. Raises OutsideRefused."""
    place = place_of(url, ports=None)
    with asked(
        "POST", place, Deadline(seconds), headers=headers, body=body, allow_private=allow_private
    ) as response:
        return response.status


def check(url: str, *, allow_private: bool = False) -> None:
    """Whether `post` might take this address, as far as can be told without asking anybody. Raises
    OutsideRefused."""
    place = place_of(url, ports=None)
    with suppress(ValueError):
        if not (allow_private or is_public(str(ip_address(place.host)))):
            raise OutsideRefused("address_private", host=place.host)


def _content_type(response: BaseHTTPResponse, accept: Collection[str]) -> str:
    content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if content_type in accept or f"{content_type.partition('/')[0]}/*" in accept:
        return content_type
    expected = ", ".join(sorted(accept))
    raise OutsideRefused(
        "address_type", expected=expected, received=content_type[:MAX_SHOWN_CHARACTERS]
    )


def _body(response: BaseHTTPResponse, place: Place, deadline: Deadline, max_bytes: int) -> bytes:
    """As many bytes as really come. What a server says of its length is believed only if it is too
    much: then there is no need to read it."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise OutsideRefused(
            "address_encoded", host=place.host, received=encoding[:MAX_SHOWN_CHARACTERS]
        )
    too_large = OutsideRefused("address_large", megabytes=f"{max_bytes / 1_048_576:g}")
    announced = response.headers.get("Content-Length", "")
    if announced.isdecimal() and len(announced) < 20 and int(announced) > max_bytes:
        raise too_large
    content = bytearray()
    while piece := response.read(_READ_AT_ONCE, decode_content=False):
        content += piece
        if len(content) > max_bytes:
            raise too_large
        deadline.check(place)
    deadline.check(place)  # the same, where the server has named no length
    return bytes(content)
