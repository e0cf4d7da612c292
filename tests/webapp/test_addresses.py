"""Where a request comes from, with and without web servers in front."""

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from webapp.addresses import address_of, caller_of


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", ""),
        ("::1", ""),
        ("::ffff:127.0.0.1", ""),
        ("", ""),
        ("unix:", ""),
    ],
)
def test_callers_are_told_apart_by_address_and_in_ipv6_by_network(
    rf: RequestFactory, address: str, caller: str
) -> None:
    assert caller_of(rf.get("/", REMOTE_ADDR=address)) == caller


@pytest.mark.parametrize(
    ("num_proxies", "forwarded", "address"),
    [
        (0, "198.51.100.1", "203.0.113.7"),  # anybody may write the header
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "10.9.9.9, 198.51.100.1", "198.51.100.1"),  # what stands before it is made up
        (2, "10.9.9.9, 198.51.100.1, 192.0.2.8", "198.51.100.1"),
        (2, "198.51.100.1", ""),  # it did not come through both
        (1, "", ""),
        (1, "198.51.100.1:4711", "198.51.100.1"),
        (1, "[2001:db8::7]:4711", "2001:db8::7"),
        (1, "2001:db8::7", "2001:db8::7"),
        (1, "unknown", "unknown"),
    ],
)
def test_behind_web_servers_the_entries_that_they_made_count(
    rf: RequestFactory, settings: Settings, num_proxies: int, forwarded: str, address: str
) -> None:
    settings.PROXIES = num_proxies
    request = rf.get("/", REMOTE_ADDR="203.0.113.7", headers={"X-Forwarded-For": forwarded})
    assert address_of(request) == address


def test_who_cannot_be_told_apart_has_no_share_of_their_own(
    rf: RequestFactory, settings: Settings
) -> None:
    settings.PROXIES = 1
    assert caller_of(rf.get("/", headers={"X-Forwarded-For": "unknown"})) == ""
