"""An account in a real browser without JavaScript: made, its keys, its data, and gone."""

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.visit import NARROW, WIDE, assert_fits, errors_of, pictures_in, sign_in
from tests.stack import PASSWORD, Stack

pytestmark = pytest.mark.slow


def go_to(page: Page, *names: str) -> None:
    for name in names:
        with page.expect_navigation():
            page.get_by_role("link", name=name).click()
        assert_fits(page)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1440", "390"])
def test_an_account_is_looked_after_and_left(
    browser: Browser, stack: Stack, visitor: str, tmp_path: Path, size: dict[str, int]
) -> None:
    with browser.new_context(viewport=size, java_script_enabled=False) as context:  # type: ignore[arg-type]
        page = context.new_page()
        errors = errors_of(page)
        sign_in(page, stack, visitor)
        page.get_by_label("Pictures").set_input_files(pictures_in(tmp_path))
        page.get_by_role("button", name="Recognize").click()
        go_to(page, f"Account of {visitor}", "See and make keys")
        page.get_by_role("button", name="Make the key").click()
        page.get_by_label("Name").fill("camera trap")
        page.get_by_label("Valid for").select_option("90 days")
        page.get_by_role("button", name="Make the key").click()
        expect(page.get_by_text("This page shows it for 10 minutes")).to_be_visible()
        assert_fits(page)
        page.get_by_role("button", name="Revoke camera trap").click()
        expect(page.get_by_text("opens nothing any more")).to_be_visible()

        go_to(page, "Back to your account", "Download all of it")
        with page.expect_download() as download:
            page.get_by_role("link", name="Download").click()
        assert download.value.suggested_filename == f"ocellus-{visitor}-1.zip"
        with zipfile.ZipFile(download.value.path()) as archive:
            assert sum(name.endswith(".jpg") for name in archive.namelist()) == 2

        go_to(page, "Back to your account", "Delete your account")
        page.get_by_label("Your password").fill("a guess")
        page.get_by_role("button", name="Delete my account").click()
        expect(page.get_by_role("alert")).to_contain_text("This is not your password")
        expect(page.get_by_role("alert")).to_be_focused()
        assert_fits(page)
        page.get_by_label("Your password").fill(PASSWORD)
        page.get_by_role("button", name="Delete my account").click()
        expect(page.get_by_role("heading", name="Your account is deleted")).to_be_visible()
        assert_fits(page)
        page.goto(f"{stack.url}/history/")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        # A refused form's status is the one thing that the console remarks on.
        assert [error for error in errors if "422" not in error] == []
    assert list(stack.pictures_dir.rglob("*.jpg")) == []
