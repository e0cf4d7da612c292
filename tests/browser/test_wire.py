"""What pages weigh on the wire, whom they ask, and how soon a visitor on a slow line can begin."""

import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, CDPSession, Page

from tests.browser.scenes import uuid_of
from tests.browser.visit import NARROW, pictures_in, sign_in
from tests.stack import Stack
from tests.waiting import wait_for

pytestmark = pytest.mark.slow

MAX_PAGE_BYTES = 150_000  # without pictures
MANY = 200
FURNISH = """
from tests import every_page
from webapp.accounts.models import User
person = User.objects.get(username="{}")
every_page.furnish_account(person)
every_page.judge_and_share(person)
"""
MAX_SECONDS_ON_FAST_3G = 2.0
# As Chromium's own tools have it: 1.6 Mbit/s down, 750 kbit/s up, of which nine tenths get through,
# and 150 ms there and back, of which they make 3.75 times as much for each request.
FAST_3G = {
    "offline": False,
    "downloadThroughput": 1.6e6 / 8 * 0.9,
    "uploadThroughput": 750e3 / 8 * 0.9,
    "latency": 150 * 3.75,
}


class Wire:
    """What came over the wire since the last `begin`, by kind."""

    def __init__(self, page: Page) -> None:
        self.devtools: CDPSession = page.context.new_cdp_session(page)
        self.hosts: set[str] = set()
        self._kinds: dict[str, str] = {}
        self._bytes: dict[str, int] = {}
        self.devtools.send("Network.enable")
        self.devtools.send("Network.setCacheDisabled", {"cacheDisabled": True})
        self.devtools.on("Network.requestWillBeSent", self._is_sent)
        self.devtools.on("Network.loadingFinished", self._has_come)

    def begin(self) -> None:
        self._kinds.clear()
        self._bytes.clear()

    def num_bytes(self) -> int:
        """Of all but pictures."""
        return sum(size for kind, size in self._bytes.items() if kind != "Image")

    def _is_sent(self, event: dict) -> None:  # type: ignore[type-arg]
        self._kinds[event["requestId"]] = event.get("type", "Other")
        address = urlsplit(event["request"]["url"])
        if address.scheme in ("http", "https"):
            self.hosts.add(address.netloc)

    def _has_come(self, event: dict) -> None:  # type: ignore[type-arg]
        kind = self._kinds.get(event["requestId"], "Other")
        self._bytes[kind] = self._bytes.get(kind, 0) + int(event["encodedDataLength"])


def visitor_pages(stack: Stack, visitor: str) -> dict[str, str]:
    """Paths of a visitor's pages, who has uploaded MANY pictures and something else, and given away a
    link to the first of them."""
    [(public_id, upload, share)] = stack.query(
        "SELECT public_id, upload, share FROM predictions_prediction JOIN accounts_user "
        f"ON owner_id = accounts_user.id WHERE username = '{visitor}' AND position = 0"
    )
    return {
        "upload": "/",
        "answers": f"/uploads/{uuid_of(upload)}/",
        "answer": f"/predictions/{uuid_of(public_id)}/",
        "shared": f"/s/{uuid_of(share)}/",
        "history": "/history/",
        "table": "/history/?view=table",
        "chart": "/history/chart/",
        "account": "/account/",
        "keys": "/account/keys/",
        "webhooks": "/account/webhooks/",
        "api": "/api/v1/docs",
    }


def test_each_page_is_light_and_asks_nobody_else(
    browser: Browser, answering: Stack, visitor: str, tmp_path: Path
) -> None:
    *red_and_green, words = [(path.name, path.read_bytes()) for path in pictures_in(tmp_path)]
    with answering.signed_in(visitor) as ada:
        ada.upload(*red_and_green * (MANY // 2), words)
        wait_for(lambda: answering.states().get("done", 0) >= MANY, seconds=120, what="answers")
        answering.shell(FURNISH.format(visitor))
    with browser.new_context() as context:
        page = context.new_page()
        sign_in(page, answering, visitor)
        wire = Wire(page)
        weights = {}
        for name, path in visitor_pages(answering, visitor).items():
            wire.begin()
            page.goto(f"{answering.url}{path}")
            page.wait_for_load_state("networkidle")
            weights[name] = wire.num_bytes()
        assert {name: size for name, size in weights.items() if size > MAX_PAGE_BYTES} == {}
        # A page that was not measured would weigh nothing.
        assert min(weights.values()) > 10_000
        assert wire.hosts == {f"127.0.0.1:{answering.port}"}


@pytest.mark.alone
def test_a_visitor_on_a_slow_line_can_choose_pictures_within_two_seconds(
    browser: Browser, stack: Stack, visitor: str
) -> None:
    with browser.new_context(viewport=NARROW) as context:  # type: ignore[arg-type]
        page = context.new_page()
        sign_in(page, stack, visitor)
        wire = Wire(page)
        wire.devtools.send("Network.emulateNetworkConditions", FAST_3G)
        begun = time.monotonic()
        page.goto(f"{stack.url}/", wait_until="load")  # scripts included
        seconds = time.monotonic() - begun
        assert page.get_by_label("Pictures").is_enabled()
        assert FAST_3G["latency"] / 1000 < seconds < MAX_SECONDS_ON_FAST_3G
