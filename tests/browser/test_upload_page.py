"""The upload page in a real browser: dropped, pasted, chosen; watched, tried again, removed."""

import io
import json
import zipfile
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.dropping import File, hand_over, picture, row, rows
from tests.browser.visit import NARROW, WIDE, assert_fits, errors_of, sign_in
from tests.pictures import new_picture_bytes
from tests.stack import Stack

pytestmark = pytest.mark.slow

SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1440", "390"])
IS_DRAWN = """document.querySelector(".queue__picture").getContext("2d")
  .getImageData(48, 48, 1, 1).data[3] === 255"""


# A folder with a picture, and with a file that is gone by the time that it is read.
DROP_FOLDER = """() => {
  const file = (name, give) => ({ isFile: true, name, file: give });
  const entries = [
    file("here.jpg", (take) => take(new File(["x"], "here.jpg", { type: "image/jpeg" }))),
    file("gone.jpg", (take, fail) => fail(new DOMException("gone", "NotFoundError"))),
  ];
  const reader = { readEntries: (take) => take(entries.splice(0)) };
  const folder = { isDirectory: true, name: "garden", createReader: () => reader };
  const event = new Event("drop", { bubbles: true, cancelable: true });
  const items = [{ webkitGetAsEntry: () => folder }];
  Object.defineProperty(event, "dataTransfer", { value: { types: ["Files"], items, files: [] } });
  document.body.dispatchEvent(event);
}"""


def packed(name: str, *files: File) -> File:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for each, _, content in files:
            archive.writestr(each, content)
    return name, "application/zip", buffer.getvalue()


def start(page: Page) -> None:
    page.get_by_role("button", name="Recognize").click()


@SIZES
def test_five_files_are_dropped_and_the_bad_one_costs_the_others_nothing(
    browser: Browser, answering: Stack, visitor: str, size: dict[str, Any]
) -> None:
    with browser.new_context(viewport=size) as context:  # type: ignore[arg-type]
        page = context.new_page()
        errors = errors_of(page)
        sign_in(page, answering, visitor)
        files = [picture(f"{colour}.jpg", colour) for colour in ("red", "green", "blue")]
        bad = ("notes.jpg", "image/jpeg", b"these are words")
        hand_over(
            page, "drop", [*files, bad, packed("two.zip", picture("a.jpg"), picture("b.jpg"))]
        )
        expect(rows(page)).to_have_count(5)
        expect(page.get_by_role("status")).to_have_text("Files ready to be sent: 5")
        assert_fits(page)

        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        page.route("**/files/", hold, times=1)
        start(page)
        expect(page.get_by_role("progressbar", name="red.jpg")).to_be_visible()
        expect(row(page, "red.jpg")).to_contain_text("Being")
        expect(page.get_by_role("button", name="Recognize")).to_be_disabled()
        held.pop().continue_()
        expect(page.locator(".found > li")).to_have_count(6, timeout=20_000)
        expect(page.get_by_role("link", name="green almost certain")).to_be_visible(timeout=30_000)
        expect(page.get_by_text("received a file of another kind")).to_be_visible()
        assert errors == []


@SIZES
def test_what_the_server_could_not_hear_is_tried_again(
    browser: Browser, stack: Stack, visitor: str, size: dict[str, Any]
) -> None:
    with browser.new_context(viewport=size) as context:  # type: ignore[arg-type]
        page = context.new_page()
        sign_in(page, stack, visitor)
        is_away = True

        def answer(route: Route) -> None:
            is_for_b = b'filename="b.jpg"' in (route.request.post_data_buffer or b"")
            route.abort() if is_for_b and is_away else route.continue_()

        page.route("**/files/", answer)
        hand_over(page, "drop", [picture("a.jpg"), picture("b.jpg"), picture("c.jpg")])
        start(page)
        expect(row(page, "b.jpg").get_by_role("alert")).to_have_text(
            "Ocellus could not be reached. Please try again.", timeout=15_000
        )
        expect(row(page, "a.jpg")).to_contain_text("Sent")
        expect(page.get_by_role("link", name="See the answers")).to_be_visible()
        expect(page.get_by_role("button", name="Remove a.jpg")).to_be_hidden()
        assert_fits(page)
        is_away = False
        page.get_by_role("button", name="Try again b.jpg").click()
        expect(page.locator(".found > li")).to_have_count(3, timeout=15_000)
        [(places,)] = stack.query(
            "SELECT count(DISTINCT position) FROM predictions_prediction WHERE owner_id = "
            f"(SELECT id FROM accounts_user WHERE username = '{visitor}')"
        )
        assert places == 3


