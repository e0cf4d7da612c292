"""Where a request comes from, behind the web servers that the operator has put in front."""

import ipaddress
import re

from django.conf import settings
from django.http import HttpRequest

# Some web servers write the port, too: 203.0.113.7:4711, [2001:db8::7]:4711.
_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]+)\](?::\d+)?|(?P<v4>[\d.]+):\d+")
# What one subscriber is given: of IPv6 it is a network, in which addresses are for the taking.
_IPV6_PREFIX = 64


def address_of(request: HttpRequest) -> str:
    """The caller's address; empty where it is not known.

    Each web server in front has added to X-Forwarded-For whom it heard from. Only as many entries
    as there are such servers (`OCELLUS_PROXIES`) are true; those before them anybody can make up.
    """
    if not settings.PROXIES:
        return str(request.META.get("REMOTE_ADDR", ""))
    told = request.headers.get("X-Forwarded-For", "").split(",")
    if len(told) < settings.PROXIES:
        return ""
    entry = told[-settings.PROXIES].strip()
    if match := _WITH_PORT.fullmatch(entry):
        return match["v6"] or match["v4"]
    return entry


def caller_of(request: HttpRequest) -> str:
    """By what callers are told apart: an IPv4 address, or the network of an IPv6 address.

    Empty for nobody in particular: this machine's own programs, and all whom a web server in front
    speaks for that the operator has not counted. They must not use up each other's share.
    """
    try:
        address = ipaddress.ip_address(address_of(request))
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if address.is_loopback:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(address), _IPV6_PREFIX), strict=False))
    return str(address)
