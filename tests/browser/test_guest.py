"""A visitor without an account, with a real browser: a first try, with JavaScript and without."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.visit import NARROW, WIDE, assert_fits, errors_of, pictures_in
from tests.bundles import colour_bundle
from tests.stack import PASSWORD, Stack

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One that anybody may try."""
    with Stack(tmp_path_factory.mktemp("guest") / "installation") as stack:
        stack.environment["OCELLUS_ANONYMOUS_UPLOADS"] = "1"
        stack.environment["OCELLUS_SIGN_UP"] = "1"
        colour_bundle(stack.data_dir / "bundles" / "colours", knows_pictures=True)
        stack.install("colours")
        stack.start("redis", "web")
        yield stack


@pytest.mark.parametrize("has_javascript", [True, False], ids=["javascript", "plain"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1440", "390"])
def test_a_first_try_and_then_an_account(
    browser: Browser,
    answering: Stack,
    visitor: str,
    tmp_path: Path,
    size: dict[str, int],
    has_javascript: bool,
) -> None:
    with browser.new_context(viewport=size, java_script_enabled=has_javascript) as context:  # type: ignore[arg-type]
        page = context.new_page()
        errors = errors_of(page)
        page.goto(f"{answering.url}/history/")
        assert_fits(page)
        page.get_by_role("link", name="Try it without an account").click()
        expect(page.get_by_text("kept for this browser for 14 days")).to_be_visible()
        assert_fits(page)
        page.get_by_label("Pictures").set_input_files(pictures_in(tmp_path)[:2])
        page.get_by_role("button", name="Recognize").click()
        page.wait_for_selector('[data-complete="yes"]', state="attached", timeout=30_000)
        expect(page.get_by_text("Guest", exact=True)).to_be_visible()
        assert_fits(page)
        page.get_by_role("link", name="History").first.click()
        expect(page.get_by_role("listitem").filter(has_text="version 1")).to_have_count(2)
        assert_fits(page)

        with browser.new_context() as elsewhere:  # another browser is another guest
            stranger = elsewhere.new_page()
            assert stranger.goto(f"{answering.url}/")
            stranger.get_by_label("Pictures").set_input_files(pictures_in(tmp_path)[:1])
            stranger.get_by_role("button", name="Recognize").click()
            stranger.wait_for_selector('[data-complete="yes"]', state="attached", timeout=30_000)
            stranger.get_by_role("link", name="History").first.click()
            expect(stranger.get_by_text("green.jpg")).to_have_count(0)

        page.goto(f"{answering.url}/account/keys/")
        expect(page.get_by_text("That needs an account")).to_be_visible()
        assert_fits(page)
        page.get_by_label("User name").fill(visitor)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="API keys")).to_be_visible()
        page.get_by_role("link", name="History").first.click()
        expect(page.get_by_role("listitem").filter(has_text="version 1")).to_have_count(2)
        expect(page.get_by_role("link", name=f"Account of {visitor}")).to_be_visible()
        assert errors == []


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1440", "390"])
def test_a_guest_forgets_the_pictures(
    browser: Browser, answering: Stack, tmp_path: Path, size: dict[str, int]
) -> None:
    with browser.new_context(viewport=size) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(f"{answering.url}/")
        page.get_by_label("Pictures").set_input_files(pictures_in(tmp_path)[:2])
        page.get_by_role("button", name="Recognize").click()
        page.wait_for_selector('[data-complete="yes"]', state="attached", timeout=30_000)
        page.get_by_role("link", name="History").first.click()
        page.get_by_role("link", name="Forget my pictures").click()
        expect(page.get_by_text("2 pictures go")).to_be_visible()
        assert_fits(page)
        page.get_by_role("button", name="Forget all of it").click()
        expect(page.get_by_role("heading", name="Your pictures are forgotten")).to_be_visible()
        assert_fits(page)
        page.goto(f"{answering.url}/history/")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
