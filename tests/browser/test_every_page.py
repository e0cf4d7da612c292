"""Every page in a real browser, as anybody may meet it: nothing that axe-core finds fault with, in the
light and in the dark, wide and narrow; nothing that sticks out."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.axe import axe_source, violations
from tests.browser.dropping import hand_over, picture
from tests.browser.visit import NARROW, WIDE, assert_fits, pictures_in, sign_in
from tests.bundles import colour_bundle
from tests.pictures import picture_bytes
from tests.stack import PASSWORD, Stack
from tests.waiting import wait_for

pytestmark = pytest.mark.slow

FURNISH_AND_FIND = """
import json
from tests import every_page
from webapp.accounts.models import User
person = User.objects.get(username="ada")
every_page.furnish(person)
print(json.dumps(dict(every_page.addresses(person))))
"""

GUESTS_PAGES = {
    "before: the first page": "/",
    "before: signing in": "/sign-in/",
    "before: signing up": "/sign-up/",
    "history": "/history/",
    "history as a table": "/history/?view=table",
    "chart": "/history/chart/",
    "forgetting": "/forget/",
}
CURATORS = ("admin:", "studio:")  # names that the addresses of their pages begin with
REFUSED = {"not found": "/nothing/"}
EVERY_LOOK = [(scheme, size) for scheme in ("light", "dark") for size in (WIDE, NARROW)]
TWO_LOOKS = [("light", WIDE), ("dark", NARROW)]  # of the many pages of the admin
# Rules that markup breaks which is not ours, made by scripts that no template of ours reaches.
NOT_OURS = (
    # A mark beside Django's two boxes of choices has a name and no role.
    ("aria-prohibited-attr", "help-tooltip"),
    # The theme's scrollers are regions of the same name: the side bar's and a wide list's.
    ("landmark-unique", "simplebar-content-wrapper"),
)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One that offers all it can, with a curator who has answers of each kind and rows in every list."""
    folder = tmp_path_factory.mktemp("every-page")
    with Stack(folder / "installation") as stack:
        stack.environment["OCELLUS_SIGN_UP"] = "1"
        stack.environment["OCELLUS_MAIL_HOST"] = "127.0.0.1"
        stack.environment["OCELLUS_MAIL_FROM"] = "ocellus@example.org"
        colour_bundle(stack.data_dir / "bundles" / "colours", knows_pictures=True)
        stack.install("colours")
        stack.create_users("ada", is_staff=True)
        stack.start("redis", "web", "inference")
        files = [(path.name, path.read_bytes()) for path in pictures_in(folder)]
        with stack.signed_in("ada") as visitor:
            visitor.upload(*files, ("grey.jpg", picture_bytes("grey", (640, 480))))
        wait_for(lambda: stack.states().get("done") == 3, what="the answers", seconds=60)
        stack.stop("inference")
        yield stack


@pytest.fixture
def guests(tmp_path: Path) -> Iterator[Stack]:
    """An installation that anybody may try."""
    with Stack(tmp_path / "guests") as stack:
        stack.environment["OCELLUS_ANONYMOUS_UPLOADS"] = "1"
        stack.environment["OCELLUS_SIGN_UP"] = "1"
        colour_bundle(stack.data_dir / "bundles" / "colours", knows_pictures=True)
        stack.install("colours")
        stack.start("redis", "web", "inference")
        yield stack


@pytest.fixture(scope="module")
def addresses(installation: Stack) -> dict[str, str]:
    """What has an address, by its name."""
    found: dict[str, str] = json.loads(installation.shell(FURNISH_AND_FIND))
    return found


def opened(page: Page) -> None:
    """All that can be opened is; what is fetched then has come."""
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.wait_for_load_state("networkidle")


def faults(
    context: BrowserContext,
    stack: Stack,
    addresses: dict[str, str],
    looks: list[tuple[str, dict[str, int]]],
) -> list[str]:
    """What is wrong on the pages among these addresses, each with the page and how it was looked at."""
    script = axe_source()
    found = []
    for name, address in addresses.items():
        url = f"{stack.url}{address}"
        # The server ends a line that was silent for two seconds, perhaps just now.
        response = context.request.get(url, max_redirects=0, max_retries=2)
        is_html = "text/html" in response.headers.get("content-type", "")
        if not is_html or "<html" not in response.text():  # a file, or a piece of a page
            continue
        if response.status != 200 and name not in REFUSED:
            continue
        page = context.new_page()
        page.goto(url)
        opened(page)
        for scheme, size in looks:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size(size)  # type: ignore[arg-type]
            page.evaluate("document.getAnimations().forEach(each => each.finish())")
            if not name.startswith("admin:"):
                assert_fits(page)
            found += [
                f"{name}, {scheme}, {size['width']} px: {each}"
                for each in violations(page, script)
                if not any(each.startswith(rule) and mark in each for rule, mark in NOT_OURS)
            ]
        page.close()
    return found


