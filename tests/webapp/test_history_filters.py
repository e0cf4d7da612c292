"""The history's filters: each of them, together, and what cannot be understood."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from tests.webapp.rows import rows_of, version_of
from webapp.accounts.models import User
from webapp.predictions.history import HistoryFilters
from webapp.predictions.models import Prediction
from webapp.recognizers.models import Recognizer

State = Prediction.State


def moment(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 5, day, hour, tzinfo=UTC)


@pytest.fixture
def cast(owner: User, recognizer: Recognizer) -> None:
    """Six of the owner's, each of which something tells from the others."""
    birds = Recognizer.objects.create(name="Birds", slug="birds")
    first, second = version_of(recognizer, 1), version_of(recognizer, 2)
    of_birds = version_of(birds, 1)

    def add(name: str, day: int, **fields: object) -> None:
        given = {"file_name": name, "created_at": moment(day), "version": second, **fields}
        rows_of(owner, given.pop("recognizer", recognizer), 1, **given)  # type: ignore[arg-type]

    wren = {"verdict": "wrong", "true_label": "wren"}
    add("old.jpg", 1, version=first, confidence=0.5, is_outlier=True)
    add("wasp.jpg", 2, label="wasp", confidence=0.9, verdict="right")
    add("robin.jpg", 3, label="robin", recognizer=birds, version=of_birds, confidence=0.2, **wren)
    unanswered = {"version": None, "label": "", "confidence": None}
    add("broken.jpg", 4, state=State.FAILED, **unanswered)
    add("waiting.jpg", 5, state=State.QUEUED, **unanswered)
    add("100%_bee.jpg", 6, label="honey bee", confidence=1.0)


@pytest.fixture
def foreign(other: User, recognizer: Recognizer) -> None:
    """The same things, of somebody else."""
    rows_of(other, recognizer, 3, file_name="foreign wasp.jpg", label="wasp", confidence=0.9)


ALL = ["100%_bee.jpg", "waiting.jpg", "broken.jpg", "robin.jpg", "wasp.jpg", "old.jpg"]
FILTERS: list[tuple[dict[str, str], list[str]]] = [
    ({}, ALL),
    ({"recognizer": "birds"}, ["robin.jpg"]),
    ({"recognizer": "colours"}, [name for name in ALL if name != "robin.jpg"]),
    ({"version": "colours:1"}, ["old.jpg"]),
    ({"version": "birds:1"}, ["robin.jpg"]),
    ({"version": "birds:1", "recognizer": "colours"}, []),
    ({"label": "wasp"}, ["wasp.jpg"]),
    ({"label": "was"}, []),
    ({"label": "wasp", "recognizer": "colours", "version": "colours:2"}, ["wasp.jpg"]),
    ({"label": "wasp", "recognizer": "birds"}, []),
    ({"label": "wasp", "state": "failed"}, []),
    ({"version": "colours:2", "state": "done"}, ["100%_bee.jpg", "wasp.jpg"]),
    ({"version": "colours:2", "state": "queued"}, []),
    ({"label": "robin", "state": "done"}, ["robin.jpg"]),
    ({"recognizer": "colours", "state": "failed"}, ["broken.jpg"]),
    ({"recognizer": "birds", "state": "failed"}, []),
    ({"recognizer": "birds", "state": "done"}, ["robin.jpg"]),
    ({"state": "failed", "q": "BROKEN"}, ["broken.jpg"]),
    ({"state": "failed"}, ["broken.jpg"]),
    ({"state": "queued"}, ["waiting.jpg"]),
    ({"state": "running"}, []),
    ({"answer": "none"}, ["old.jpg"]),
    ({"answer": "class"}, ["100%_bee.jpg", "robin.jpg", "wasp.jpg"]),
    ({"answer": "none", "label": "bee", "state": "done"}, ["old.jpg"]),
    ({"answer": "none", "label": "wasp"}, []),
    ({"answer": "none", "corrected": "open", "version": "colours:1"}, ["old.jpg"]),
    ({"answer": "class", "corrected": "judged", "min": "50"}, ["wasp.jpg"]),
    ({"answer": "none", "state": "failed"}, []),
    ({"answer": "class", "state": "queued"}, []),
    ({"corrected": "judged"}, ["robin.jpg", "wasp.jpg"]),
    ({"corrected": "right"}, ["wasp.jpg"]),
    ({"corrected": "wrong"}, ["robin.jpg"]),
    ({"corrected": "open"}, [name for name in ALL if name not in ("robin.jpg", "wasp.jpg")]),
    ({"corrected": "open", "state": "failed"}, ["broken.jpg"]),
    ({"corrected": "open", "state": "done"}, ["100%_bee.jpg", "old.jpg"]),
    ({"corrected": "open", "recognizer": "birds"}, []),
    ({"corrected": "judged", "state": "done"}, ["robin.jpg", "wasp.jpg"]),
    ({"corrected": "judged", "state": "failed"}, []),
    ({"corrected": "wrong", "recognizer": "colours"}, []),
    ({"corrected": "wrong", "label": "robin", "version": "birds:1"}, ["robin.jpg"]),
    ({"corrected": "right", "min": "95"}, []),
    ({"corrected": "judged", "q": "was"}, ["wasp.jpg"]),
    ({"corrected": "judged", "since": "2026-05-03"}, ["robin.jpg"]),
    ({"state": "done"}, ["100%_bee.jpg", "robin.jpg", "wasp.jpg", "old.jpg"]),
    ({"min": "50"}, ["100%_bee.jpg", "wasp.jpg", "old.jpg"]),
    ({"max": "50"}, ["robin.jpg", "old.jpg"]),
    ({"min": "50", "max": "50.0"}, ["old.jpg"]),
    ({"min": "0", "max": "100"}, ["100%_bee.jpg", "robin.jpg", "wasp.jpg", "old.jpg"]),
    ({"since": "2026-05-04"}, ["100%_bee.jpg", "waiting.jpg", "broken.jpg"]),
    ({"until": "2026-05-02"}, ["wasp.jpg", "old.jpg"]),
    ({"since": "2026-05-02", "until": "2026-05-02"}, ["wasp.jpg"]),
    ({"q": "WASP"}, ["wasp.jpg"]),
    ({"q": "honey"}, ["100%_bee.jpg"]),
    ({"q": "%_b"}, ["100%_bee.jpg"]),
    ({"q": "  robin "}, ["robin.jpg"]),
    ({"q": "jpg", "min": "60", "state": "done"}, ["100%_bee.jpg", "wasp.jpg"]),
    ({"before": "", "after": "", "label": "", "q": ""}, ALL),
]


