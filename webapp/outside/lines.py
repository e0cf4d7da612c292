"""A connection to a place, from the look-up of its name to the end of the time it may take."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from http.client import HTTPException
from queue import Empty, SimpleQueue
from typing import Any

from urllib3 import BaseHTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, SSLError

from webapp.outside.places import Place, is_public
from webapp.outside.refusals import OutsideRefused

_USER_AGENT = "Ocellus"


class Deadline:
    """The moment until when all of it must be over."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._moment = time.monotonic() + seconds

    @property
    def left(self) -> float:
        return self._moment - time.monotonic()

    def check(self, place: Place) -> float:
        """The seconds that are left. Raises OutsideRefused where there are none."""
        if (left := self.left) <= 0:
            raise self.missed(place)
        return left

    def missed(self, place: Place) -> OutsideRefused:
        return OutsideRefused("address_slow", seconds=f"{self.seconds:g}", host=place.host)


@contextmanager
def asked(
    method: str,
    place: Place,
    deadline: Deadline,
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


def _connected(place: Place, deadline: Deadline, *, allow_private: bool) -> HTTPConnection:
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


def _connection(place: Place, address: str, seconds: float) -> HTTPConnection:
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


def _addresses(place: Place, deadline: Deadline) -> list[str]:
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


def _cut(line: Any) -> None:
    """End a connection under whoever reads from it; by the plain socket's way, since that of TLS
    would wait for a farewell."""
    with suppress(OSError):
        socket.socket.shutdown(line, socket.SHUT_RDWR)
