"""The history as CSV: all that the filters mean, streamed, and harmless in a spreadsheet."""

import csv
import io
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import get_language, override

from tests.webapp.rows import rows_of, version_of
from webapp.accounts.models import User
from webapp.predictions import export
from webapp.predictions.export import COLUMNS, csv_lines, harmless
from webapp.predictions.history import HistoryFilters
from webapp.predictions.models import Prediction
from webapp.recognizers.models import Recognizer

ADDRESS = "/history/ocellus-history.csv"


def read(client: Client, **filters: str) -> list[dict[str, str]]:
    response = client.get(ADDRESS, filters)
    assert response.status_code == 200
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="ocellus-history-2' in response["Content-Disposition"]
    return parsed(response.getvalue())


def parsed(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline="")))


def test_each_row_says_what_the_page_says(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    version = version_of(recognizer, 3)
    corrected_at = timezone.now()
    said = {"verdict": "wrong", "true_label": "hornet", "corrected_at": corrected_at}
    [answered] = rows_of(owner, recognizer, 1, version=version, file_name="蜜蜂, “bee”.jpg", **said)
    unanswered = {"state": "failed", "failure_code": "gave_up", "label": "", "confidence": None}
    rows_of(owner, recognizer, 1, first=1, **unanswered)
    failed, done = read(owner_client)
    assert tuple(done) == COLUMNS
    assert done["id"] == str(answered.public_id)
    assert done["file_name"] == "蜜蜂, “bee”.jpg"
    assert (done["recognizer"], done["version"], done["state"]) == ("colours", "3", "done")
    assert (done["label"], done["confidence"], done["none_of_these"]) == ("bee", "0.75", "no")
    assert done["uploaded_at"] == answered.created_at.isoformat()
    assert (failed["state"], failed["label"], failed["version"]) == ("failed", "", "")
    assert (done["verdict"], done["true_label"]) == ("wrong", "hornet")
    assert done["corrected_at"] == corrected_at.isoformat()
    assert failed["verdict"] == failed["true_label"] == failed["corrected_at"] == ""
    assert failed["failure_code"] == "gave_up"
    assert "in several attempts" in failed["failure"]


@pytest.mark.parametrize("beginning", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(
    owner: User, owner_client: Client, recognizer: Recognizer, beginning: str
) -> None:
    text = f'{beginning}HYPERLINK("http://evil.example")'
    rows_of(owner, recognizer, 1, file_name=text, label=text, verdict="wrong", true_label=text)
    [row] = read(owner_client)
    assert row["file_name"] == row["label"] == row["true_label"] == f"'{text}"


def test_what_is_no_formula_stays_as_it_is() -> None:
    for cell in ("bee", "a=b", "", " =1", 0.5, 3):
        assert harmless(cell) == str(cell)
    assert harmless(None) == ""


def test_the_filters_hold_and_nothing_of_others_is_in_it(
    owner: User, other: User, owner_client: Client, recognizer: Recognizer
) -> None:
    rows_of(owner, recognizer, 2)
    rows_of(owner, recognizer, 2, first=2, label="wasp")
    rows_of(other, recognizer, 2, first=4, label="wasp")
    names = [row["file_name"] for row in read(owner_client, label="wasp")]
    assert names == ["picture-003.jpg", "picture-002.jpg"]
    assert len(read(owner_client)) == 4


def test_a_page_in_the_address_does_not_cut_it(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    rows_of(owner, recognizer, 3)
    assert len(read(owner_client, before="1-1", view="table")) == 3


def test_a_filter_that_cannot_be_understood_is_explained_instead(owner_client: Client) -> None:
    response = owner_client.get(ADDRESS, {"min": "x", "label": "bee"})
    assert response["Location"] == "/history/?min=x&label=bee"


def test_an_empty_history_is_a_heading(owner_client: Client) -> None:
    assert read(owner_client) == []


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(export, "CHUNK_ROWS", 4)
    return 4


@pytest.mark.parametrize("number", [3, 4, 5, 8, 9])
def test_chunks_lose_and_repeat_nothing(
    owner: User, owner_client: Client, recognizer: Recognizer, small_chunks: int, number: int
) -> None:
    rows_of(owner, recognizer, number)
    names = [row["file_name"] for row in read(owner_client)]
    assert names == [f"picture-{i:03}.jpg" for i in reversed(range(number))]


def lines_of(owner: User) -> Iterator[bytes]:
    filters = HistoryFilters({}, owner=owner)
    return csv_lines(Prediction.objects.present().filter(owner=owner), filters)


def test_rows_are_read_as_they_are_sent_and_new_ones_move_nothing(
    owner: User, recognizer: Recognizer, small_chunks: int
) -> None:
    rows_of(owner, recognizer, 2 * small_chunks)
    with CaptureQueriesContext(connection) as queries:
        lines = lines_of(owner)
        parts = [next(lines), next(lines)]
        num_before = len(queries)
        rows_of(owner, recognizer, 3, first=100)
        parts += lines
    assert num_before < len(queries)
    names = [row["file_name"] for row in parsed(b"".join(parts))]
    assert names == [f"picture-{i:03}.jpg" for i in reversed(range(2 * small_chunks))]


def test_it_leaves_the_language_of_its_thread_alone(
    owner: User, recognizer: Recognizer, small_chunks: int
) -> None:
    """The thread may answer somebody else between two chunks."""
    rows_of(owner, recognizer, 2 * small_chunks)
    with override("en"):
        lines = lines_of(owner)
        next(lines)
    with override("zh-hans"):
        next(lines)
        assert get_language() == "zh-hans"
