"""The curator's inbox in a real browser: decided with keys alone, and without JavaScript by buttons."""

import uuid
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.visit import NARROW, WIDE, assert_fits, errors_of, sign_in
from tests.stack import Stack

pytestmark = pytest.mark.slow
INBOX = "/admin/studio/loop/inbox/"

_FURNISH = """
from tests.webapp.corrections import colours_dataset, judged
from webapp.accounts.models import User
from webapp.recognizers.models import ModelVersion, Recognizer
version = ModelVersion.objects.earliest("id")
version.pk, version.number, version.bundle_name = None, 1, {name!r}
version.recognizer = Recognizer.objects.create(name={name!r}, slug={name!r})
version.save()
dataset = colours_dataset(version.recognizer)
owner = User.objects.get(username={owner!r})
for label in ("blue", "blue", "drone fly", "blue", "blue"):
    judged(owner, version, "wrong", label)
print(version.recognizer_id)
"""


def furnished(stack: Stack, owner: str) -> str:
    """A curator's name, and five corrections of a recognizer of its own; the inbox's address."""
    name = f"colours-{uuid.uuid4().hex[:8]}"
    recognizer = stack.shell(_FURNISH.format(name=name, owner=owner)).strip()
    return f"{stack.url}{INBOX}?recognizer={recognizer}"


def curator_of(stack: Stack) -> str:
    name = f"curator-{uuid.uuid4().hex[:8]}"
    stack.create_users(name, is_staff=True)
    return name


def decisions(stack: Stack) -> list[tuple[Any, ...]]:
    return stack.query("SELECT decision, label FROM studio_review ORDER BY id DESC LIMIT 4")


def place(page: Page, text: str) -> None:
    expect(page.locator(".studio-inbox__where")).to_contain_text(text)


def test_five_corrections_are_decided_with_keys_alone(
    browser: Browser, stack: Stack, visitor: str
) -> None:
    address, curator = furnished(stack, visitor), curator_of(stack)
    with browser.new_context(viewport=WIDE) as context:  # type: ignore[arg-type]
        page = context.new_page()
        errors = errors_of(page)
        sign_in(page, stack, curator)
        page.goto(address)
        place(page, "1 of 5")
        page.keyboard.press("a")
        place(page, "1 of 4")
        page.keyboard.press("j")
        place(page, "2 of 4")
        page.keyboard.press("ArrowLeft")
        place(page, "1 of 4")
        # A few letters and Enter; the answer that was refused says why, where it was written.
        page.keyboard.press("r")
        field = page.get_by_label("It is something else:")
        expect(field).to_be_focused()
        page.keyboard.type("gr")
        expect(page.get_by_role("option", name="green")).to_be_visible()
        page.keyboard.press("Enter")
        place(page, "1 of 3")
        expect(page.get_by_role("status").first).to_contain_text("relabelled as “green”")
        # Its owner's own words are no class until somebody says so.
        expect(page.get_by_role("button", name="Accept")).to_have_count(0)
        page.keyboard.press("r")
        page.keyboard.type("hover fly")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert").first).to_contain_text("none of the classes")
        expect(field).to_be_focused()  # where the sentence speaks of
        page.keyboard.press("Escape")
        expect(field).not_to_be_focused()
        page.keyboard.press("n")
        place(page, "1 of 2")
        page.keyboard.press("d")
        place(page, "1 of 1")
        page.keyboard.press("u")
        place(page, "1 of 2")
        page.keyboard.press("2")
        place(page, "1 of 1")
        assert decisions(stack) == [
            ("relabelled", "blue"),
            ("relabelled", "hover fly"),
            ("relabelled", "green"),
            ("accepted", "blue"),
        ]
        page.keyboard.press("?")
        expect(page.get_by_text("Undo your last decision")).to_be_visible()
        assert_fits(page)
        page.get_by_role("button", name="Make a new dataset version").click()
        expect(page.get_by_text("4 pictures are learned from now")).to_be_visible()
        assert errors == []


def test_without_javascript_the_same_is_done_by_buttons(
    browser: Browser, stack: Stack, visitor: str
) -> None:
    address, curator = furnished(stack, visitor), curator_of(stack)
    with browser.new_context(viewport=NARROW, java_script_enabled=False) as context:  # type: ignore[arg-type]
        page = context.new_page()
        sign_in(page, stack, curator)
        page.goto(address)
        page.get_by_role("button", name="Accept “blue”").click()
        place(page, "1 of 4")
        page.get_by_label("It is something else:").fill("GREEN")
        page.get_by_role("button", name="Relabel").click()
        place(page, "1 of 3")
        page.get_by_role("button", name="Make “drone fly” a new class").click()
        place(page, "1 of 2")
        page.get_by_role("button", name="Drop").click()
        place(page, "1 of 1")
        page.get_by_role("button", name="Undo picture").click()
        place(page, "1 of 2")
        page.get_by_role("link", name="Next").click()
        place(page, "2 of 2")
        assert_fits(page)
        assert decisions(stack)[:3] == [
            ("accepted", "drone fly"),
            ("relabelled", "green"),
            ("accepted", "blue"),
        ]


def test_what_is_not_heard_is_said_and_nothing_is_lost(
    browser: Browser, stack: Stack, visitor: str
) -> None:
    address, curator = furnished(stack, visitor), curator_of(stack)
    with browser.new_context(viewport=WIDE) as context:  # type: ignore[arg-type]
        page = context.new_page()
        sign_in(page, stack, curator)
        page.goto(address)
        place(page, "1 of 5")
        context.set_offline(True)
        page.keyboard.press("a")
        expect(page.get_by_text("Ocellus could not be reached")).to_be_visible()
        context.set_offline(False)
        page.keyboard.press("a")
        place(page, "1 of 4")
        expect(page.get_by_text("Ocellus could not be reached")).to_be_hidden()
        context.clear_cookies(name="sessionid")
        page.keyboard.press("a")
        expect(page.get_by_label("Password")).to_be_visible()
