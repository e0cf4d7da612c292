"""Right or wrong, in a real browser: on the answer, and of several in the history; with a keyboard, and
without JavaScript."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.visit import NARROW, WIDE, assert_fits, errors_of, pictures_in, sign_in
from tests.stack import Stack

pytestmark = pytest.mark.slow


def upload(page: Page, stack: Stack, visitor: str, folder: Path) -> None:
    """A red and a green picture, answered; the red one is looked at."""
    sign_in(page, stack, visitor)
    page.get_by_label("Pictures").set_input_files(pictures_in(folder)[:2])
    page.get_by_role("button", name="Recognize").click()
    expect(page.locator(".poll__count")).to_contain_text("2 of 2 answered", timeout=30_000)
    page.get_by_role("link").filter(has_text="red.jpg").click()
    expect(page.get_by_role("heading", name="red", exact=True)).to_be_visible()


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("listitem").filter(has_text=name)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1440", "390"])
def test_an_answer_is_corrected_in_place_and_that_is_taken_back(
    browser: Browser, answering: Stack, visitor: str, tmp_path: Path, size: dict[str, int]
) -> None:
    with browser.new_context(viewport=size) as context:  # type: ignore[arg-type]
        page = context.new_page()
        errors = errors_of(page)
        upload(page, answering, visitor, tmp_path)
        address = page.url
        red = page.get_by_role("region", name="Right or wrong").first
        # From the keyboard alone: what was pressed is gone, and what comes next has the focus.
        red.get_by_role("button", name="Wrong").focus()
        page.keyboard.press("Enter")
        written = red.get_by_label("What is it?")
        expect(written).to_be_focused()
        expect(red.get_by_text("with it the curator sees this picture")).to_be_visible()
        assert red.locator("datalist option").evaluate_all("all => all.map(e => e.value)") == [
            "blue",
            "green",
        ]
        page.keyboard.type("red")
        page.keyboard.press("Enter")
        expect(red.get_by_role("alert")).to_contain_text("Expected what it is instead")
        expect(written).to_be_focused()
        written.fill("Orange")
        page.keyboard.press("Enter")
        expect(red.get_by_text("You said that this is “Orange”")).to_be_visible()
        expect(red.get_by_role("button", name="Take it back")).to_be_focused()
        assert_fits(page)
        page.reload()
        expect(red.get_by_text("You said that this is “Orange”")).to_be_visible()
        red.get_by_role("button", name="Take it back").click()
        expect(red.get_by_text("Is that right?")).to_be_visible()
        expect(red.get_by_role("button", name="Right")).to_be_focused()
        assert page.url == address
        assert errors == []


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1440", "390"])
@pytest.mark.parametrize("has_script", [True, False], ids=["js", "no-js"])
def test_two_of_the_history_are_relabelled_undone_and_found_by_what_was_said(
    browser: Browser,
    answering: Stack,
    visitor: str,
    tmp_path: Path,
    size: dict[str, int],
    has_script: bool,
) -> None:
    with browser.new_context(viewport=size, java_script_enabled=has_script) as context:  # type: ignore[arg-type]
        page = context.new_page()
        errors = errors_of(page)
        upload(page, answering, visitor, tmp_path)
        answer = page.get_by_role("region", name="Right or wrong").first
        answer.get_by_role("button", name="Wrong").click()
        expect(answer.get_by_label("What is it?")).to_be_visible()

        page.get_by_role("link", name="History").first.click()
        expect(row(page, "red.jpg").get_by_text("wrong", exact=True)).to_be_visible()
        everything = page.get_by_label("Select all on this page")
        if has_script:
            everything.check()
        else:
            expect(everything).to_be_hidden()
            page.get_by_label("Select red.jpg").check()
            page.get_by_label("Select green.jpg").check()
        page.get_by_label("True label").fill("BLUE")
        page.get_by_label("True label").press("Enter")
        expect(page.get_by_text("2 pictures are “BLUE” now")).to_be_visible()
        for name in ("red.jpg", "green.jpg"):
            expect(row(page, name).get_by_text("corrected: blue")).to_be_visible()
        assert_fits(page)

        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_text("2 pictures are as they were")).to_be_visible()
        expect(row(page, "red.jpg").get_by_text("wrong", exact=True)).to_be_visible()
        expect(row(page, "green.jpg").get_by_text("corrected")).to_have_count(0)

        page.get_by_text("Filter", exact=True).click()
        page.get_by_label("Your verdict").select_option("wrong")
        page.get_by_role("button", name="Show", exact=True).click()
        expect(row(page, "red.jpg")).to_be_visible()
        expect(row(page, "green.jpg")).to_have_count(0)
        assert "corrected=wrong" in page.url
        assert_fits(page)
        assert errors == []


@pytest.mark.parametrize("has_script", [True, False], ids=["js", "no-js"])
def test_the_chart_is_drawn_when_it_is_opened_and_files_are_saved(
    browser: Browser, answering: Stack, visitor: str, tmp_path: Path, has_script: bool
) -> None:
    with browser.new_context(viewport=NARROW, java_script_enabled=has_script) as context:  # type: ignore[arg-type]
        page = context.new_page()
        errors = errors_of(page)
        upload(page, answering, visitor, tmp_path)
        page.get_by_role("link", name="History").first.click()
        page.get_by_text("Labels over time", exact=True).click()
        if not has_script:
            page.get_by_role("link", name="Show the chart").click()
        expect(page.get_by_role("img", name="green: most in")).to_be_visible()
        expect(page.get_by_role("img", name="red: most in")).to_be_visible()
        page.get_by_text("The same as a table").click()
        expect(page.get_by_role("columnheader", name="green")).to_be_visible()
        assert_fits(page)
        page.get_by_role("link", name="History").first.click()
        page.get_by_label("Select green.jpg").check()
        with page.expect_download() as saved:
            page.get_by_role("button", name="Save as ZIP").click()
        assert saved.value.suggested_filename.startswith("ocellus-pictures-")
        assert b"green/green-" in Path(saved.value.path()).read_bytes()
        with page.expect_download() as saved:
            page.get_by_role("button", name="Save as CSV").click()
        assert Path(saved.value.path()).read_text(encoding="utf-8-sig").count("\n") == 2
        assert errors == []


def test_a_verdict_that_is_not_heard_says_so(
    browser: Browser, answering: Stack, visitor: str, tmp_path: Path
) -> None:
    with browser.new_context(viewport=NARROW) as context:  # type: ignore[arg-type]
        page = context.new_page()
        sign_in(page, answering, visitor)
        page.get_by_label("Pictures").set_input_files(pictures_in(tmp_path)[:1])
        page.get_by_role("button", name="Recognize").click()
        box = page.get_by_role("region", name="Right or wrong")
        right = box.get_by_role("button", name="Right")
        expect(right).to_be_visible(timeout=30_000)

        context.set_offline(True)
        right.click()
        expect(box.get_by_role("alert")).to_contain_text("Ocellus could not be reached")
        context.set_offline(False)
        cookies = context.cookies()
        context.clear_cookies(name="sessionid")
        right.click()
        expect(box.get_by_role("alert")).to_contain_text("You are signed out")
        context.add_cookies(cookies)  # type: ignore[arg-type]

        other = context.new_page()
        other.goto(f"{answering.url}/history/")
        other.get_by_label("Select red.jpg").check()
        other.get_by_role("button", name="Delete what is selected").click()
        expect(other.get_by_text("1 picture was deleted")).to_be_visible()
        right.click()
        expect(box.get_by_role("alert")).to_contain_text("This is not there any more")
        other.get_by_role("button", name="Undo").click()
        expect(other.get_by_text("1 picture is back")).to_be_visible()
        right.click()
        expect(box.get_by_text("You said that this is right.")).to_be_visible()
        expect(box.get_by_role("alert")).to_have_count(0)
        assert_fits(page)
