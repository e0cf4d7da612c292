"""Labels over time: what is counted, by which periods, and how it is drawn and told."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.webapp.rows import rows_of, version_of
from webapp.accounts.models import User
from webapp.predictions import chart, paging
from webapp.predictions.chart import HEIGHT, Chart, chart_of
from webapp.predictions.history import HistoryFilters
from webapp.predictions.models import Prediction
from webapp.recognizers.models import Recognizer

START = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday


def drawn(owner: User, **filters: str) -> Chart:
    rows = Prediction.objects.present().filter(owner=owner)
    return chart_of(rows, HistoryFilters(filters, owner=owner))


def counted(of: Chart) -> dict[str, int]:
    return {line.name: line.total for line in of.lines}


@pytest.fixture
def add(owner: User, recognizer: Recognizer) -> Any:
    def add(label: str, days: float = 0, number: int = 1, **fields: Any) -> None:
        at = START + timedelta(days=days)
        rows_of(owner, recognizer, number, label=label, created_at=at, **fields)

    return add


def test_what_counts_is_what_it_is_said_to_be(owner: User, other: User, add: Any) -> None:
    add("bee", number=3)
    add("bee", verdict="wrong", true_label="wasp")
    add("wasp", verdict="right")
    add("bee", verdict="wrong")
    add("bee", is_outlier=True)
    add("", state="failed")
    rows_of(other, Recognizer.objects.get(), 1, label="foreign")
    assert counted(drawn(owner)) == {
        "bee": 3,
        "wasp": 2,
        "wrong, not said what": 1,
        "None of these": 1,
    }
    assert counted(drawn(owner, corrected="judged")) == {"wasp": 2, "wrong, not said what": 1}


@pytest.mark.parametrize(
    ("num_days", "periods"),
    [
        (0, ["02/24/2026", "02/25/2026"]),  # a week at least
        (8, ["03/02/2026", "03/03/2026", "03/04/2026"]),
        (40, ["week of 03/02/2026", "week of 03/09/2026"]),
        (300, ["March 2026", "April 2026"]),
        (2000, ["2026", "2027", "2028", "2029", "2030", "2031"]),
    ],
)
def test_the_span_decides_on_days_weeks_months_or_years(
    owner: User, add: Any, num_days: int, periods: list[str]
) -> None:
    add("bee")
    add("bee", days=num_days, number=2)
    of = drawn(owner)
    assert list(of.periods[: len(periods)]) == periods
    [line] = of.lines
    assert sum(line.counts) == 3
    assert (line.counts[0], line.counts[-1]) == ((0, 3) if num_days == 0 else (1, 2))
    assert len(of.periods) <= 62


def test_the_six_most_frequent_and_the_others(owner: User, add: Any) -> None:
    for i in range(9):
        add(f"species {i}", days=i % 2, number=10 - i)
    of = drawn(owner)
    assert [line.total for line in of.lines] == [10, 9, 8, 7, 6, 5, 4 + 3 + 2]
    assert of.lines[-1].name == "others"
    assert sum(sum(counts) for _, counts in of.rows) == of.num_counted == 54


def test_all_bars_are_on_one_scale_and_within_the_drawing(owner: User, add: Any) -> None:
    add("bee", number=400)
    add("wasp", days=1)
    of = drawn(owner)
    bee, wasp = of.lines
    assert len(bee.bars) == len(wasp.bars) == 1
    assert (bee.bars[0].y, bee.bars[0].height) == (0, HEIGHT)
    assert wasp.bars[0].height == 2, "one among hundreds is still to be seen"
    assert wasp.bars[0].x + wasp.bars[0].width <= of.width


def test_it_looks_at_so_many_and_says_so(
    owner: User, owner_client: Client, add: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    add("bee", number=5)
    assert "Of 5 answers." in owner_client.get("/history/chart/").content.decode()
    for module, name in ((chart, "CHART_ROWS"), (paging, "SEARCH_ROWS")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, 4)
            of = drawn(owner, q="picture")
            assert (of.is_all, of.num_counted) == (False, 4)
            page = owner_client.get("/history/chart/", {"q": "picture"}).content.decode()
            assert "Of the newest" in page


def test_the_page_says_in_words_and_in_a_table_what_it_draws(
    owner_client: Client, add: Any
) -> None:
    hostile = "<b>bee</b>"
    add(hostile, number=2)
    add("wasp", days=1)
    page = owner_client.get("/history/chart/").content.decode()
    assert hostile not in page
    assert "&lt;b&gt;bee&lt;/b&gt;: most in 03/02/2026, 2" in page
    assert re.findall(r'<td class="sheet__number">(\d+)</td>', page)[-4:] == ["2", "0", "0", "1"]
    assert "<html" in page, "a page of its own, without JavaScript"
    fragment = owner_client.get("/history/chart/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment
    assert "<svg" in fragment


def test_alone_it_has_the_place_that_its_styles_are_for(owner_client: Client, add: Any) -> None:
    add("bee")
    assert 'class="chart chart__place"' in owner_client.get("/history/chart/").content.decode()
    part = owner_client.get("/history/chart/", headers={"HX-Request": "true"}).content.decode()
    assert "chart__place" not in part, "on the history's page it comes into one"


def test_nothing_to_count_is_said(owner_client: Client, add: Any) -> None:
    add("", state="failed")
    assert "There is no answer among them" in owner_client.get("/history/chart/").content.decode()


def test_the_history_asks_for_it_only_when_it_is_wanted(owner_client: Client, add: Any) -> None:
    add("bee")
    page = owner_client.get("/history/?label=bee&view=table").content.decode()
    assert 'hx-get="/history/chart/?label=bee"' in page
    assert "<svg" not in page


@pytest.mark.parametrize("address", ["", "?q=bee", "?corrected=judged", "?label=bee&min=x"])
def test_it_takes_the_same_number_of_queries_however_many_there_are(
    owner: User, owner_client: Client, recognizer: Recognizer, address: str
) -> None:
    version = version_of(recognizer)
    for number in (3, 1500):
        rows_of(owner, recognizer, number, version=version)
        with CaptureQueriesContext(connection) as queries:
            assert owner_client.get(f"/history/chart/{address}").status_code == 200
        # Session, person, recognizers, versions, how far a search goes, keys, rows.
        assert len(queries) <= 7, [query["sql"][:200] for query in queries]


def test_another_sees_nothing_of_it(
    client: Client, other_client: Client, curator_client: Client, add: Any
) -> None:
    add("wasp")
    for stranger in (other_client, curator_client):
        assert "wasp" not in stranger.get("/history/chart/").content.decode()
    assert client.get("/history/chart/")["Location"].startswith("/sign-in/")
