"""The history's page: what it shows, how it says it, and in how many queries."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.webapp.rows import rows_of, version_of
from webapp.accounts.models import User
from webapp.predictions import paging
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.history_views import GRID_SIZE, TABLE_SIZE
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion, Recognizer

VIEWS = ("", "table")


@pytest.mark.parametrize("view", VIEWS)
def test_it_shows_label_confidence_and_version(
    owner_client: Client,
    live_version: ModelVersion,
    upload_of: Callable[..., list[Prediction]],
    view: str,
) -> None:
    [row] = upload_of("green")
    answer_all_queued()
    page = owner_client.get("/history/", {"view": view}).content.decode()
    for text in ("green", "Colours", f"/predictions/{row.public_id}/", "%", "1 entry"):
        assert text in page
    assert (f"/predictions/{row.public_id}/thumbnail.jpg" in page) == (view == "")


@pytest.mark.parametrize("view", VIEWS)
def test_what_was_not_answered_says_why(
    owner: User, owner_client: Client, recognizer: Recognizer, view: str
) -> None:
    rows_of(owner, recognizer, 1, state="failed", failure_code="gave_up", label="", confidence=None)
    page = owner_client.get("/history/", {"view": view}).content.decode()
    assert "Not answered" in page
    assert "in several attempts" in page


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    ("verdict", "true_label", "words"),
    [
        ("right", "", "confirmed"),
        ("wrong", "<hornet>", "corrected: &lt;hornet&gt;"),
        ("wrong", "", "wrong"),
    ],
)
def test_it_shows_what_was_said_of_an_answer(
    owner: User,
    owner_client: Client,
    recognizer: Recognizer,
    view: str,
    verdict: str,
    true_label: str,
    words: str,
) -> None:
    rows_of(owner, recognizer, 1)
    address = f"/history/?view={view}"
    assert "mark--" not in owner_client.get(address).content.decode()
    Prediction.objects.update(verdict=verdict, true_label=true_label)
    page = " ".join(owner_client.get(address).content.decode().split())
    mark = page.split(f'<span class="mark mark--{verdict}">')[1].split("</span>")[0]
    assert mark.strip() == words


def test_an_empty_history_offers_a_next_step(owner_client: Client) -> None:
    assert "Nothing yet" in owner_client.get("/history/").content.decode()


def test_filters_that_nothing_fits_are_told_from_an_empty_history(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    rows_of(owner, recognizer, 1)
    page = owner_client.get("/history/", {"label": "wasp"}).content.decode()
    assert "fits these filters" in page
    assert "Nothing yet" not in page
    assert "Without filters" in page


def test_a_table_is_longer_than_a_page_of_pictures_and_keeps_the_filters(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    rows_of(owner, recognizer, TABLE_SIZE + 1)
    grid = owner_client.get("/history/", {"label": "bee"}).content.decode()
    assert grid.count('name="selected"') == GRID_SIZE
    assert "/history/?label=bee&amp;view=table" in grid
    table = owner_client.get("/history/", {"label": "bee", "view": "table"}).content.decode()
    assert table.count('name="selected"') == TABLE_SIZE
    assert 'name="view" value="table"' in table, "another filter is shown as a table, too"


def test_it_says_how_many_there_are_and_counts_no_further_than_it_is_quick(
    owner: User,
    owner_client: Client,
    recognizer: Recognizer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(paging, "MAX_COUNT", GRID_SIZE + 1)
    rows_of(owner, recognizer, GRID_SIZE + 1)
    assert f"{GRID_SIZE + 1} entries" in owner_client.get("/history/").content.decode()
    rows_of(owner, recognizer, 1)
    page = owner_client.get("/history/").content.decode()
    assert f"More than {GRID_SIZE + 1} entries" in page


@pytest.mark.parametrize(
    ("address", "most"),
    [
        # Session, person, recognizers, versions, keys, rows, count, labels, deletions.
        ("", 9),
        ("?view=table", 9),
        ("?label=bee&recognizer=colours&version=colours:1&since=2020-01-01&state=done", 9),
        # How far it is searched, and nothing is counted.
        ("?q=picture&min=10&max=90", 9),
        # A page that turns out to be the newest is looked for again.
        ("?after=1-1", 10),
        ("?after=9000000000000000-1", 10),
        ("?before=9000000000000000-1", 9),
        ("?corrected=judged&view=table", 9),
        ("?corrected=wrong&label=bee", 9),
        ("?corrected=open", 9),
    ],
)
def test_it_takes_the_same_number_of_queries_however_long_it_is(
    owner: User, owner_client: Client, recognizer: Recognizer, address: str, most: int
) -> None:
    version = version_of(recognizer)
    for number in (GRID_SIZE + 1, 4 * TABLE_SIZE):
        rows_of(owner, recognizer, number, version=version)
        with CaptureQueriesContext(connection) as queries:
            assert owner_client.get(f"/history/{address}").status_code == 200
        assert len(queries) <= most, [query["sql"] for query in queries]


@pytest.mark.parametrize("view", VIEWS)
def test_a_hostile_file_name_and_label_are_escaped(
    owner: User, owner_client: Client, recognizer: Recognizer, view: str
) -> None:
    hostile = "<script>alert(1)</script>"
    rows_of(owner, recognizer, 1, file_name=f"{hostile}.jpg", label=hostile)
    page = owner_client.get("/history/", {"view": view, "label": hostile, "q": hostile})
    assert "<script>alert" not in page.content.decode()
    assert "&lt;script&gt;alert" in page.content.decode()


def test_the_labels_that_may_be_answered_are_proposed(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    version_of(recognizer, state="live")
    assert '<option value="wasp">' in owner_client.get("/history/").content.decode()
