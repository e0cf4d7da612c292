"""Files that come to the upload page without its form: dropped, or pasted."""

import base64
from collections.abc import Sequence

from playwright.sync_api import Locator, Page

from tests.pictures import new_picture_bytes

File = tuple[str, str, bytes]  # name, type and what is in it
# What a browser does when files come in by the mouse, or by the keyboard.
HAND_OVER = """([kind, files]) => {
  const data = new DataTransfer();
  for (const [name, type, content] of files) {
    const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
    data.items.add(new File([bytes], name, { type }));
  }
  const options = { bubbles: true, cancelable: true };
  document.body.dispatchEvent(kind === "paste"
    ? new ClipboardEvent("paste", { ...options, clipboardData: data })
    : new DragEvent("drop", { ...options, dataTransfer: data }));
}"""


def picture(name: str, colour: str = "red") -> File:
    """A picture of one colour that nobody has sent before."""
    return name, "image/jpeg", new_picture_bytes(colour)


def hand_over(page: Page, kind: str, files: Sequence[File]) -> None:
    """`kind`: "drop" or "paste"."""
    page.locator(".upload--scripted").wait_for()
    encoded = [[name, type_, base64.b64encode(content).decode()] for name, type_, content in files]
    page.evaluate(HAND_OVER, [kind, encoded])


def rows(page: Page, label: str = "What will be sent") -> Locator:
    """Of the list of that name."""
    return page.get_by_role("list", name=label).locator("> li")


def row(page: Page, name: str, label: str = "What will be sent") -> Locator:
    return rows(page, label).filter(has_text=name)
