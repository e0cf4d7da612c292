"""Pages of the history by key: forth and back, while rows come and go."""

import html
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.webapp.rows import rows_of
from webapp.accounts.models import User
from webapp.predictions import paging
from webapp.predictions.history import HistoryFilters
from webapp.predictions.history_views import GRID_SIZE
from webapp.predictions.models import Prediction
from webapp.predictions.paging import Key
from webapp.recognizers.models import Recognizer


def names_on(page: str) -> list[int]:
    return [int(number) for number in re.findall(r"picture-(\d{3})\.jpg\s*·", page)]


def link(page: str, rel: str) -> str | None:
    found = re.search(rf'rel="{rel}"\s+href="([^"]+)"', page)
    return html.unescape(found[1]) if found else None


class Reader:
    """Turns the pages."""

    def __init__(self, client: Client, address: str = "/history/") -> None:
        self._client = client
        self.page = ""
        self.open(address)

    def open(self, address: str) -> list[int]:
        response = self._client.get(address)
        assert response.status_code == 200
        self.page = response.content.decode()
        return self.names

    @property
    def names(self) -> list[int]:
        return names_on(self.page)

    def turn(self, rel: str) -> list[int]:
        address = link(self.page, rel)
        assert address is not None, f"no page is {rel}"
        return self.open(address)

    def can_turn(self, rel: str) -> bool:
        return link(self.page, rel) is not None


def numbers(first: int, last: int) -> list[int]:
    return list(range(first, last - 1, -1))


