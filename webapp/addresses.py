"""Where a request comes from."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The address of whoever asks.

    Behind a web server with TLS (`OCELLUS_HTTPS`) all requests come from that server, which adds the
    address that it saw at the end of `X-Forwarded-For`; what stands before that anybody may have
    written. Without such a server all of the header is a visitor's word, and is not read.
    """
    direct = str(request.META.get("REMOTE_ADDR", ""))
    if not settings.IS_BEHIND_PROXY:
        return direct
    forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return forwarded if _parsed(forwarded) else direct


def network_of(address: str) -> str:
    """Whom an address is counted for: itself, or with IPv6 the 64 bits that one household has."""
    parsed = _parsed(address)
    if parsed is None:
        return ""
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None
