"""An answer in a real browser: how soon it is there, its heat map's strength, its computation, others'
answers and a link that is given away and taken back."""

import os
import signal
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.visit import NARROW, WIDE, assert_fits, errors_of, sign_in
from tests.bundles import colour_bundle
from tests.pictures import new_picture_bytes
from tests.stack import Stack
from tests.waiting import wait_for

pytestmark = pytest.mark.slow

MOST_SECONDS = 0.3
NUM_SAMPLES = 5
# When the answer of each picture was in the page, by its position, in milliseconds since 1970.
WATCH = """() => {
  window.seen = {};
  const look = () => {
    for (const card of document.querySelectorAll(".found > li"))
      if (!/Waiting|Being answered/.test(card.innerText))
        window.seen[card.id.replace("card-", "")] ??= Date.now();
    if (document.querySelector(".answer--done")) window.seen["0"] ??= Date.now();
  };
  new MutationObserver(look).observe(document.body, {childList: true, subtree: true});
}"""


def new_pictures(folder: Path, *colours: str) -> list[Path]:
    """Pictures that nobody has sent before."""
    paths = []
    for colour in colours:
        path = folder / f"{colour}-{len(list(folder.iterdir()))}.jpg"
        path.write_bytes(new_picture_bytes(colour))
        paths.append(path)
    return paths


def upload(page: Page, stack: Stack, paths: list[Path]) -> None:
    page.goto(stack.url)
    page.get_by_label("Pictures").set_input_files(paths)
    page.get_by_role("button", name="Recognize").click()
    page.wait_for_selector("#poll", state="attached")


def upload_answered(page: Page, stack: Stack, paths: list[Path]) -> None:
    upload(page, stack, paths)
    page.wait_for_selector('[data-complete="yes"]', state="attached", timeout=30_000)


