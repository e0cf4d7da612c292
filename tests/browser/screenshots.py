"""python -m tests.browser.screenshots [FOLDER]: pictures of every page, wide and narrow.

Starts Ocellus as `make run` does on its first start, waits until the sample recognizer has learned
(some minutes without a network), uploads drawn bugs and photographs the pages.
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.browser.chromium import chromium
from tests.stack import PASSWORD, Stack
from tests.waiting import wait_for

SIZES = {"wide": {"width": 1200, "height": 800}, "narrow": {"width": 390, "height": 844}}
SCHEMES = ("light", "dark")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data_dir, Stack(Path(data_dir)) as stack:
        stack.create_users("ada", is_staff=True)
        stack.shell("from webapp.studio.sample import sample_ensure; sample_ensure()")
        stack.start("redis", "web", "inference", "training")
        with chromium() as browser:
            pages = _sign_in(browser, stack)
            wait_for(lambda: _run(stack)[1] > 0.3, seconds=300, what="the training's middle")
            _photograph(pages, stack, {"learning": "/"}, folder)
            wait_for(lambda: _run(stack)[0] != "running", seconds=900, what="the training")
            answers = _upload(pages["wide-light"], stack)
            paths = {
                "upload": "/",
                "answers": answers,
                "history": "/history/",
                "account": "/account/",
                "keys": "/account/keys/",
                "api": "/api/v1/docs",
                "studio": "/admin/",
                "retrain": "/admin/studio/trainingrun/add/",
                "run": "/admin/studio/trainingrun/1/change/",
                "version": "/admin/recognizers/modelversion/1/change/",
            }
            _photograph(pages, stack, paths, folder)
    print(f"Screenshots are in {folder}.")


def _run(stack: Stack) -> tuple[str, float]:
    [(state, step, fraction)] = stack.query("SELECT state, step, fraction FROM studio_trainingrun")
    return state, fraction if step == "layers" else 0.0


def _sign_in(browser: Browser, stack: Stack) -> dict[str, Page]:
    pages = {}
    for size_name, size in SIZES.items():
        for scheme in SCHEMES:
            page = browser.new_page(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
            page.goto(stack.url)
            page.get_by_label("User name").fill("ada")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            pages[f"{size_name}-{scheme}"] = page
    return pages


def _upload(page: Page, stack: Stack) -> str:
    page.goto(stack.url)
    page.get_by_label("Pictures").set_input_files(sorted((stack.data_dir / "try").glob("*-1.jpg")))
    page.get_by_role("button", name="Recognize").click()
    page.wait_for_selector('[data-complete="yes"]', timeout=60_000)
    return page.url.removeprefix(stack.url)


def _photograph(pages: dict[str, Page], stack: Stack, paths: dict[str, str], folder: Path) -> None:
    for look, page in pages.items():
        for name, path in paths.items():
            page.goto(f"{stack.url}{path}")
            page.wait_for_load_state("networkidle") if name != "learning" else None
            page.screenshot(path=folder / f"{name}-{look}.png", full_page=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("screenshots"))
