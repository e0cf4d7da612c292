"""The curator's whole way in a real browser, without a shell: from a ZIP to a version that answers, and
from what visitors correct to a better one, and back."""

import re
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.visit import WIDE, assert_fits, errors_of, sign_in
from tests.shared import SHARED_DATA, SHARED_KERAS, needs_shared_data
from tests.stack import PASSWORD, Stack

pytestmark = [pytest.mark.slow, needs_shared_data]

SOON, LATER = 20_000, 90_000  # milliseconds
# Three minutes is what it is meant to take, and it takes 158 s on 2 cores that do nothing else. A machine
# that is a third slower is no fault of ours; what is slower than that is.
MAX_SECONDS = 240


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Stack]:
    """An installation where nothing has been trained, with all that works in it."""
    with Stack(tmp_path / "installation") as stack:
        stack.environment["KERAS_HOME"] = str(SHARED_KERAS)
        stack.start("redis", "web", "inference", "training", "studio")
        stack.create_users("cleo", is_staff=True)
        stack.create_users("ada")
        yield stack


@pytest.fixture
def hymenoptera(tmp_path: Path) -> Path:
    """Ants and bees as a ZIP, with the GIF among them that stands for a missing picture."""
    file = tmp_path / "hymenoptera.zip"
    source = SHARED_DATA / "hymenoptera"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(source.rglob("*")):
            archive.write(path, path.relative_to(source.parent))
    return file


def enter(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/admin/")
    page.get_by_label("Username").fill("cleo")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("link", name="Datasets").first).to_be_visible()


def answer(page: Page, stack: Stack, pictures: list[Path]) -> None:
    """A visitor's upload, answered."""
    page.goto(f"{stack.url}/")
    page.get_by_label("Pictures").set_input_files(pictures)
    page.get_by_role("button", name="Recognize").click()
    num = len(pictures)
    expect(page.locator(".poll__count")).to_contain_text(f"{num} of {num} answered", timeout=SOON)


@pytest.mark.alone
@pytest.mark.timeout(480)
def test_a_curator_gets_from_a_zip_to_a_better_version_and_back(
    browser: Browser, studio: Stack, hymenoptera: Path
) -> None:
    with (
        browser.new_context(viewport=WIDE) as curators,  # type: ignore[arg-type]
        browser.new_context(viewport=WIDE) as visitors,  # type: ignore[arg-type]
    ):
        began_at = time.monotonic()
        page, visitor = curators.new_page(), visitors.new_page()
        errors = errors_of(page)
        enter(page, studio)

        # A ZIP becomes a dataset.
        page.goto(f"{studio.url}/admin/studio/datasets/new/")
        page.get_by_label("ZIP file").set_input_files(hymenoptera)
        page.get_by_role("button", name="Send").click()
        page.wait_for_url(re.compile(r"/datasets/\d+/"), timeout=SOON)
        names = zipfile.ZipFile(hymenoptera).namelist()
        num = sum(not name.endswith("/") for name in names)
        expect(page.get_by_text(f"{num} pictures").first).to_be_visible(timeout=LATER)
        assert_fits(page)

        # The audit finds the picture that is none, and a button leaves it out.
        page.get_by_role("link", name="Audit").click()
        page.get_by_role("button", name="Audit now").click()
        found = page.get_by_role("region", name="Pictures of nearly one shade")
        expect(found).to_be_visible(timeout=LATER)
        expect(found.get_by_text("imageNotFound.gif").first).to_be_visible()
        found.get_by_role("button").first.click()
        expect(page.get_by_role("status").filter(has_text="1 picture is left out.")).to_be_visible()
        assert_fits(page)

        # A training, watched.
        page.get_by_role("link", name="Retrain").first.click()
        page.get_by_label("Name of the new recognizer").fill("Ants and bees")
        page.get_by_label("Backbone").select_option("mobilenet_v2")
        page.get_by_text("Advanced").click()
        page.get_by_label("What learns").select_option("fine-tune")
        page.get_by_label("Epochs").fill("2")
        page.get_by_label("Image size").fill("96")
        page.get_by_role("button", name="Retrain").click()
        page.wait_for_url(re.compile(r"/trainingrun/\d+/"))
        expect(page.locator("#run-points tr")).not_to_have_count(0, timeout=LATER)  # while it runs
        state = page.locator("[data-say-state]")
        expect(state).to_have_text("succeeded", timeout=LATER)
        assert page.locator("#run-points tr").count() >= 2
        assert_fits(page)

        # What it learned; a cell of the matrix opens its pictures.
        page.get_by_role("link", name="What it learned").click()
        page.get_by_role("link", name=re.compile(r"answered right")).first.click()
        expect(page.locator("main img, #content img").first).to_be_visible()
        page.go_back()

        # Promoted: visitors get its answers.
        page.get_by_role("link", name="Compare and promote").click()
        page.get_by_role("button", name="Promote: let it answer").click()
        expect(page.get_by_text("answers from now on").first).to_be_visible(timeout=SOON)
        pictures = sorted((SHARED_DATA / "hymenoptera" / "val" / "bees").glob("*.jpg"))[:3]
        sign_in(visitor, studio, "ada")
        answer(visitor, studio, pictures)
        links = visitor.locator("a[href^='/predictions/']")
        addresses = list(dict.fromkeys(a.get_attribute("href") for a in links.all()))
        for address in addresses:
            visitor.goto(f"{studio.url}{address}")
            visitor.get_by_role("button", name="Wrong").first.click()
            visitor.get_by_label("What is it?").fill("wasps")
            visitor.keyboard.press("Enter")
            expect(visitor.get_by_text("You said that this is “wasps”")).to_be_visible()

        # The inbox: three to decide, from the keyboard.
        page.goto(f"{studio.url}/admin/studio/loop/inbox/")
        expect(page.get_by_text("Its owner says that this is “wasps”.")).to_be_visible()
        for left in (2, 1, 0):
            page.keyboard.press("r")
            expect(page.locator("#inbox-label")).to_be_focused()
            page.keyboard.type("bees")
            page.keyboard.press("Enter")
            expect(page.get_by_text(re.compile(f"{3 - left} decided pictures? "))).to_be_visible()
        assert_fits(page)
        page.get_by_role("button", name="retrain now").click()

        # The next version has learned them; beside the first, and back.
        page.wait_for_url(re.compile(r"/trainingrun/\d+/"))
        expect(state).to_have_text("succeeded", timeout=LATER)
        expect(page.get_by_text("Of 3 corrections in this dataset")).to_be_visible()
        page.get_by_role("link", name=re.compile("Compare")).first.click()
        expect(page.get_by_role("button", name="Promote: let it answer")).to_be_visible(
            timeout=LATER
        )
        reason = page.locator("#reason")
        if reason.count():
            reason.fill("It knows the three corrections.")
        page.get_by_role("button", name="Promote: let it answer").click()
        expect(page.get_by_text("answers from now on").first).to_be_visible(timeout=SOON)
        page.get_by_role("link", name="Which version answered when").first.click()
        expect(page.get_by_role("row")).to_have_count(3)
        page.get_by_role("button", name="Roll back to version 1").click()
        expect(page.get_by_text("version 1 answers again").first).to_be_visible(timeout=SOON)
        answer(visitor, studio, pictures[:2])
        visitor.locator("a[href^='/predictions/']").first.click()
        expect(visitor.get_by_text(re.compile("version 1")).first).to_be_visible()
        assert errors == []
        assert time.monotonic() - began_at < MAX_SECONDS
