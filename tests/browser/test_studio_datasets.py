"""A curator in Chromium sends a ZIP, over a connection that breaks off, and moves a picture."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.pictures import new_picture_bytes
from tests.stack import PASSWORD, Stack
from tests.webapp.datasets import zip_of

pytestmark = pytest.mark.slow

_FREEZE = """
from webapp.studio.datasets.reading import dataset_read
from webapp.studio.datasets.services import dataset_get_or_create, version_freeze
for name in ("moths", "wasps"):
    dataset = dataset_get_or_create(folder_name=name)
    dataset_read(dataset)
    version_freeze(dataset=dataset, note=f"of {name}")
"""


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


def test_cancel_is_heard_while_it_waits_to_try_again(
    browser: Browser, stack: Stack, tmp_path: Path
) -> None:
    stack.create_users("patient", is_staff=True)
    file = tmp_path / "bugs.zip"
    file.write_bytes(zip_of())
    with browser.new_context() as context:
        page = context.new_page()
        _sign_in(page, stack, "patient")
        page.goto(f"{stack.url}/admin/studio/datasets/new/")
        now = datetime.now(UTC)
        page.clock.install(time=now)
        page.clock.pause_at(now + timedelta(seconds=10))  # so no pause ends by itself
        page.route("**/zip/piece/**", lambda route: route.abort("connectionreset"))
        page.set_input_files("[name=file]", file)
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_text("Trying again in a moment")).to_be_visible()
        expect(page.get_by_role("button", name="Send")).to_be_disabled()
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("button", name="Send")).to_be_enabled()
        expect(page.get_by_text("Nothing of it was kept.")).to_be_visible()


def test_the_versions_follow_the_dataset_that_is_chosen_to_retrain(
    browser: Browser, stack: Stack
) -> None:
    stack.create_users("chooser", is_staff=True)
    for name in ("moths", "wasps"):
        picture = stack.data_dir / "datasets" / name / "grey" / "1.jpg"
        picture.parent.mkdir(parents=True)
        picture.write_bytes(new_picture_bytes())
    stack.shell(_FREEZE)
    with browser.new_context() as context:
        page = context.new_page()
        _sign_in(page, stack, "chooser")
        page.goto(f"{stack.url}/admin/studio/trainingrun/add/")
        for name, other in (("moths", "wasps"), ("wasps", "moths")):
            page.locator("#id_folder_name").select_option(name)
            version = page.locator("#id_version")
            expect(version).to_contain_text(f"of {name}")
            expect(version).not_to_contain_text(f"of {other}")
        version.select_option(label="version 1: 1 pictures of wasps")
        chosen = version.input_value()
        with page.expect_response("**/estimate/**"):
            page.locator("#id_backbone").select_option("mobilenet_v2")
        page.wait_for_load_state("networkidle")
        assert chosen
        expect(version).to_have_value(chosen)


def _sign_in(page: Page, stack: Stack, name: str = "curator") -> None:
    page.goto(f"{stack.url}/admin/studio/dataset/")
    page.fill("[name=username]", name)
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
