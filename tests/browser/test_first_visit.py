"""A visitor with a real browser: sign in, upload, watch the answers come, look at the history."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.pictures import picture_bytes
from tests.stack import PASSWORD, Stack

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def pictures_in(folder: Path) -> list[Path]:
    paths = []
    for colour in ("red", "green"):
        path = folder / f"{colour}.jpg"
        path.write_bytes(picture_bytes(colour, (640, 480)))
        paths.append(path)
    text = folder / "notes.jpg"
    text.write_text("not a picture")
    return [*paths, text]


def sign_in(page: Page, stack: Stack, visitor: str) -> None:
    page.goto(f"{stack.url}/")
    page.get_by_label("User name").fill(visitor)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="What is on your pictures?")).to_be_visible()


def assert_fits(page: Page) -> None:
    """Nothing sticks out at the side."""
    wide = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert wide <= 0, f"{page.url} is {wide} px too wide"


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1440", "390"])
def test_answers_appear_without_reloading(
    browser: Browser, stack: Stack, visitor: str, tmp_path: Path, size: dict[str, int]
) -> None:
    with browser.new_context(viewport=size) as context:  # type: ignore[arg-type]
        page = context.new_page()
        problems: list[str] = []
        hosts: set[str] = set()
        page.on(
            "console",
            lambda message: problems.append(message.text) if message.type == "error" else None,
        )
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        sign_in(page, stack, visitor)
        assert_fits(page)
        page.get_by_label("Pictures").set_input_files(pictures_in(tmp_path))
        page.get_by_role("button", name="Recognize").click()
        expect(page.get_by_role("heading", name="Being answered")).to_have_count(2)
        expect(page.get_by_text("received a file of another kind")).to_be_visible()
        address = page.url
        stack.start("inference")  # only now is there anybody to answer
        expect(page.get_by_role("heading", name="red", exact=True)).to_be_visible(timeout=30_000)
        expect(page.get_by_role("heading", name="green", exact=True)).to_be_visible()
        expect(page.get_by_role("progressbar")).to_have_count(6)
        assert page.url == address
        assert_fits(page)
        page.get_by_role("link", name="History").first.click()
        expect(page.get_by_role("listitem").filter(has_text="version 1")).to_have_count(2)
        assert_fits(page)
        page.get_by_role("link").filter(has_text="red.jpg").click()
        expect(page.get_by_role("heading", name="red", exact=True)).to_be_visible()
        assert problems == []
        assert hosts == {f"127.0.0.1:{stack.port}"}


def test_the_upload_works_without_javascript(
    browser: Browser, answering: Stack, visitor: str, tmp_path: Path
) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page, answering, visitor)
        page.get_by_label("Pictures").set_input_files(pictures_in(tmp_path))
        page.get_by_role("button", name="Recognize").click()
        expect(page.get_by_role("heading", name="green", exact=True)).to_be_visible(timeout=30_000)
