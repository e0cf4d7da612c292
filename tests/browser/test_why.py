"""Why, in a real browser: choosing a map on its bar, with the keyboard, and without JavaScript."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.visit import NARROW, WIDE, assert_fits, errors_of, pictures_in, sign_in
from tests.stack import Stack

pytestmark = pytest.mark.slow


def shown_map(page: Page, answer: int = 0) -> list[bool]:
    maps = page.get_by_role("article").nth(answer).locator(".look__map")
    return [maps.nth(i).is_visible() for i in range(maps.count())]


def is_loaded(page: Page, selector: str) -> bool:
    script = "image => image.complete && image.naturalWidth > 0"
    return bool(page.locator(selector).first.evaluate(script))


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1440", "390"])
def test_a_map_is_chosen_on_its_bar(
    browser: Browser, answering: Stack, visitor: str, tmp_path: Path, size: dict[str, int]
) -> None:
    with browser.new_context(viewport=size) as context:  # type: ignore[arg-type]
        page = context.new_page()
        errors = errors_of(page)
        sign_in(page, answering, visitor)
        page.get_by_label("Pictures").set_input_files(pictures_in(tmp_path)[:1])
        page.get_by_role("button", name="Recognize").click()
        expect(page.get_by_role("radio")).to_have_count(4, timeout=30_000)
        expect(page.get_by_role("radio", name="red")).to_be_checked()
        expect(page.locator(".look__map--1")).to_be_visible()
        assert shown_map(page) == [True, False, False]
        page.wait_for_load_state("networkidle")
        assert is_loaded(page, ".look__map--1")
        assert_covers(page)
        assert_fits(page)

        page.get_by_role("radio", name="red").focus()
        page.keyboard.press("ArrowDown")
        assert shown_map(page) == [False, True, False]
        page.get_by_text("Only the picture").click()
        assert shown_map(page) == [False, False, False]

        expect(page.locator(".near__picture")).to_have_count(5)
        page.locator(".near__picture").last.scroll_into_view_if_needed()
        page.wait_for_load_state("networkidle")
        assert is_loaded(page, ".near__picture img")
        assert errors == []


def assert_covers(page: Page) -> None:
    """The map lies over the picture, edge on edge."""
    picture = page.locator(".look__stack > img").first.bounding_box()
    heat = page.locator(".look__map--1").bounding_box()
    assert picture == heat


def test_the_first_map_and_the_others_work_without_javascript(
    browser: Browser, answering: Stack, visitor: str, tmp_path: Path
) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page, answering, visitor)
        page.get_by_label("Pictures").set_input_files(pictures_in(tmp_path)[:1])
        page.get_by_role("button", name="Recognize").click()
        expect(page.get_by_role("heading", name="red", exact=True)).to_be_visible(timeout=30_000)
        assert shown_map(page) == [True, False, False]
        page.get_by_role("radio").nth(2).check()
        assert shown_map(page) == [False, False, True]