@pytest.mark.usefixtures("cast", "foreign")
@pytest.mark.parametrize(("given", "expected"), FILTERS, ids=str)
def test_each_filter_finds_what_it_says_and_nothing_of_others(
    owner_client: Client, given: dict[str, str], expected: list[str]
) -> None:
    page = owner_client.get("/history/", given)
    assert [row.file_name for row in page.context["predictions"]] == expected
    assert "foreign" not in page.content.decode()


BAD = [
    ("recognizer", "no-such", "one of the list"),
    ("recognizer", "\x00", "one of the list"),
    ("version", "colours", "one of the list"),
    ("version", "9" * 5000, "one of the list"),
    ("state", "DONE", "one of the list"),
    ("corrected", "yes", "one of the list"),
    ("answer", "None of these", "one of the list"),
    ("label", "x" * 256, "some words"),
    ("label", "\x00", "some words"),
    ("q", "x" * 101, "some words"),
    ("q", "a\x00b", "some words"),
    ("min", "abc", "a number from 0 to 100"),
    ("min", "-1", "a number from 0 to 100"),
    ("min", "nan", "a number from 0 to 100"),
    ("max", "inf", "a number from 0 to 100"),
    ("max", "100.1", "a number from 0 to 100"),
    ("max", "1e999", "a number from 0 to 100"),
    ("since", "yesterday", "a day such as 2026-05-31"),
    ("since", "2026-02-30", "a day such as 2026-05-31"),
    ("since", "0001-01-01", "a day such as 2026-05-31"),
    ("until", "9999-12-31", "a day such as 2026-05-31"),
    ("until", "31.05.2026", "a day such as 2026-05-31"),
    ("view", "heap", "one of the list"),
]


@pytest.mark.usefixtures("cast")
@pytest.mark.parametrize(("name", "value", "expected"), BAD, ids=lambda value: str(value)[:20])
def test_what_cannot_be_understood_is_told_at_its_field_and_left_out(
    owner_client: Client, name: str, value: str, expected: str
) -> None:
    page = owner_client.get("/history/", {name: value, "until": "2026-05-03"} | {name: value})
    assert page.status_code == 200
    [sentence] = page.context["form"].errors[name]
    assert sentence.startswith(f"Expected {expected}, received “{value[:5]}")
    assert "left out" in page.content.decode()
    found = [row.file_name for row in page.context["predictions"]]
    assert found == (ALL if name == "until" else ["robin.jpg", "wasp.jpg", "old.jpg"])


@pytest.mark.usefixtures("cast")
@pytest.mark.parametrize(
    ("given", "wrong", "expected"),
    [
        ({"min": "60", "max": "40"}, "max", "60 or more, since “Confidence from, in %” is 60"),
        (
            {"since": "2026-05-05", "until": "2026-05-04"},
            "until",
            "2026-05-05 or later, since “Uploaded from” is 2026-05-05",
        ),
    ],
)
def test_of_a_range_the_wrong_way_round_the_second_end_is_left_out(
    owner_client: Client, given: dict[str, str], wrong: str, expected: str
) -> None:
    page = owner_client.get("/history/", given)
    assert list(page.context["form"].errors) == [wrong]
    assert f"Expected {expected}, received “{given[wrong]}”" in page.content.decode()
    assert page.context["predictions"]


@pytest.mark.usefixtures("cast")
def test_filters_can_be_used_without_a_request(owner: User) -> None:
    filters = HistoryFilters({"q": "wasp", "min": "x"}, owner=owner)
    assert not filters.is_valid()
    rows = filters.matching(Prediction.objects.present().filter(owner=owner))
    assert [row.file_name for row in rows] == ["wasp.jpg"]


@pytest.mark.usefixtures("cast")
def test_a_candidate_that_has_answered_nothing_is_not_on_offer(
    owner_client: Client, recognizer: Recognizer
) -> None:
    version_of(recognizer, 7, state="candidate")
    page = owner_client.get("/history/").content.decode()
    assert "Colours, version 2" in page
    assert "Colours, version 7" not in page