def test_the_newest_come_first_and_the_pages_lead_there_and_back(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    rows_of(owner, recognizer, 2 * GRID_SIZE + 3)
    reader = Reader(owner_client)
    assert reader.names == numbers(50, 27)
    assert not reader.can_turn("prev")
    assert reader.turn("next") == numbers(26, 3)
    assert reader.turn("next") == numbers(2, 0)
    assert not reader.can_turn("next")
    assert reader.turn("prev") == numbers(26, 3)
    assert reader.turn("prev") == numbers(50, 27)
    assert not reader.can_turn("prev")


def test_what_arrives_in_between_moves_no_page(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    rows_of(owner, recognizer, 2 * GRID_SIZE)
    reader = Reader(owner_client)
    rows_of(owner, recognizer, 2, first=2 * GRID_SIZE)
    assert reader.turn("next") == numbers(23, 0)
    rows_of(owner, recognizer, 1, first=2 * GRID_SIZE + 2)
    assert reader.turn("prev") == numbers(47, 24)
    assert reader.turn("prev") == numbers(50, 27), "the newest page, whole"


def test_what_goes_in_between_moves_no_page(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    rows = rows_of(owner, recognizer, 2 * GRID_SIZE)
    reader = Reader(owner_client)
    shown = [row.pk for row in rows[GRID_SIZE:]]
    Prediction.objects.filter(pk__in=shown).update(deleted_at=timezone.now())
    assert reader.turn("next") == numbers(23, 0)


def test_rows_of_the_same_moment_are_each_on_one_page(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    rows_of(owner, recognizer, GRID_SIZE + 5, created_at=timezone.now())
    reader = Reader(owner_client)
    assert reader.names + reader.turn("next") == numbers(28, 0)
    assert reader.turn("prev") == numbers(28, 5)


def test_the_order_is_that_of_the_uploads_not_of_the_rows(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    rows_of(owner, recognizer, 3, first=10)
    rows_of(owner, recognizer, 1, first=1, created_at=timezone.now() - timedelta(days=1))
    assert Reader(owner_client).names == [12, 11, 10, 1]


def test_the_pages_keep_the_filters(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    rows_of(owner, recognizer, GRID_SIZE + 1, label="wasp")
    rows_of(owner, recognizer, GRID_SIZE + 1, first=100)
    reader = Reader(owner_client, "/history/?label=wasp&min=10")
    assert reader.names == numbers(24, 1)
    assert reader.turn("next") == [0]
    assert reader.turn("prev") == numbers(24, 1)


def test_another_persons_place_shows_ones_own_rows(
    owner: User, other_client: Client, recognizer: Recognizer
) -> None:
    [row] = rows_of(owner, recognizer, 1)
    for way in ("before", "after"):
        page = other_client.get("/history/", {way: f"{Key(row.created_at, row.pk + 1)}"})
        assert "picture-000" not in page.content.decode()


@pytest.mark.parametrize("way", ["before", "after"])
@pytest.mark.parametrize(
    "place", ["x", "-1", "9" * 40, "²", "1-", "1-2-3", "9" * 18 + "-1", "１-１", "1-1\x00", "1 -1"]
)
def test_a_place_that_is_none_is_the_first_page_and_says_so(
    owner: User, owner_client: Client, recognizer: Recognizer, way: str, place: str
) -> None:
    rows_of(owner, recognizer, 1)
    reader = Reader(owner_client)
    assert "that the address names" not in reader.page
    response = owner_client.get("/history/", {way: place})
    assert response.status_code == 200
    assert names_on(response.content.decode()) == [0]
    assert "that the address names" in response.content.decode()


def test_beyond_the_last_page_there_is_a_way_back(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    [row] = rows_of(owner, recognizer, 1)
    reader = Reader(owner_client, f"/history/?before={Key(row.created_at, row.pk)}")
    assert "Nothing older" in reader.page
    assert reader.turn("prev") == [0]


@pytest.fixture
def short_searches(monkeypatch: pytest.MonkeyPatch) -> int:
    number = 10
    monkeypatch.setattr(paging, "SEARCH_ROWS", number)
    monkeypatch.setattr(paging, "READ_ROWS", number)
    return number


def test_a_search_goes_so_far_at_a_time_and_says_where_it_stopped(
    owner: User, owner_client: Client, recognizer: Recognizer, short_searches: int
) -> None:
    rows_of(owner, recognizer, 2, label="wasp")
    rows_of(owner, recognizer, 3 * short_searches, first=2)
    reader = Reader(owner_client, "/history/?q=wasp")
    num_pages = 1
    while not reader.names:
        assert f"{short_searches} entries were searched" in reader.page
        reader.turn("next")
        num_pages += 1
    assert (reader.names, num_pages) == ([1, 0], 4)
    assert not reader.can_turn("next")
    assert "were searched" not in reader.page


def test_a_search_that_stopped_loses_and_repeats_nothing_in_either_direction(
    owner: User, owner_client: Client, recognizer: Recognizer, short_searches: int
) -> None:
    for first in range(0, 60, 4):
        rows_of(owner, recognizer, 1, first=first, label="wasp")
        rows_of(owner, recognizer, 3, first=first + 1)
    wasps = list(range(56, -1, -4))
    reader = Reader(owner_client, "/history/?q=wasp")
    found = reader.names
    while reader.can_turn("next"):
        found += reader.turn("next")
    assert found == wasps
    back = reader.names
    while reader.can_turn("prev"):
        newer = reader.turn("prev")
        back = [name for name in newer if name not in back] + back
    assert back == wasps


def test_a_range_of_confidences_is_a_search_too(
    owner: User, owner_client: Client, recognizer: Recognizer, short_searches: int
) -> None:
    rows_of(owner, recognizer, 1, confidence=0.1)
    rows_of(owner, recognizer, short_searches, first=1)
    reader = Reader(owner_client, "/history/?max=20")
    assert reader.names == []
    assert reader.turn("next") == [0]


@pytest.mark.parametrize(
    "filters", ["corrected=wrong", "corrected=judged&label=bee", "corrected=open"]
)
def test_what_was_said_of_answers_is_searched_for_so_far_at_a_time(
    owner: User, owner_client: Client, recognizer: Recognizer, short_searches: int, filters: str
) -> None:
    """Of those that are judged, or of all: none is lost and none comes twice."""
    meant = {"verdict": "" if "open" in filters else "wrong"}
    others = {"verdict": "right", "label": "wasp"}
    for first in range(0, 60, 4):
        rows_of(owner, recognizer, 1, first=first, **meant)
        rows_of(owner, recognizer, 3, first=first + 1, **others)
    reader = Reader(owner_client, f"/history/?{filters}")
    found = reader.names
    assert f"{short_searches} entries were searched" in reader.page
    while reader.can_turn("next"):
        found += reader.turn("next")
    assert found == list(range(56, -1, -4))


def test_a_search_that_reads_the_rows_goes_less_far(owner: User) -> None:
    for given, number in (
        ({"q": "x"}, paging.SEARCH_ROWS),
        ({"corrected": "wrong", "min": "5"}, paging.SEARCH_ROWS),
        ({"corrected": "wrong", "q": "x"}, paging.READ_ROWS),
        ({"corrected": "judged", "label": "bee"}, paging.READ_ROWS),
        ({"corrected": "open"}, paging.READ_ROWS),
        ({"answer": "none"}, paging.READ_ROWS),
        ({"answer": "class", "label": "bee"}, paging.READ_ROWS),
        ({"corrected": "open", "state": "failed"}, paging.SEARCH_ROWS),
    ):
        assert paging.search_rows(HistoryFilters(given, owner=owner)) == number, given