@contextmanager
def held_up(pid: int) -> Iterator[None]:
    """The process stands still meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def delays(page: Page, stack: Stack, num_pictures: int) -> list[float]:
    """Seconds from when a row was done to when its answer was in the page, which waited for it."""
    seen: dict[str, float] = wait_for(
        lambda: found if len(found := page.evaluate("window.seen")) == num_pictures else None,
        what="the answers in the page",
    )
    rows = stack.query(
        "SELECT position, answered_at FROM predictions_prediction "
        f"ORDER BY id DESC LIMIT {num_pictures}"
    )
    found = []
    for position, answered_at in rows:
        moment = answered_at
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        found.append(seen[str(position)] / 1000 - moment.timestamp())
    return found


@pytest.mark.parametrize("num_pictures", [1, 4])
@pytest.mark.alone
def test_an_answer_is_in_the_page_soon_after_its_row_is_done(
    browser: Browser, answering: Stack, visitor: str, tmp_path: Path, num_pictures: int
) -> None:
    answering.wait_for_workers()
    found: list[float] = []
    with browser.new_context() as context:
        page = context.new_page()
        sign_in(page, answering, visitor)
        for _ in range(NUM_SAMPLES):
            with held_up(answering.pid("inference")):
                with page.expect_request(lambda request: "open=" in request.url):
                    upload(page, answering, new_pictures(tmp_path, *["red"] * num_pictures))
                page.evaluate(WATCH)
                asked_for_long(page)
            found += delays(page, answering, num_pictures)
    print(f"{num_pictures} at once: " + ", ".join(f"{1000 * each:.0f} ms" for each in found))
    assert statistics.median(found) <= MOST_SECONDS


def asked_for_long(page: Page) -> None:
    """Until the request waits, and is not only on its way."""
    page.wait_for_timeout(300)


@pytest.mark.alone
def test_with_redis_away_an_answer_is_hardly_later(
    browser: Browser, stack: Stack, visitor: str, tmp_path: Path
) -> None:
    """Nobody tells the web process, which then looks at the rows more often."""
    found: list[float] = []
    stack.stop("redis")
    try:
        with browser.new_context() as context:
            page = context.new_page()
            sign_in(page, stack, visitor)
            for _ in range(NUM_SAMPLES):
                with page.expect_request(lambda request: "open=" in request.url):
                    upload(page, stack, new_pictures(tmp_path, "red"))
                page.evaluate(WATCH)
                asked_for_long(page)
                stack.shell(
                    "from django.utils import timezone\n"
                    "from webapp.predictions.models import Prediction\n"
                    "Prediction.objects.filter(state='queued').update(state='done', label='red', "
                    "confidence=0.9, top=[{'label': 'red', 'probability': 0.9}], "
                    "answered_at=timezone.now())\n"
                )
                found += delays(page, stack, 1)
    finally:
        stack.start("redis")
    print("without Redis: " + ", ".join(f"{1000 * each:.0f} ms" for each in found))
    assert statistics.median(found) <= 2 * MOST_SECONDS


def test_a_page_goes_on_asking_after_the_web_process_was_away(
    browser: Browser, stack: Stack, visitor: str, tmp_path: Path
) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        sign_in(page, stack, visitor)
        upload(page, stack, new_pictures(tmp_path, "red"))
        expect(page.get_by_role("heading", name="Waiting")).to_be_visible()
        stack.stop("web")
        page.wait_for_timeout(500)
        stack.start("web", "inference")
        expect(page.get_by_role("heading", name="red", exact=True)).to_be_visible(timeout=30_000)


def test_cards_that_are_there_stay_as_they_are_when_others_come(
    browser: Browser, stack: Stack, visitor: str, tmp_path: Path
) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        errors = errors_of(page)
        sign_in(page, stack, visitor)
        upload(page, stack, new_pictures(tmp_path, "red", "green", "blue"))
        expect(page.get_by_text("0 of 3 answered")).to_be_visible()
        page.evaluate("document.getElementById('card-1000').dataset.mark = 'the same'")
        stack.shell(
            "from webapp.predictions.models import Prediction\n"
            f"rows = Prediction.objects.filter(owner__username={visitor!r}, position=1000)\n"
            "rows.update(state='running')\n"
        )
        page.locator("#card-1000 a").focus()
        stack.start("inference")
        expect(page.locator(".poll__count")).to_have_text("2 of 3 answered", timeout=30_000)
        expect(page.locator("#card-1000")).to_have_attribute("data-mark", "the same")
        expect(page.locator("#card-1000 a")).to_be_focused()
        expect(page.locator("#heard")).to_have_text("2 of 3 answered")
        assert errors == []


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1440", "390"])
def test_the_heat_map_is_as_strong_as_the_slider_says(
    browser: Browser, answering: Stack, visitor: str, tmp_path: Path, size: dict[str, int]
) -> None:
    with browser.new_context(viewport=size, has_touch=True) as context:  # type: ignore[arg-type]
        page = context.new_page()
        errors = errors_of(page)
        sign_in(page, answering, visitor)
        upload_answered(page, answering, new_pictures(tmp_path, "red"))
        slider = page.get_by_role("slider", name="Strength of the heat map")
        heat = page.locator(".look__map--1")
        strength: Callable[[], str] = lambda: str(  # noqa: E731
            heat.evaluate("image => getComputedStyle(image).opacity")
        )
        assert strength() == "1"
        slider.focus()
        page.keyboard.press("Home")
        assert strength() == "0"
        for _ in range(3):
            page.keyboard.press("PageUp")
        assert strength() == "0.3"
        box = slider.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert 0.45 <= float(strength()) <= 0.55
        assert_fits(page)
        assert errors == []


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no script"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1440", "390"])
def test_the_computation_opens_and_a_link_is_given_away_and_taken_back(
    browser: Browser,
    answering: Stack,
    visitor: str,
    tmp_path: Path,
    size: dict[str, int],
    has_script: bool,
) -> None:
    with (
        browser.new_context(
            viewport=size,  # type: ignore[arg-type]
            java_script_enabled=has_script,
            permissions=["clipboard-read", "clipboard-write"],
        ) as context,
        browser.new_context(viewport=size) as strangers,  # type: ignore[arg-type]
    ):
        page = context.new_page()
        errors = errors_of(page)
        sign_in(page, answering, visitor)
        upload_answered(page, answering, new_pictures(tmp_path, "green"))
        expect(page.get_by_text("almost certain · 99.9 %")).to_be_visible()
        expect(page.get_by_role("slider")).to_have_count(1 if has_script else 0)

        expect(page.get_by_role("table")).to_have_count(0)
        page.get_by_text("How was this computed?").click()
        expect(page.get_by_role("table", name="From score to share")).to_be_visible()
        expect(page.get_by_role("row", name="Sum").get_by_role("cell").last).to_have_text("100 %")
        assert_fits(page)

        page.get_by_role("button", name="Make a link").click()
        field = page.get_by_label("Link to this answer")
        link = field.input_value()
        copy = page.get_by_role("button", name="Copy")
        if has_script:
            copy.click()
            expect(page.get_by_text("Copied")).to_be_visible()
            assert page.evaluate("navigator.clipboard.readText()") == link
        else:
            expect(copy).to_have_count(0)
        assert_fits(page)

        stranger = strangers.new_page()
        strange_errors = errors_of(stranger)
        stranger.goto(link)
        expect(stranger.get_by_role("heading", name="green", exact=True)).to_be_visible()
        stranger.wait_for_load_state("networkidle")
        broken = "images => images.filter(i => i.complete && !i.naturalWidth).length"
        assert stranger.locator("img").evaluate_all(broken) == 0
        stranger.get_by_role("radio").nth(1).check()
        expect(stranger.locator(".look__map--2")).to_be_visible()
        assert_fits(stranger)
        assert strange_errors == []

        page.get_by_role("button", name="Revoke the link").click()
        expect(page.get_by_role("button", name="Make a link")).to_be_visible()
        assert stranger.goto(link).status == 404  # type: ignore[union-attr]
        assert errors == []


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no script"])
def test_another_recognizer_is_asked_and_its_answer_comes_by_itself(
    browser: Browser, answering: Stack, visitor: str, tmp_path: Path, has_script: bool
) -> None:
    path = answering.data_dir / "bundles" / "insects"
    if not path.exists():
        colour_bundle(path, class_names=("bee", "hornet", "wasp"))
        answering.install("insects", recognizer="Insects")
    with browser.new_context(java_script_enabled=has_script) as context:
        page = context.new_page()
        errors = errors_of(page)
        sign_in(page, answering, visitor)
        upload_answered(page, answering, new_pictures(tmp_path, "red"))
        page.get_by_role("radio").nth(1).check()
        page.get_by_role("button", name="Ask Insects").click()
        others = page.locator("#others")
        expect(others.get_by_text("wasp")).to_be_visible(timeout=30_000)
        expect(page.get_by_role("button", name="Ask Insects")).to_have_count(0)
        page.get_by_role("link", name="All that Insects says").click()
        expect(page.get_by_role("heading", name="wasp", exact=True)).to_be_visible()
        expect(page.get_by_role("link", name="All that Colours says")).to_be_visible()
        assert errors == []
