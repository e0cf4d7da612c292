"""All that a visitor does, one after the other, as anybody may see it: narrow and wide, in both languages,
in the light and in the dark. And what of it is there for somebody else: nothing."""

import csv
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils.translation import gettext, override, pgettext
from playwright.sync_api import APIResponse, Browser, Page, Route, expect

from tests.browser.dropping import File, hand_over, picture, row, rows
from tests.browser.visit import NARROW, WIDE, assert_fits, errors_of, sign_in
from tests.stack import PASSWORD, Stack

Say = Callable[..., str]
BAD: File = ("notes.jpg", "image/jpeg", b"these are words")
# All of them in a minute; one first visit, which is quick, is in test_first_visit.py.
pytestmark = pytest.mark.slow
EVERY_LOOK = [
    pytest.param(
        size,
        language,
        scheme,
        id=f"{size['width']}-{language}-{scheme}",
    )
    for size in (WIDE, NARROW)
    for language in ("en", "zh-hans")
    for scheme in ("light", "dark")
]
BROWSERS_NAME = {"en": "en-GB", "zh-hans": "zh-CN"}


def words_of(language: str) -> Say:
    """What a page says in this language, by the catalogue: the English text and its figures go in."""

    def say(text: str, *, context: str = "", **figures: object) -> str:
        with override(language):
            translated = pgettext(context, text) if context else gettext(text)
            return translated % figures if figures else translated

    return say


def five_files() -> list[File]:
    colours = ("red", "green", "blue", "red")
    good = [picture(f"{colour}-{n}.jpg", colour) for n, colour in enumerate(colours, start=1)]
    return [*good[:2], BAD, *good[2:]]


@pytest.mark.parametrize(("size", "language", "scheme"), EVERY_LOOK)
def test_the_whole_journey(
    browser: Browser,
    stack: Stack,
    visitor: str,
    size: dict[str, int],
    language: str,
    scheme: Any,
) -> None:
    say = words_of(language)
    with browser.new_context(
        viewport=size,  # type: ignore[arg-type]
        color_scheme=scheme,
        locale=BROWSERS_NAME[language],
    ) as context:
        page = context.new_page()
        errors = errors_of(page)
        hosts: set[str] = set()
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))

        comes_in(page, stack, visitor, say)
        assert page.evaluate("document.documentElement.lang") == language
        drops_five_files_and_watches(page, stack, say)
        reads_an_answer(page, say)
        corrects_it(page, say)
        finds_it_in_the_history(page, say)
        takes_it_along(page, say)

        assert errors == []
        assert hosts == {f"127.0.0.1:{stack.port}"}


def comes_in(page: Page, stack: Stack, visitor: str, say: Say) -> None:
    page.goto(stack.url)
    assert_fits(page)
    page.get_by_label(say("User name")).fill(visitor)
    page.get_by_label(say("Password")).fill(PASSWORD)
    page.get_by_role("button", name=say("Sign in")).click()
    expect(page.get_by_role("heading", name=say("What is on your pictures?"))).to_be_visible()
    assert_fits(page)


def drops_five_files_and_watches(page: Page, stack: Stack, say: Say) -> None:
    """One is bad: it costs the others nothing."""
    listed = say("What will be sent")
    hand_over(page, "drop", five_files())
    expect(rows(page, listed)).to_have_count(5)
    said = say("Files ready to be sent: {num}").format(num=5)
    expect(page.locator("#queue-said")).to_have_text(said)
    assert_fits(page)

    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/files/", hold, times=1)
    page.get_by_role("button", name=say("Recognize")).click()
    expect(page.get_by_role("progressbar", name="red-1.jpg")).to_be_visible()
    under_way = re.compile(f"{say('Being sent')}|{say('Being checked')}")
    expect(row(page, "red-1.jpg", listed)).to_contain_text(under_way)
    assert_fits(page)
    held.pop().continue_()

    # Nobody answers yet; then somebody does, and the page tells how far it is.
    progress = page.locator(".poll__count")
    expect(progress).to_contain_text(say("%(answered)s of %(all)s answered", answered=0, all=5))
    expect(page.get_by_text(say("Waiting"), exact=True)).to_have_count(4)
    expect(page.get_by_text(say("Not answered"), exact=True)).to_have_count(1)
    assert_fits(page)
    stack.start("inference")
    four = say("%(answered)s of %(all)s answered", answered=4, all=5)
    expect(progress).to_contain_text(four, timeout=30_000)
    expect(page.get_by_role("link").filter(has_text="green-2.jpg")).to_contain_text("green")
    assert_fits(page)


def reads_an_answer(page: Page, say: Say) -> None:
    """Why it is red: the heat map of each class, as strong as one likes."""
    page.get_by_role("link").filter(has_text="red-1.jpg").click()
    expect(page.get_by_role("heading", name="red", exact=True)).to_be_visible()
    sure = say("almost certain", context="how sure an answer is")
    expect(page.get_by_text(sure, exact=True)).to_be_visible()
    heat = page.locator(".look__map--2")
    expect(heat).to_be_hidden()
    page.get_by_role("radio").nth(1).check()
    expect(heat).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert heat.evaluate("image => image.complete && image.naturalWidth > 0")
    page.get_by_role("slider", name=say("Strength of the heat map")).focus()
    page.keyboard.press("Home")
    for _ in range(4):
        page.keyboard.press("PageUp")
    assert heat.evaluate("image => getComputedStyle(image).opacity") == "0.4"
    page.get_by_text(say("How was this computed?")).click()
    expect(page.get_by_role("table").first).to_be_visible()
    assert_fits(page)


