"""The only place that talks to addresses which people have given: a picture's, or a webhook's.

Such an address may name the machine itself or one beside it, and may name another one by the time it
is used. So a name is looked up once, everything it stands for must be public, and the connection goes
to the very address that was looked at. Redirects are followed by hand, each as a new address. Nothing
lasts longer or gets larger than the caller allows.
"""

import re
import socket
import ssl
import threading
import time
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import unquote, urljoin

from django.utils.translation import gettext, gettext_noop
from urllib3 import BaseHTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, LocationParseError, SSLError
from urllib3.util import parse_url

_PORTS = {"http": 80, "https": 443}
_PICTURE_PORTS = {80, 443}
MAX_ADDRESS_CHARACTERS = 2000
MAX_REDIRECTS = 5
MAX_SHOWN_CHARACTERS = 100
_READ_AT_ONCE = 64 * 1024
_REDIRECTS = (301, 302, 303, 307, 308)
_NAT64 = IPv6Network("64:ff9b::/96")  # public addresses of the old kind, where there are none
# IPv4 inside of IPv6, which a machine on the way unwraps: nobody shows pictures there.
_UNWRAPPED = [
    IPv6Network(each)
    for each in ("::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fec0::/10", "5f00::/16")
]
_USER_AGENT = "Ocellus"

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


@dataclass(frozen=True)
class Fetched:
    """What was at an address. `name`: the last part of its path, to show and never to open."""

    content: bytes
    name: str
    content_type: str


@dataclass(frozen=True)
class _Place:
    """An address, taken apart. `target`: what is asked for there."""

    url: str
    scheme: str
    host: str
    port: int
    target: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def name(self) -> str:
        last = unquote(self.target.partition("?")[0]).replace("\\", "/").rsplit("/", 1)[-1]
        printable = "".join(c for c in last if not unicodedata.category(c).startswith("C"))
        return printable.strip()[:255]


