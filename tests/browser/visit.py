"""What a visitor with a browser does and sees, on whatever page."""

from pathlib import Path

from playwright.sync_api import Page, expect

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


def errors_of(page: Page) -> list[str]:
    """Filled from now on with what the page's console and its scripts complain of."""
    errors: list[str] = []
    page.on(
        "console",
        lambda message: errors.append(message.text) if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    return errors