def test_nobody_finds_a_fault_on_the_pages_that_are_open_to_all(
    browser: Browser, installation: Stack, addresses: dict[str, str]
) -> None:
    open_to_all = {name: at for name, at in addresses.items() if not name.startswith(CURATORS)}
    with browser.new_context() as context:
        assert faults(context, installation, open_to_all, EVERY_LOOK) == []


def test_no_fault_is_found_on_a_visitors_pages(
    browser: Browser, installation: Stack, addresses: dict[str, str]
) -> None:
    ours = {name: path for name, path in addresses.items() if not name.startswith(CURATORS)}
    ours |= {"history as a table": "/history/?view=table"} | REFUSED
    with browser.new_context() as context:
        sign_in(context.new_page(), installation, "ada")
        assert faults(context, installation, ours, EVERY_LOOK) == []


def test_no_fault_is_found_on_a_list_of_what_will_be_sent(
    browser: Browser, installation: Stack
) -> None:
    script = axe_source()
    with browser.new_context() as context:
        page = context.new_page()
        sign_in(page, installation, "ada")
        hand_over(page, "drop", [picture("red.jpg"), ("notes.jpg", "image/jpeg", b"words")])
        page.locator("#upload").evaluate("form => form.dataset.maxBytes = '100'")
        hand_over(page, "drop", [picture("huge.jpg")])  # is refused
        expect(page.get_by_role("alert")).to_be_visible()
        for scheme, size in EVERY_LOOK:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size(size)  # type: ignore[arg-type]
            assert_fits(page)
            assert violations(page, script) == [], (scheme, size)


def test_no_fault_is_found_on_a_guests_pages(browser: Browser, guests: Stack) -> None:
    """From the first page on, which is no longer the one to sign in on."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(guests.url)
        paths = {name: path for name, path in GUESTS_PAGES.items() if name.startswith("before")}
        assert faults(context, guests, paths, EVERY_LOOK) == []
        guests.wait_for_workers()
        page.get_by_label("Pictures").set_input_files(
            [{"name": "red.jpg", "mimeType": "image/jpeg", "buffer": picture_bytes("red")}]
        )
        page.get_by_role("button", name="Recognize").click()
        page.wait_for_url("**/uploads/*/")
        wait_for(lambda: guests.states().get("done") == 1, what="the answer", seconds=60)
        paths = GUESTS_PAGES | {"the answer": page.url.removeprefix(guests.url)}
        assert faults(context, guests, paths, EVERY_LOOK) == []


@pytest.mark.timeout(600)
def test_no_fault_is_found_on_a_curators_pages(
    browser: Browser, installation: Stack, addresses: dict[str, str]
) -> None:
    admins = {name: path for name, path in addresses.items() if name.startswith(CURATORS)}
    with browser.new_context() as context:
        sign_in(context.new_page(), installation, "ada")
        assert faults(context, installation, admins, TWO_LOOKS) == []


def test_the_frame_fits_in_chinese_and_is_large_enough_for_a_finger(
    browser: Browser, installation: Stack, addresses: dict[str, str]
) -> None:
    with browser.new_context(locale="zh-CN", viewport=NARROW) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(installation.url)
        page.get_by_label("用户名").fill("ada")
        page.get_by_label("密码").fill(PASSWORD)
        page.get_by_role("button", name="登录").click()
        expect(page.get_by_role("link", name="上传")).to_have_attribute("aria-current", "page")
        for name in ("upload", "answers", "history", "account", "api_keys", "download", "api:docs"):
            page.goto(f"{installation.url}{addresses[name]}")
            assert_fits(page)
        for each in page.locator(".masthead a, .masthead button, .foot a, .foot button").all():
            box = each.bounding_box()
            assert box
            assert box["height"] >= 44, each.inner_text()


def test_the_language_is_switched_without_javascript(browser: Browser, installation: Stack) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{installation.url}/forgotten/")
        page.get_by_role("button", name="简体中文").click()
        expect(page.get_by_role("heading", name="忘记密码？")).to_be_visible()
        page.get_by_role("button", name="English").click()
        expect(page.get_by_role("heading", name="Forgot your password?")).to_be_visible()
        assert page.url == f"{installation.url}/forgotten/"