def corrects_it(page: Page, say: Say) -> None:
    correction = page.get_by_role("region", name=say("Right or wrong"))
    correction.get_by_role("button", name=say("Wrong")).click()
    correction.get_by_label(say("What is it?")).fill("Orange")
    page.keyboard.press("Enter")
    said = say("You said that this is “%(label)s”.", label="Orange")
    expect(correction.get_by_text(said)).to_be_visible()
    assert_fits(page)


def finds_it_in_the_history(page: Page, say: Say) -> None:
    page.get_by_role("link", name=say("History")).first.click()
    found = page.locator(".history__row")
    expect(found).to_have_count(5)
    assert_fits(page)
    page.get_by_text(say("Filter"), exact=True).click()
    page.get_by_label(say("Your verdict")).select_option("wrong")
    page.get_by_role("button", name=say("Show"), exact=True).click()
    expect(found).to_have_count(1)
    expect(found).to_contain_text("red-1.jpg")
    expect(found).to_contain_text(say("corrected: %(label)s", label="Orange"))
    assert "corrected=wrong" in page.url
    assert_fits(page)


def takes_it_along(page: Page, say: Say) -> None:
    """What the filters find, and then all there is."""
    lines = list(csv.DictReader(io.StringIO(saved(page, say, "All that the filters find, as CSV"))))
    assert [(each["file_name"], each["label"], each["true_label"]) for each in lines] == [
        ("red-1.jpg", "red", "Orange")
    ]
    page.get_by_role("link", name=say("Without filters")).click()
    expect(page.locator(".history__row")).to_have_count(5)
    text = saved(page, say, "The whole history, as CSV")
    assert [each["failure_code"] for each in csv.DictReader(io.StringIO(text))].count("") == 4
    with page.expect_download() as download:
        page.get_by_role("link", name=say("All pictures, as a ZIP of labelled folders")).click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        folders = sorted(name.split("/")[0] for name in archive.namelist())
    assert folders == ["Orange", "blue", "green", "red"]


def saved(page: Page, say: Say, link: str) -> str:
    with page.expect_download() as download:
        page.get_by_role("link", name=say(link)).click()
    return Path(download.value.path()).read_text(encoding="utf-8-sig")


def test_somebody_else_finds_none_of_it(browser: Browser, answering: Stack, visitor: str) -> None:
    """Signed in on the same browser a moment later, with every address of what was there before."""
    stranger = f"{visitor}-too"
    answering.create_users(stranger)
    with browser.new_context() as context:
        page = context.new_page()
        sign_in(page, answering, visitor)
        hand_over(page, "drop", five_files())
        page.get_by_role("button", name="Recognize").click()
        expect(page.locator(".poll__count")).to_contain_text("4 of 5 answered", timeout=30_000)
        upload = page.url
        page.get_by_role("link").filter(has_text="red-1.jpg").click()
        page.get_by_role("button", name="Make a link").click()
        link = page.get_by_label("Link to this answer").input_value()
        answer = page.url.split("#")[0]
        pictures = {f"{answer}nearest-1.jpg"} | {
            str(address)
            for address in page.locator(".look img, .near img").evaluate_all(
                "images => images.map(each => each.src)"
            )
        }
        assert len(pictures) > 5
        before = kept(answering, visitor)
        page.get_by_role("button", name="Sign out").click()

        sign_in(page, answering, stranger)
        for address in (answer, upload):
            response = page.goto(address)
            assert response
            assert response.status == 404, address
            expect(page.get_by_role("heading", name="Not found")).to_be_visible()
            assert_fits(page)
        looked_at = {*pictures, f"{answer}thumbnail.jpg", f"{answer}others/"}
        for address in looked_at:
            assert context.request.get(address).status == 404, address

        public_id = answer.rstrip("/").rsplit("/", 1)[-1]
        cookies = {each["name"]: each["value"] for each in context.cookies()}

        def post(address: str, **form: str) -> APIResponse:
            headers = {"X-CSRFToken": cookies["csrftoken"], "Referer": answering.url}
            return context.request.post(address, form=form, headers=headers)

        for action in ("correction", "share", "unshare", "ask"):
            assert post(f"{answer}{action}/", verdict="right").status == 404, action
        for action in ("delete", "confirm", "relabel"):
            address = f"{answering.url}/history/{action}/"
            response_to_form = post(address, selected=public_id, true_label="mine")
            assert response_to_form.status == 200, action  # back at a history with nothing in it
            assert "red-1.jpg" not in response_to_form.text()
        for kind in ("csv", "zip"):
            taken = post(f"{answering.url}/history/selected/{kind}/", selected=public_id)
            assert b"red-1" not in taken.body()
        for address in ("", "?view=table", "chart/", "ocellus-history.csv", "ocellus-pictures.zip"):
            found = context.request.get(f"{answering.url}/history/{address}")
            assert found.status == 200, address
            assert not any(each in found.body() for each in (b"red-1", b"most in")), address
        assert kept(answering, visitor) == before
        # The link that was given away is for everybody.
        assert context.request.get(link).status == 200


def kept(stack: Stack, visitor: str) -> list[tuple[Any, ...]]:
    return stack.query(
        "SELECT public_id, state, verdict, true_label, share, deleted_at "
        "FROM predictions_prediction JOIN accounts_user ON owner_id = accounts_user.id "
        f"WHERE username = '{visitor}' ORDER BY predictions_prediction.id"
    )
