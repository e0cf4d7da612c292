"""Addresses taken apart, and which of them are of the public internet."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import unquote

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from webapp.outside.refusals import OutsideRefused

MAX_ADDRESS_CHARACTERS = 2000
MAX_SHOWN_CHARACTERS = 100
_PORTS = {"http": 80, "https": 443}
_NAT64 = IPv6Network("64:ff9b::/96")  # public addresses of the old kind, where there are none
# IPv4 inside of IPv6, which a machine on the way unwraps: nobody shows pictures there.
_UNWRAPPED = [
    IPv6Network(each)
    for each in ("::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fec0::/10", "5f00::/16")
]


@dataclass(frozen=True)
class Place:
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


def place_of(url: str, *, ports: Collection[int] | None) -> Place:
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
    return Place(parts.url, scheme.lower(), host, port, parts.request_uri)


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