def test_who_was_signed_out_signs_in_on_another_page_and_tries_again(
    browser: Browser, stack: Stack, visitor: str
) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        sign_in(page, stack, visitor)
        hand_over(page, "drop", [picture("a.jpg")])
        context.clear_cookies()
        start(page)
        expect(page.get_by_role("alert")).to_contain_text("You are signed out.")
        expect(page.get_by_role("status")).to_contain_text("Nothing could be sent.")
        sign_in(context.new_page(), stack, visitor)
        page.get_by_role("button", name="Try again a.jpg").click()
        expect(page.get_by_role("article")).to_have_count(1)


def test_an_answer_that_was_lost_is_not_kept_twice(
    browser: Browser, stack: Stack, visitor: str
) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        sign_in(page, stack, visitor)
        heard = 0

        def answer(route: Route) -> None:
            nonlocal heard
            heard += 1
            if heard == 1:
                route.fetch()  # the server has it, the browser does not know
                route.abort()
            else:
                route.continue_()

        page.route("**/files/", answer)
        hand_over(page, "drop", [picture("a.jpg")])
        start(page)
        expect(page.get_by_role("article")).to_have_count(1, timeout=15_000)
        page.goto(f"{stack.url}/history/")
        expect(page.get_by_role("link").filter(has_text="a.jpg")).to_have_count(1)
        assert heard == 2


@SIZES
def test_pictures_are_pasted_and_removed(
    browser: Browser, stack: Stack, visitor: str, size: dict[str, Any]
) -> None:
    with browser.new_context(viewport=size, has_touch=True) as context:  # type: ignore[arg-type]
        page = context.new_page()
        errors = errors_of(page)
        sign_in(page, stack, visitor)
        expect(page.get_by_label("Take a photo")).to_be_visible()
        hand_over(page, "paste", [picture("image.png")])
        page.get_by_label("Pictures").set_input_files(
            [{"name": "wrong.jpg", "mimeType": "image/jpeg", "buffer": new_picture_bytes("blue")}]
        )
        expect(rows(page)).to_have_count(2)
        page.get_by_role("button", name="Remove wrong.jpg").click()
        expect(rows(page)).to_have_count(1)
        expect(page.get_by_role("button", name="Remove image.png")).to_be_focused()
        page.wait_for_function(IS_DRAWN)
        start(page)
        expect(page.get_by_role("article")).to_have_count(1)
        expect(page.get_by_text("image.png")).to_be_visible()
        assert errors == []


def test_what_is_left_out_of_a_zip_is_told_before_the_page_goes_on(
    browser: Browser, stack: Stack, visitor: str
) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        sign_in(page, stack, visitor)
        words = ("notes.txt", "", b"words")
        hand_over(page, "drop", [packed("trip.zip", picture("a.jpg"), words)])
        start(page)
        expect(row(page, "trip.zip")).to_contain_text("1 picture was in it.")
        expect(row(page, "trip.zip")).to_contain_text("1 file in the ZIP has no picture's name")
        expect(page.get_by_role("status")).to_contain_text("Something in a ZIP was left out")
        expect(page.get_by_role("button", name="Try again")).to_have_count(0)
        page.get_by_role("link", name="See the answers").click()
        expect(page.get_by_role("article")).to_have_count(1)


