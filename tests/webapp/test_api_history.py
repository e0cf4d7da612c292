"""The API's history, corrections and deletion: whose they are, and what comes of them."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.webapp.programs import UPLOAD, api_client, assert_problem
from tests.webapp.rows import rows_of, version_of
from webapp.accounts.models import User
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion, Recognizer


def names(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [row["file_name"].removeprefix("picture-")[:3] for row in response.json()["predictions"]]


def test_the_history_is_ones_own_and_nobody_elses_not_even_for_staff(
    api: Client, owner: User, other: User, curator: User, recognizer: Recognizer
) -> None:
    rows_of(owner, recognizer, 2)
    assert names(api.get(UPLOAD)) == ["001", "000"]
    for person in (other, curator):
        assert names(api_client(person).get(UPLOAD)) == []
    assert_problem(Client().get(UPLOAD), 401, "key_missing")


def test_its_pages_follow_each_other_with_the_same_filters(
    api: Client, owner: User, recognizer: Recognizer
) -> None:
    rows_of(owner, recognizer, 7, label="bee")
    rows_of(owner, recognizer, 2, first=7, label="wasp")
    first = api.get(f"{UPLOAD}?label=bee&limit=3")
    assert names(first) == ["006", "005", "004"]
    assert first.json()["newer"] is None
    assert "label=bee" in first.json()["older"]
    second = api.get(first.json()["older"])
    assert names(second) == ["003", "002", "001"]
    assert names(api.get(second.json()["newer"])) == ["006", "005", "004"]
    last = api.get(second.json()["older"])
    assert names(last) == ["000"]
    assert last.json()["older"] is None
    assert first["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("label=wasp", ["002"]),
        ("state=failed", ["003"]),
        ("min=80", ["002"]),
        ("max=80", ["001", "000"]),
        ("q=picture-001", ["001"]),
        ("version=colours:1", ["001"]),
        ("recognizer=colours&state=done", ["002", "001", "000"]),
        ("since=2030-01-01", []),
        ("until=2030-01-01", ["003", "002", "001", "000"]),
        ("recognizer=&q=", ["003", "002", "001", "000"]),
    ],
)
def test_its_filters_are_those_of_the_page(
    api: Client, owner: User, recognizer: Recognizer, query: str, found: list[str]
) -> None:
    rows_of(owner, recognizer, 1)
    rows_of(owner, recognizer, 1, first=1, version=version_of(recognizer))
    rows_of(owner, recognizer, 1, first=2, label="wasp", confidence=0.9)
    rows_of(owner, recognizer, 1, first=3, label="", confidence=None, state="failed", version=None)
    assert names(api.get(f"{UPLOAD}?{query}")) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [("judged", ["002", "001"]), ("open", ["000"]), ("wrong", ["002"]), ("right", ["001"])],
)
def test_what_was_said_of_an_answer_is_a_filter_too(
    api: Client, owner: User, recognizer: Recognizer, query: str, found: list[str]
) -> None:
    rows_of(owner, recognizer, 1)
    rows_of(owner, recognizer, 1, first=1, verdict="right")
    rows_of(owner, recognizer, 1, first=2, verdict="wrong")
    assert names(api.get(f"{UPLOAD}?corrected={query}")) == found


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("recognizer=unicorns", "recognizer: expected one of the list, received “unicorns”"),
        ("version=colours:99", "version: expected one of the list, received “colours:99”"),
        ("since=yesterday", "since: expected a day such as 2026-05-31, received “yesterday”"),
        (
            "since=2026-02-02&until=2026-02-01",
            "until: expected 2026-02-02 or later, since “Uploaded from” is",
        ),
        ("min=60&max=40", "is 60.0, received “40.0”"),
        ("before=9999999999999999-999999999999999999&q=%00", "q: expected some words"),
        ("state=maybe", "state"),
        ("corrected=maybe", "corrected"),
        ("min=101", "min"),
        ("max=lots", "max"),
        ("since=", "since"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("before=yesterday", "before"),
        (f"q={'x' * 101}", "q"),
    ],
)
def test_a_filter_that_cannot_be_understood_is_refused_not_left_out(
    api: Client, recognizer: Recognizer, query: str, said: str
) -> None:
    sentence = assert_problem(api.get(f"{UPLOAD}?{query}"), 422, "invalid")
    assert said in sentence
    assert "left out" not in sentence


def test_a_full_page_takes_as_many_queries_as_an_empty_one(
    api: Client,
    owner: User,
    recognizer: Recognizer,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    api.get(UPLOAD)  # notes when the key was used
    rows_of(owner, recognizer, 100, version=version_of(recognizer))
    with django_assert_num_queries(5):  # key, recognizers, versions, keys, rows
        assert len(names(api.get(f"{UPLOAD}?limit=100"))) == 100


# Corrections


@pytest.fixture
def answered(owner: User, recognizer: Recognizer, live_version: ModelVersion) -> Prediction:
    [row] = rows_of(owner, recognizer, 1, version=live_version, label="red")
    return row


def put(api: Client, row: Prediction, **said: Any) -> Any:
    path = f"{UPLOAD}/{row.public_id}/correction"
    return api.put(path, said, content_type="application/json")


def test_an_answer_is_corrected_and_the_last_word_counts(api: Client, answered: Prediction) -> None:
    response = put(api, answered, verdict="wrong", true_label="a ladybird")
    assert response.status_code == 200
    body = response.json()
    assert (body["verdict"], body["true_label"]) == ("wrong", "a ladybird")
    assert body["corrected_at"]
    assert put(api, answered, verdict="right").json()["true_label"] is None
    answered.refresh_from_db()
    assert (answered.verdict, answered.true_label) == ("right", "")
    assert api.get(f"{UPLOAD}/{answered.public_id}").json()["verdict"] == "right"


def test_a_correction_is_taken_back_any_number_of_times(api: Client, answered: Prediction) -> None:
    put(api, answered, verdict="wrong")
    for _ in range(2):
        response = api.delete(f"{UPLOAD}/{answered.public_id}/correction")
        assert (response.status_code, response.content) == (204, b"")
    answered.refresh_from_db()
    assert (answered.verdict, answered.corrected_at) == ("", None)


def test_a_correction_that_makes_no_sense_is_refused(
    api: Client, owner: User, recognizer: Recognizer, answered: Prediction
) -> None:
    assert_problem(put(api, answered, verdict="maybe"), 422, "invalid")
    assert_problem(put(api, answered), 422, "invalid")
    assert_problem(put(api, answered, verdict="wrong", true_label="x" * 256), 422, "invalid")
    sentence = assert_problem(
        put(api, answered, verdict="wrong", true_label="red"), 422, "label_is_the_answer"
    )
    assert "“red”" in sentence
    [waiting] = rows_of(owner, recognizer, 1, state="queued", label="", answered_at=None)
    assert_problem(put(api, waiting, verdict="right"), 409, "not_answered")
    path = f"{UPLOAD}/{answered.public_id}/correction"
    response = api.put(path, "no json", content_type="application/json")
    assert response.status_code in (400, 422)
    answered.refresh_from_db()
    assert answered.verdict == ""


# Deletion


def test_a_prediction_is_deleted_once(api: Client, answered: Prediction) -> None:
    path = f"{UPLOAD}/{answered.public_id}"
    assert api.delete(path).status_code == 204
    assert_problem(api.delete(path), 404, "not_found")
    assert_problem(api.get(path), 404, "not_found")
    assert_problem(put(api, answered, verdict="right"), 404, "not_found")
    assert names(api.get(UPLOAD)) == []


Call = Callable[[Client, Prediction], Any]
CALLS: dict[str, Call] = {
    "correct": lambda api, row: put(api, row, verdict="right"),
    "take back": lambda api, row: api.delete(f"{UPLOAD}/{row.public_id}/correction"),
    "delete": lambda api, row: api.delete(f"{UPLOAD}/{row.public_id}"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_nobody_writes_what_is_anothers(
    call: Call, owner_client: Client, other: User, curator: User, answered: Prediction
) -> None:
    assert_problem(call(Client(), answered), 401, "key_missing")
    assert_problem(call(owner_client, answered), 401, "key_missing")  # a session is no key
    for person in (other, curator):
        assert_problem(call(api_client(person), answered), 404, "not_found")
    answered.refresh_from_db()
    assert (answered.verdict, answered.deleted_at) == ("", None)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_what_is_not_there_is_a_404(call: Call, api: Client, answered: Prediction) -> None:
    answered.public_id = uuid.uuid4()
    assert_problem(call(api, answered), 404, "not_found")