class _Deadline:
    """The moment until when all of it must be over."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._moment = time.monotonic() + seconds

    @property
    def left(self) -> float:
        return self._moment - time.monotonic()

    def check(self, place: _Place) -> float:
        """The seconds that are left. Raises OutsideRefused where there are none."""
        if (left := self.left) <= 0:
            raise self.missed(place)
        return left

    def missed(self, place: _Place) -> OutsideRefused:
        return OutsideRefused("address_slow", seconds=f"{self.seconds:g}", host=place.host)


def fetch(url: str, *, max_bytes: int, seconds: float, accept: Collection[str]) -> Fetched:
    """What is at an address, all of it within `seconds`. `accept`: content types, such as `image/png`
    or `image/*`. Raises OutsideRefused."""
    deadline = _Deadline(seconds)
    headers = {"Accept": ", ".join(sorted(accept))}
    for _ in range(MAX_REDIRECTS + 1):
        place = _place(url, ports=_PICTURE_PORTS)
        with _asked("GET", place, deadline, headers=headers) as response:
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
    place = _place(url, ports=None)
    with _asked(
        "POST", place, _Deadline(seconds), headers=headers, body=body, allow_private=allow_private
    ) as response:
        return response.status


def check(url: str, *, allow_private: bool = False) -> None:
    """Whether `post` might take this address, as far as can be told without asking anybody. Raises
    OutsideRefused."""
    place = _place(url, ports=None)
    with suppress(ValueError):
        if not (allow_private or is_public(str(ip_address(place.host)))):
            raise OutsideRefused("address_private", host=place.host)


def is_public(address: str) -> bool:
    """Whether an IP address is one that anybody reaches, and no machine of ours or beside it."""
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip in _NAT64:
            return is_public(str(IPv4Address(int(ip) & 0xFFFFFFFF)))
        if ip.scope_id is not None or any(ip in network for network in _UNWRAPPED):
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def _place(url: str, *, ports: Collection[int] | None) -> _Place:
    """An address as it is understood here, and nowhere else again: what is looked up, what is asked
    and what is certified all come from this. `ports`: any, where there are none."""
    url = url.strip()
    shown = url if len(url) <= MAX_SHOWN_CHARACTERS else f"{url[:MAX_SHOWN_CHARACTERS]}…"
    malformed = OutsideRefused("address_malformed", received=shown)
    # Programs do not agree on what these mean in an address.
    if len(url) > MAX_ADDRESS_CHARACTERS or any(c <= " " or c in "\\\x7f" for c in url):
        raise malformed
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in _PORTS:
        raise OutsideRefused("address_scheme", received=shown)
    try:
        parts = parse_url(url)
        host = (parts.host or "").strip("[]")
        port = parts.port or _PORTS[scheme.lower()]
    except (LocationParseError, ValueError) as error:
        raise malformed from error
    if "@" in re.split("[/?#]", rest, maxsplit=1)[0]:
        raise OutsideRefused("address_credentials")
    if not host or not host.isascii() or "%" in host or "*" in host:
        raise malformed
    if ports is not None and port not in ports:
        raise OutsideRefused("address_port", received=port)
    return _Place(parts.url, scheme.lower(), host, port, parts.request_uri)


@contextmanager
def _asked(
    method: str,
    place: _Place,
    deadline: _Deadline,
    *,
    headers: Mapping[str, str],
    body: bytes | None = None,
    allow_private: bool = False,
) -> Iterator[BaseHTTPResponse]:
    """The answer of a place, its body unread. Cookies, proxies and referrers have no part in it."""
    connection = _connected(place, deadline, allow_private=allow_private)
    # A server may let its answer drip so that no single wait is long: at the end of the time the line
    # is cut, whatever is going on.
    line = connection.sock
    cutter = threading.Timer(max(0.0, deadline.left), _cut, [line])
    cutter.daemon = True
    cutter.start()
    try:
        connection.request(
            method,
            place.target,
            body=body,
            headers={
                "Host": place.host_header,
                "User-Agent": _USER_AGENT,
                "Accept-Encoding": "identity",
                "Connection": "close",
                **headers,
            },
            preload_content=False,
            decode_content=False,
        )
        response = connection.getresponse()
        deadline.check(place)  # a head that was cut may look like a whole one
        yield response
    except (HTTPError, HTTPException, OSError, ValueError) as error:
        if deadline.left <= 0 or isinstance(error, TimeoutError):
            raise deadline.missed(place) from error
        raise OutsideRefused("address_broken", host=place.host) from error
    finally:
        cutter.cancel()
        _cut(line)
        connection.close()


def _connected(place: _Place, deadline: _Deadline, *, allow_private: bool) -> HTTPConnection:
    """A connection to one of the addresses that the name stands for, each of which was looked at."""
    addresses = _addresses(place, deadline)
    if not (allow_private or all(is_public(address) for address in addresses)):
        raise OutsideRefused("address_private", host=place.host)
    refused = OutsideRefused("address_unreachable", host=place.host)
    for address in addresses:
        connection = _connection(place, address, deadline.check(place))
        try:
            connection.connect()
        except (SSLError, ssl.SSLError) as error:
            connection.close()
            raise OutsideRefused("address_untrusted", host=place.host) from error
        except (HTTPError, OSError) as error:
            connection.close()
            refused.__cause__ = error
        else:
            return connection
    deadline.check(place)
    raise refused


def _connection(place: _Place, address: str, seconds: float) -> HTTPConnection:
    if place.scheme == "http":
        return HTTPConnection(address, place.port, timeout=seconds)
    return HTTPSConnection(
        address,
        place.port,
        timeout=seconds,
        ssl_context=_trusted(),
        server_hostname=place.host,  # whom the certificate has to be for
    )


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()


def _addresses(place: _Place, deadline: _Deadline) -> list[str]:
    """All that a name stands for, asked once. The system's look-up knows no time limit: it is left
    alone with it in a thread."""
    found: SimpleQueue[list[Any] | None] = SimpleQueue()

    def look_up() -> None:
        try:
            found.put(socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError):
            found.put(None)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        entries = found.get(timeout=deadline.check(place))
    except Empty:
        raise deadline.missed(place) from None
    if not entries:
        raise OutsideRefused("address_unknown", host=place.host)
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


def _content_type(response: BaseHTTPResponse, accept: Collection[str]) -> str:
    content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if content_type in accept or f"{content_type.partition('/')[0]}/*" in accept:
        return content_type
    expected = ", ".join(sorted(accept))
    raise OutsideRefused(
        "address_type", expected=expected, received=content_type[:MAX_SHOWN_CHARACTERS]
    )


def _body(response: BaseHTTPResponse, place: _Place, deadline: _Deadline, max_bytes: int) -> bytes:
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


def _cut(line: Any) -> None:
    """End a connection under whoever reads from it; by the plain socket's way, since that of TLS
    would wait for a farewell."""
    with suppress(OSError):
        socket.socket.shutdown(line, socket.SHUT_RDWR)