@SIZES
def test_a_long_list_is_sent_or_emptied_from_where_one_is(
    browser: Browser, stack: Stack, visitor: str, size: dict[str, Any]
) -> None:
    with browser.new_context(viewport=size) as context:  # type: ignore[arg-type]
        page = context.new_page()
        sign_in(page, stack, visitor)
        long = "a name that goes on and on " * 9
        hand_over(page, "drop", [picture(f"{number} {long}.jpg") for number in range(30)])
        expect(rows(page)).to_have_count(30)
        page.evaluate("scrollTo(0, 0)")
        expect(page.get_by_role("button", name="Recognize")).to_be_in_viewport(ratio=1)
        assert rows(page).first.evaluate("row => row.offsetHeight") < 200
        assert_fits(page)
        page.get_by_role("button", name="Remove 29").click()
        expect(page.get_by_role("status")).to_have_text("Files ready to be sent: 29")
        page.get_by_role("button", name="Remove all").click()
        expect(rows(page)).to_have_count(0)
        expect(page.get_by_role("status")).to_have_text("")
        expect(page.get_by_role("button", name="Remove all")).to_be_hidden()


def test_a_name_with_quotes_arrives_as_it_is(browser: Browser, stack: Stack, visitor: str) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        sign_in(page, stack, visitor)
        hand_over(page, "drop", [picture('"d" &amp;.jpg')])
        start(page)
        expect(page.get_by_role("article")).to_contain_text('"d" &amp;.jpg')


def test_a_page_that_comes_back_is_a_new_upload(
    browser: Browser, stack: Stack, visitor: str
) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        sign_in(page, stack, visitor)
        uploads = set()
        for name in ("a.jpg", "b.jpg"):
            hand_over(page, "drop", [picture(name)])
            start(page)
            expect(page.get_by_role("article")).to_have_count(1)
            uploads.add(page.url)
            page.go_back()
            expect(rows(page)).to_have_count(0)
        assert len(uploads) == 2


def test_too_large_a_file_is_told_without_sending_it_and_can_be_removed(
    browser: Browser, stack: Stack, visitor: str
) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        sign_in(page, stack, visitor)
        page.locator(".upload--scripted").wait_for()
        page.evaluate("document.getElementById('upload').dataset.maxBytes = '100'")
        hand_over(page, "drop", [picture("huge.jpg")])
        expect(page.get_by_role("alert")).to_contain_text("received 1 kB")
        page.evaluate("document.getElementById('upload').dataset.maxBytes = '1000000'")
        page.evaluate("document.getElementById('upload').dataset.maxFiles = '2'")
        hand_over(page, "drop", [picture("small.jpg"), picture("more.jpg")])
        expect(rows(page)).to_have_count(2)
        expect(page.get_by_role("status")).to_contain_text("please send the others (1)")
        start(page)
        expect(page.get_by_role("link", name="See the answers")).to_be_visible()
        page.get_by_role("button", name="Remove huge.jpg").click()
        expect(page.get_by_role("article")).to_have_count(1)


def test_what_cannot_be_read_of_a_dropped_folder_costs_the_rest_nothing(
    browser: Browser, stack: Stack, visitor: str
) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        sign_in(page, stack, visitor)
        page.locator(".upload--scripted").wait_for()
        page.evaluate(DROP_FOLDER)
        expect(row(page, "here.jpg")).to_be_visible()
        expect(page.get_by_role("status")).to_contain_text("is not in the list (1)")


@pytest.mark.alone
def test_the_script_is_small_and_the_page_is_ready_soon_on_a_slow_line(
    browser: Browser, stack: Stack, visitor: str
) -> None:
    """1.6 Mbit/s and 150 ms there and back: the browsers' "fast 3G"."""
    with browser.new_context() as context:
        page = context.new_page()
        sign_in(page, stack, visitor)
        slow = context.new_cdp_session(page)
        slow.send("Network.enable")
        slow.send("Network.setCacheDisabled", {"cacheDisabled": True})
        speed = {"downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8}
        slow.send("Network.emulateNetworkConditions", {"offline": False, "latency": 150, **speed})
        page.goto(f"{stack.url}/", wait_until="commit")
        page.locator(".upload--scripted").wait_for()
        assert page.evaluate("performance.now()") < 2000
        sizes = page.evaluate(
            "performance.getEntriesByType('resource').map((e) => [e.name, e.decodedBodySize])"
        )
        scripts = {name: num for name, num in sizes if "/js/upload" in name}
        assert len(scripts) == 2, json.dumps(sizes)
        assert sum(scripts.values()) < 20_000
