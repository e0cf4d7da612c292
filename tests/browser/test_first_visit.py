"""A visitor with a real browser: sign in, upload, watch the answers come, look at the history."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.visit import NARROW, WIDE, assert_fits, errors_of, pictures_in, sign_in
from tests.stack import Stack


@pytest.mark.parametrize(
    "size",
    [pytest.param(WIDE, id="1440"), pytest.param(NARROW, id="390", marks=pytest.mark.slow)],
)
def test_answers_appear_without_reloading(
    browser: Browser, stack: Stack, visitor: str, tmp_path: Path, size: dict[str, int]
) -> None:
    with browser.new_context(viewport=size) as context:  # type: ignore[arg-type]
        page = context.new_page()
        errors = errors_of(page)
        hosts: set[str] = set()
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        sign_in(page, stack, visitor)
        assert_fits(page)
        page.get_by_label("Pictures").set_input_files(pictures_in(tmp_path))
        page.get_by_role("button", name="Recognize").click()
        expect(page.get_by_text("Waiting", exact=True)).to_have_count(2)
        expect(page.get_by_text("received a file of another kind")).to_be_visible()
        address = page.url
        stack.start("inference")  # only now is there anybody to answer
        expect(page.get_by_text("2 of 3 answered · 1 could not be")).to_be_visible(timeout=30_000)
        expect(page.get_by_role("link", name="red almost certain")).to_be_visible()
        expect(page.get_by_role("link", name="green almost certain")).to_be_visible()
        assert page.url == address
        assert_fits(page)
        page.get_by_role("link", name="History").first.click()
        expect(page.get_by_role("listitem").filter(has_text="version 1")).to_have_count(2)
        assert_fits(page)
        page.get_by_role("link").filter(has_text="red.jpg").click()
        expect(page.get_by_role("heading", name="red", exact=True)).to_be_visible()
        assert errors == []
        assert hosts == {f"127.0.0.1:{stack.port}"}


def test_the_upload_works_without_javascript(
    browser: Browser, answering: Stack, visitor: str, tmp_path: Path
) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page, answering, visitor)
        page.get_by_label("Pictures").set_input_files(pictures_in(tmp_path))
        page.get_by_role("button", name="Recognize").click()
        expect(page.get_by_role("link", name="green almost certain")).to_be_visible(timeout=30_000)
