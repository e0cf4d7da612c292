"""Every page in both languages: as the browser asks, as was chosen at the foot, and with nothing left in
English on a Chinese page."""

import re
import uuid
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import FileResponse, StreamingHttpResponse
from django.test import Client
from django.utils import translation
from pytest_django import Settings

from tests import every_page
from tests.webapp.rows import rows_of
from webapp.accounts.models import User
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.recognizers.templatetags.shares import percent_plain

IN_CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}
CHINESE = "[\u4e00-\u9fff]"
# What has a name of its own on these pages, and what the test calls so.
OF_THE_TEST = {"Ocellus", "API", "Colours", "red", "green", "blue", "red.jpg", "blue.jpg"}
OF_THE_TEST |= {
    "curator",
    "owner",
    "camera trap",
    "old",
    *("https://example.org/answered", "https://example.net/"),
    "notes.jpg",
    "grey.jpg",
    "yellow",
    "sigmoid",
}
# Django puts a text together there before anybody reads it.
NOT_OURS = {"admin:auth_user_password_change"}


class Shown(HTMLParser):
    """The texts of a page, in their places, and those that are heard: of labels and pictures. What is
    code, or says of itself that it is in another language, is left out."""

    NOT_READ = frozenset({"script", "style", "code", "pre"})
    HEARD = frozenset({"alt", "title", "aria-label", "placeholder"})
    EMPTY = frozenset({"meta", "link", "img", "input", "br", "hr", "source", "path", "use"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.language = ""
        self._open: list[tuple[str, bool]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.language = values["lang"]
        is_read = tag not in self.NOT_READ and values.get("lang", self.language) == self.language
        if tag not in self.EMPTY:
            self._open.append((tag, is_read))
        if tag == "input" and values.get("type") in ("submit", "button"):
            self._say(values.get("value", ""))
        for name in values.keys() & self.HEARD | {n for n in values if n.startswith("data-say")}:
            self._say(values[name])

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        self._say(data)

    def _say(self, text: str) -> None:
        text = " ".join(text.split())
        if text and all(is_read for _, is_read in self._open):
            self.texts.append(text)


def pages_of(client: Client, person: User, **headers: str) -> dict[str, str]:
    """What is shown under each address that has something to show, by its name."""
    shown = {}
    for name, address in every_page.addresses(person):
        response = client.get(address, headers=headers)
        if isinstance(response, StreamingHttpResponse | FileResponse):
            response.getvalue()  # one download at a time
        elif response.headers.get("Content-Type", "").startswith("text/html"):
            assert response.status_code < 500, (name, response.status_code)
            if response.status_code == 200:
                shown[name] = response.content.decode()
    return shown


def english_in(texts: list[str], *, is_ours: bool) -> list[str]:
    """Those that were left in English: three words in a row and, on our own pages, whatever has no
    Chinese in it at all."""
    return [
        text
        for facts in texts
        for text in facts.strip(" ·").split(" · ")
        if text not in OF_THE_TEST
        and not re.search(r"\bCan (add|change|delete|view) ", text)  # permissions: in the database
        and (
            re.search(r"[A-Za-z]{2,} [A-Za-z]+ [A-Za-z]+", text)
            or (is_ours and re.search(r"[A-Za-z]{3}", text) and not re.search(CHINESE, text))
        )
    ]


@pytest.mark.slow
def test_both_languages_have_every_page_and_no_english_is_left_on_a_chinese_one(
    curator_client: Client, client: Client, furnished_curator: User, settings: Settings
) -> None:
    settings.SIGN_UP = True
    settings.EMAIL_HOST = "127.0.0.1"
    for visitor, least in ((curator_client, 50), (client, 6)):
        english, chinese = (
            pages_of(visitor, furnished_curator),
            pages_of(visitor, furnished_curator, **IN_CHINESE),
        )
        assert english.keys() == chinese.keys()
        assert len(chinese) >= least
        left = {}
        for name, page in chinese.items():
            shown = Shown(page)
            if "<html" in page:  # else it replaces a piece of one
                assert shown.language == "zh-hans", name
                assert Shown(english[name]).language == "en", name
            # In the admin's frame the theme's symbols have English names.
            is_in_frame = name.startswith(("admin:", "studio:")) or name == "studio_sign_in"
            is_ours = not is_in_frame and name != "api:docs"
            found = english_in(shown.texts, is_ours=is_ours)
            if found and name not in NOT_OURS:
                left[name] = found
        assert not left, left


def test_what_goes_wrong_is_told_in_chinese(
    owner_client: Client, live_version: ModelVersion
) -> None:
    answers = [
        owner_client.get("/nothing/", headers=IN_CHINESE),
        owner_client.post("/", {"upload": "x"}, headers=IN_CHINESE),
        owner_client.post("/account/keys/", {}, headers=IN_CHINESE),
        owner_client.post("/account/password/", {"old_password": "x"}, headers=IN_CHINESE),
        owner_client.post("/account/mail/", {"email": "x"}, headers=IN_CHINESE),
        owner_client.post("/account/delete/", {"password": "x"}, headers=IN_CHINESE),
        owner_client.get("/history/?min=x&since=y&label=%00", headers=IN_CHINESE),
        Client(enforce_csrf_checks=True).post("/sign-in/", {}, headers=IN_CHINESE),
        Client().post("/sign-in/", {"username": "a", "password": "b"}, headers=IN_CHINESE),
    ]
    for response in answers:
        texts = Shown(response.content.decode()).texts
        assert english_in(texts, is_ours=True) == [], texts


def test_a_picture_that_is_none_is_told_in_the_readers_language(
    curator_client: Client, curator: User, live_version: ModelVersion
) -> None:
    file = SimpleUploadedFile("notes.jpg", b"not a picture")
    form = {"upload": uuid.uuid4(), "recognizer": live_version.recognizer_id, "pictures": [file]}
    page = curator_client.post("/", form)["Location"]
    assert "received a file of another kind" in curator_client.get(page).content.decode()
    chinese = curator_client.get(page, headers=IN_CHINESE).content.decode()
    assert "收到的是其他类型的文件" in chinese
    assert english_in(Shown(chinese).texts, is_ours=True) == []


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("zh", "zh-hans"),
        ("zh-CN,zh;q=0.9", "zh-hans"),
        ("zh-Hans", "zh-hans"),
        ("zh-Hans-CN", "zh-hans"),
        ("zh-TW", "zh-hans"),  # nearer than English
        ("en-GB,zh;q=0.5", "en"),
        ("de,zh;q=0.5", "zh-hans"),
        ("de", "en"),
        ("", "en"),
        ("*;;q=x,\x00", "en"),
    ],
)
def test_the_browsers_language_is_taken(client: Client, asked: str, answered: str) -> None:
    page = client.get("/sign-in/", headers={"Accept-Language": asked})
    assert Shown(page.content.decode()).language == answered
    assert page["Content-Language"] == answered
    assert {"Accept-Language", "Cookie"} <= set(page["Vary"].split(", "))


def test_the_switch_at_the_foot_goes_before_the_browser_and_back_to_the_page(
    client: Client, db: None
) -> None:
    page = client.get("/forgotten/?a=1").content.decode()
    assert '<button class="languages__one"' in page
    assert "简体中文" in page
    assert 'value="/forgotten/?a=1"' in page
    chosen = client.post("/language/", {"language": "zh-hans", "next": "/forgotten/?a=1"})
    assert chosen["Location"] == "/forgotten/?a=1"
    cookie = chosen.cookies["language"]
    assert cookie["samesite"] == "Lax"
    assert cookie["httponly"]
    assert cookie["max-age"] > 300 * 24 * 3600
    assert Shown(client.get("/forgotten/").content.decode()).language == "zh-hans"
    back = client.post("/language/", {"language": "en", "next": "/"}, headers=IN_CHINESE)
    assert back["Location"] == "/"
    assert Shown(client.get("/forgotten/", headers=IN_CHINESE).content.decode()).language == "en"


def test_the_switch_leads_nowhere_else_and_writes_only_when_it_is_sent(
    client: Client, db: None
) -> None:
    for elsewhere in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        sent = client.post("/language/", {"language": "en", "next": elsewhere})
        assert sent["Location"] == "/"
    assert client.get("/language/?language=zh-hans").status_code == 405
    assert client.post("/language/", {"language": "xx"}).cookies.get("language") is None
    client.post("/language/", {"language": "de"})  # Django's own pages have it, ours have not
    assert Shown(client.get("/sign-in/").content.decode()).language == "en"
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/language/", {"language": "zh-hans"}).status_code == 403


def test_a_page_that_only_takes_forms_is_not_where_the_switch_leads_to(
    owner_client: Client, settings: Settings
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    refused = owner_client.post("/history/delete/", {"selected": "x" * 100})
    assert refused.status_code == 413
    assert 'name="next"\n         value="/"' in refused.content.decode()


def test_dates_and_shares_are_as_the_language_writes_them(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    rows_of(owner, recognizer, 1)
    Prediction.objects.update(created_at=datetime(2026, 5, 9, 15, 7, tzinfo=UTC), confidence=0.9731)
    english = owner_client.get("/history/").content.decode()
    chinese = owner_client.get("/history/", headers=IN_CHINESE).content.decode()
    assert "May 9, 2026, 3:07 p.m." in english
    assert "97.3\N{NO-BREAK SPACE}%" in english
    assert "2026年5月9日 15:07" in chinese
    assert "97.3%" in chinese


def test_a_small_share_is_written_as_the_language_does() -> None:
    with translation.override("zh-hans"):
        assert [percent_plain(share) for share in (0.0001, 0.5, 1.0)] == [
            "< 0.1%",
            "50.0%",
            "100.0%",
        ]


def test_programs_are_told_in_the_language_that_they_ask_for(client: Client, db: None) -> None:
    english = client.get("/api/v1/recognizers")
    chinese = client.get("/api/v1/recognizers", headers=IN_CHINESE)
    assert english.json()["code"] == chinese.json()["code"] == "key_missing"
    assert "received none" in english.json()["detail"]
    assert "但没有收到" in chinese.json()["detail"]
    assert {"Accept-Language", "Cookie"} <= set(chinese["Vary"].split(", "))
