"""What is done with a selection of the history: confirmed, relabelled, each with undo; or taken along."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.webapp.rows import rows_of, version_of
from tests.webapp.test_history_csv import parsed
from webapp.accounts.models import User
from webapp.predictions import judgings
from webapp.predictions.corrections import MAX_SELECTED
from webapp.predictions.models import Prediction
from webapp.recognizers.models import Recognizer


def send(client: Client, what: str, *rows: Prediction, **values: Any) -> str:
    """Press a button; the text of the page that follows."""
    given = {
        "selected": [str(row.public_id) for row in rows],
        "judging": str(uuid.uuid4()),
        "back": "",
        **values,
    }
    response = client.post(f"/history/{what}/", given, follow=True)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def undo(client: Client, page: str) -> str:
    number = re.search(r'say-again/.*?name="judging" value="([^"]+)"', page)
    assert number is not None, "no undo is offered"
    return send(client, "say-again", judging=number[1])


def said() -> list[tuple[str, str]]:
    return [(row.verdict, row.true_label) for row in Prediction.objects.order_by("pk")]


@pytest.fixture
def rows(owner: User, recognizer: Recognizer) -> list[Prediction]:
    """Two bees, a wasp that was judged before, and one without an answer."""
    version = version_of(recognizer)
    bees = rows_of(owner, recognizer, 2, version=version)
    earlier = {"verdict": "wrong", "true_label": "hornet", "corrected_at": bees[0].created_at}
    wasps = rows_of(owner, recognizer, 1, first=2, version=version, label="wasp", **earlier)
    return bees + wasps + rows_of(owner, recognizer, 1, first=3, state="failed", label="")


OPEN, HORNET = ("", ""), ("wrong", "hornet")


def test_a_selection_is_confirmed_and_put_back_as_it_was(
    owner_client: Client, rows: list[Prediction]
) -> None:
    page = send(owner_client, "confirm", *rows)
    assert "3 pictures were confirmed" in page
    assert "1 picture has no answer and was left as it is" in page
    assert said() == [("right", "")] * 3 + [OPEN]
    assert "3 pictures are as they were" in undo(owner_client, page)
    assert said() == [OPEN, OPEN, HORNET, OPEN]
    again = Prediction.objects.get(pk=rows[2].pk)
    assert again.corrected_at == rows[2].corrected_at


def test_one_label_for_all_is_right_for_those_that_have_it(
    owner_client: Client, rows: list[Prediction]
) -> None:
    page = send(owner_client, "relabel", *rows[:3], true_label="WASP")
    assert "3 pictures are “WASP” now" in page
    assert said()[:3] == [("wrong", "wasp"), ("wrong", "wasp"), ("right", "")]
    undo(owner_client, page)
    assert said() == [OPEN, OPEN, HORNET, OPEN]


def test_of_several_recognizers_each_knows_its_own_classes(
    owner: User, owner_client: Client, rows: list[Prediction]
) -> None:
    birds = Recognizer.objects.create(name="Birds", slug="birds")
    [bird] = rows_of(owner, birds, 1, label="robin", version=version_of(birds))
    birds.versions.update(class_names=["robin", "WASP"])
    send(owner_client, "relabel", rows[0], bird, true_label="Wasp")
    assert (said()[0], said()[-1]) == (("wrong", "wasp"), ("wrong", "WASP"))


def test_a_double_click_can_still_be_undone(owner_client: Client, rows: list[Prediction]) -> None:
    number = str(uuid.uuid4())
    send(owner_client, "confirm", *rows[:2], judging=number)
    page = send(owner_client, "confirm", *rows[:2], judging=number)
    assert "2 pictures were confirmed" in page
    assert "Nothing changed" not in page
    undo(owner_client, page)
    assert said()[:2] == [OPEN, OPEN]


def test_what_was_said_anew_since_then_stays(owner_client: Client, rows: list[Prediction]) -> None:
    page = send(owner_client, "confirm", *rows[:2])
    send(owner_client, "relabel", rows[0], true_label="fly")
    # Of the earlier selection nothing is kept any more.
    number = re.search(r'name="judging" value="([^"]+)"', page)
    assert number is not None
    assert "Nothing was undone" in send(owner_client, "say-again", judging=number[1])
    page = send(owner_client, "confirm", *rows[:2])
    answer = f"/predictions/{rows[0].public_id}/correction/"
    owner_client.post(answer, {"verdict": "wrong", "true_label": "moth"})
    undo(owner_client, page)
    assert said()[:2] == [("wrong", "moth"), ("right", "")]


def test_undo_is_offered_wherever_one_looks_in_the_history_for_some_minutes(
    owner_client: Client, rows: list[Prediction]
) -> None:
    send(owner_client, "confirm", *rows[:2])
    for address in ("/history/?label=wasp", "/history/?view=table"):
        page = owner_client.get(address).content.decode()
        assert "2 pictures were confirmed" in page
    session = owner_client.session
    long_ago = timezone.now() - timedelta(minutes=judgings.OFFERED_MINUTES, seconds=1)
    session["judging"] = {**session["judging"], "changed_at": long_ago.isoformat()}
    session.save()
    assert "were confirmed" not in owner_client.get("/history/").content.decode()


def test_undo_works_once(owner_client: Client, rows: list[Prediction]) -> None:
    page = send(owner_client, "confirm", rows[0])
    undo(owner_client, page)
    assert "Nothing was undone" in undo(owner_client, page)


@pytest.mark.parametrize(
    ("what", "values", "sentence"),
    [
        ("confirm", {}, "Nothing was selected, so nothing was changed"),
        ("relabel", {"true_label": "fly"}, "Nothing was selected, so nothing was changed"),
        ("confirm", {"selected": ["nonsense"]}, "Nothing was selected, so nothing was changed"),
        ("confirm", {"selected": [str(uuid.uuid4())]}, "is not there any more"),
        ("relabel", {"true_label": " \x00 "}, "Please write the label"),
        ("selected/csv", {}, "Nothing was selected, so there is no file of it"),
        ("selected/zip", {}, "Nothing was selected, so there is no file of it"),
        ("say-again", {}, "Nothing was undone"),
        ("say-again", {"judging": "nonsense"}, "Nothing was undone"),
    ],
)
def test_what_cannot_be_done_is_said(
    owner_client: Client, rows: list[Prediction], what: str, values: dict[str, Any], sentence: str
) -> None:
    assert sentence in send(owner_client, what, **values)
    assert said() == [OPEN, OPEN, HORNET, OPEN]


def test_a_label_that_is_too_long_and_too_many_pictures_are_refused(
    owner: User, owner_client: Client, recognizer: Recognizer, rows: list[Prediction]
) -> None:
    page = send(owner_client, "relabel", rows[0], true_label="x" * 300)
    assert "Expected at most 255 characters, received 300" in page
    many = rows_of(owner, recognizer, MAX_SELECTED + 1)
    page = send(owner_client, "confirm", *many)
    assert f"Expected at most {MAX_SELECTED} pictures at a time, received" in page
    assert not Prediction.objects.filter(verdict="right").exists()


def test_a_label_that_was_forgotten_costs_no_selection(
    owner_client: Client, rows: list[Prediction]
) -> None:
    page = send(owner_client, "relabel", *rows[:2], true_label=" ")
    assert "Please write the label" in page
    for row, is_selected in zip(rows, (True, True, False, False), strict=True):
        assert (f'value="{row.public_id}" checked' in page) == is_selected
    again = " ".join(owner_client.get("/history/").content.decode().split())
    assert "checked" not in again, "it is for the next page alone"
    # A browser asks for the label before, and for no other button.
    assert again.count(" required ") == 1
    assert again.count("formnovalidate") == 4


def test_what_was_said_before_is_told(owner_client: Client, rows: list[Prediction]) -> None:
    send(owner_client, "confirm", rows[0])
    assert "Nothing changed: you had said the same before" in send(owner_client, "confirm", rows[0])


def test_a_session_of_another_release_is_no_error(
    owner_client: Client, rows: list[Prediction]
) -> None:
    session = owner_client.session
    session["judging"] = {"number": "1", "before": [["x"]]}
    session.save()
    assert owner_client.get("/history/").status_code == 200


def test_one_comes_back_to_the_place_that_one_came_from(
    owner_client: Client, rows: list[Prediction]
) -> None:
    values = {
        "selected": str(rows[0].public_id),
        "back": "corrected=open&view=table&next=//evil.example",
    }
    place = owner_client.post("/history/confirm/", values)["Location"]
    assert place == "/history/?corrected=open&view=table"


def test_nobody_judges_what_is_anothers(
    client: Client,
    owner_client: Client,
    other_client: Client,
    curator_client: Client,
    rows: list[Prediction],
) -> None:
    for stranger in (other_client, curator_client):
        assert "is not there any more" in send(stranger, "confirm", *rows)
        assert "is not there any more" in send(stranger, "relabel", *rows, true_label="fly")
    page = send(owner_client, "confirm", *rows[:2])
    number = re.search(r'name="judging" value="([^"]+)"', page)
    assert number is not None
    for stranger in (other_client, curator_client):
        assert "Nothing was undone" in send(stranger, "say-again", judging=number[1])
        assert "were confirmed" not in stranger.get("/history/").content.decode()
    assert said()[:2] == [("right", "")] * 2
    for what in ("confirm", "relabel", "say-again", "selected/csv", "selected/zip"):
        values = {"selected": str(rows[0].public_id)}
        assert client.post(f"/history/{what}/", values)["Location"].startswith("/sign-in/")
        assert owner_client.get(f"/history/{what}/").status_code == 405


def test_a_selection_takes_the_same_number_of_queries_however_many_it_is(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    def queries_of(number: int) -> int:
        rows = rows_of(owner, recognizer, number, version=version)
        values = {"selected": [str(row.public_id) for row in rows], "true_label": "fly"}
        with CaptureQueriesContext(connection) as queries:
            owner_client.post("/history/relabel/", values)
        return len(queries)

    version = version_of(recognizer)
    queries_of(1)  # the session gets a row
    assert queries_of(2) == queries_of(40)


def test_the_selected_ones_as_csv(
    owner_client: Client, other_client: Client, rows: list[Prediction]
) -> None:
    values = {"selected": [str(rows[0].public_id), str(rows[2].public_id)]}
    response = owner_client.post("/history/selected/csv/", values)
    lines = parsed(response.getvalue())
    assert [line["label"] for line in lines] == ["wasp", "bee"]
    assert parsed(other_client.post("/history/selected/csv/", values).getvalue()) == []
