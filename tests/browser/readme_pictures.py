"""The README's four pictures: what fits into a window, in so few colours that they are small."""

from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser

from tests.browser.scenes import Scene
from tests.browser.visit import NARROW
from tests.stack import Stack

WINDOW = {"width": 1100, "height": 980}
# Of the scene of this name: the window, the colour scheme, and what is brought to the window's top.
SHOWN: dict[str, tuple[str, dict[str, int], str, str]] = {
    "upload": ("upload-list", WINDOW, "light", ""),
    "answer": ("answer", WINDOW, "light", ""),
    "history": ("history-chart", WINDOW, "light", ""),
    "computed": ("answer-computed", NARROW, "dark", ".computed__steps > li:last-child"),
}
MAX_BYTES = 150_000


def take(browser: Browser, stack: Stack, session: Any, scenes: list[Scene], folder: Path) -> None:
    """FOLDER/NAME.png for each."""
    folder.mkdir(exist_ok=True)
    by_name = {scene.name: scene for scene in scenes}
    for name, (scene_name, size, scheme, top) in SHOWN.items():
        with browser.new_context(
            viewport=size,  # type: ignore[arg-type]
            color_scheme=scheme,  # type: ignore[arg-type]
            locale="en-GB",
            storage_state=session,
        ) as context:
            page = context.new_page()
            by_name[scene_name].open(page, stack)
            if top:
                page.locator(top).evaluate("element => element.scrollIntoView()")
            (folder / f"{name}.png").write_bytes(shrunk(page.screenshot()))


def shrunk(png: bytes) -> bytes:
    """The same with as many colours as stay within MAX_BYTES."""
    picture = Image.open(BytesIO(png)).convert("RGB")
    for num_colours in (256, 128, 64, 32):
        buffer = BytesIO()
        picture.quantize(num_colours, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
        if len(buffer.getvalue()) <= MAX_BYTES:
            return buffer.getvalue()
    raise ValueError(f"Expected a picture that fits into {MAX_BYTES} bytes, it does not.")
