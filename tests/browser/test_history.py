"""The history in a real browser: what is selected is counted in sight, and filters that say nothing leave no
trace in the address."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.visit import NARROW, WIDE, assert_fits, errors_of, pictures_in, sign_in
from tests.stack import Stack

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1440", "390"])
def test_what_is_selected_is_counted_in_sight(
    browser: Browser, stack: Stack, visitor: str, tmp_path: Path, size: dict[str, int]
) -> None:
    with browser.new_context(viewport=size) as context:  # type: ignore[arg-type]
        page = context.new_page()
        errors = errors_of(page)
        sign_in(page, stack, visitor)
        page.get_by_label("Pictures").set_input_files(pictures_in(tmp_path)[:2])
        page.get_by_role("button", name="Recognize").click()
        page.wait_for_url("**/uploads/*/")

        page.goto(f"{stack.url}/history/")
        told = page.get_by_text("Selected: ", exact=False)
        expect(told).to_be_hidden()
        page.set_viewport_size({"width": size["width"], "height": 600})
        page.get_by_label("Select red.jpg").check()
        expect(told).to_have_text("Selected: 1")
        expect(told).to_be_in_viewport(ratio=1)
        page.get_by_label("Select all on this page").check()
        expect(told).to_have_text("Selected: 2")
        if size == NARROW:
            page.get_by_role("link", name="What to do with it").click()
        expect(page.get_by_role("button", name="Confirm as right")).to_be_in_viewport(ratio=1)
        assert_fits(page)

        page.get_by_text("Filter", exact=True).click()
        page.get_by_label("State").select_option("queued")
        page.get_by_role("button", name="Show", exact=True).click()
        expect(page.get_by_label("Select red.jpg")).to_be_visible()
        assert page.url == f"{stack.url}/history/?state=queued"
        page.goto(f"{stack.url}/history/chart/")
        assert_fits(page)
        assert errors == []
