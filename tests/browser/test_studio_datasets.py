"""A curator in Chromium sends a ZIP, over a connection that breaks off, and moves a picture."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.stack import PASSWORD, Stack
from tests.webapp.datasets import zip_of

pytestmark = pytest.mark.slow


def test_a_zip_is_sent_and_a_picture_of_it_moved(
    browser: Browser, stack: Stack, tmp_path: Path
) -> None:
    stack.create_users("curator", is_staff=True)
    stack.start("studio")
    file = tmp_path / "Garden bugs.zip"
    file.write_bytes(zip_of())
    context = browser.new_context()
    problems: list[str] = []
    try:
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        _sign_in(page, stack)
        _send_with_a_break(page, stack, file)
        expect(page.locator(".studio-title")).to_have_text("Garden bugs", timeout=20_000)
        expect(page.locator(".studio-tile")).to_have_count(5, timeout=30_000)
        _move_one_and_undo(page)
        assert not problems
    finally:
        context.close()
        stack.stop("studio")


def _sign_in(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/admin/studio/dataset/")
    page.fill("[name=username]", "curator")
    page.fill("[name=password]", PASSWORD)
    page.locator("[name=password]").press("Enter")
    page.wait_for_url("**/admin/studio/dataset/")


def _send_with_a_break(page: Page, stack: Stack, file: Path) -> None:
    page.goto(f"{stack.url}/admin/studio/datasets/new/")
    broken: list[str] = []

    def break_once(route: Route) -> None:
        if broken:
            route.continue_()
        else:
            broken.append(route.request.url)
            route.abort("connectionreset")

    page.route("**/zip/piece/**", break_once)
    page.set_input_files("[name=file]", file)
    page.get_by_role("button", name="Send").click()
    page.wait_for_url(re.compile(r"/datasets/\d+/$"), timeout=20_000)
    assert broken


def _move_one_and_undo(page: Page) -> None:
    page.locator("[name=picked]").first.check()
    expect(page.get_by_text("selected: 1")).to_be_visible()
    page.get_by_label("Move to the class").fill("bee")
    page.get_by_role("button", name="Move", exact=True).click()
    expect(page.get_by_text("1 picture was moved to “bee”.")).to_be_visible()
    expect(page.get_by_text("was: ant")).to_have_count(1)
    page.get_by_role("button", name="Undo the last change").click()
    expect(page.get_by_text("1 picture is as it was before.")).to_be_visible()
    expect(page.get_by_text("was: ant")).to_have_count(0)
    page.locator(".studio-picture__shown").nth(1).click()
    expect(page.locator(".studio-large")).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("ant/3.jpg").last).to_be_visible()
    page.get_by_role("button", name="Leave out").click()
    expect(page.get_by_text("Left out: by a curator").last).to_be_visible()
