"""The curator's inbox: what owners have said of answers, with the pictures, and nothing else."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.webapp.rows import rows_of, version_of
from tests.webapp.streams import hang_up
from tests.webapp.test_history_plans import plan_of
from webapp.accounts.models import User
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.corrections import prediction_correct
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion, Recognizer

INBOX = "/admin/predictions/correction/"


def files_of(row: Prediction) -> list[str]:
    return [f"{INBOX}{row.pk}/{name}.jpg" for name in ("thumbnail", "picture")]


@pytest.fixture
def row(live_version: ModelVersion, upload_of: Callable[..., list[Prediction]]) -> Prediction:
    [row] = upload_of("red")
    answer_all_queued()
    row.refresh_from_db()
    return row


def judge(row: Prediction, verdict: str, label: str = "") -> None:
    prediction_correct(owner=row.owner, public_id=row.public_id, verdict=verdict, true_label=label)


def test_the_curator_sees_a_picture_while_its_owner_has_judged_it(
    curator_client: Client, row: Prediction
) -> None:
    assert "Nobody has judged an answer yet" in curator_client.get(INBOX).content.decode()
    for address in files_of(row):
        assert curator_client.get(address).status_code == 404, address
    judge(row, "wrong", "orange")
    row.refresh_from_db()
    page = curator_client.get(INBOX).content.decode()
    assert "orange" in page
    assert f"{row.confidence:.1%}"[:2] in page
    assert files_of(row)[0] in page
    for address in files_of(row):
        response = curator_client.get(address)
        assert response["Content-Type"] == "image/jpeg"
        assert "no-store" in response["Cache-Control"]
        hang_up(response)
    one = curator_client.get(f"{INBOX}{row.pk}/change/").content.decode()
    assert files_of(row)[1] in one
    assert "_save" not in one, "there is nothing to change"
    judge(row, "")
    for address in (*files_of(row), f"{INBOX}{row.pk}/change/"):
        assert curator_client.get(address).status_code in (302, 404), address


def test_what_its_owner_has_deleted_is_gone_from_the_inbox(
    curator_client: Client, row: Prediction
) -> None:
    judge(row, "right")
    Prediction.objects.update(deleted_at=timezone.now())
    assert "Nobody has judged an answer yet" in curator_client.get(INBOX).content.decode()
    for address in files_of(row):
        assert curator_client.get(address).status_code == 404


def test_it_wants_the_permission_for_it(
    client: Client, owner_client: Client, other: User, other_client: Client, row: Prediction
) -> None:
    judge(row, "right")
    pages = (INBOX, f"{INBOX}{row.pk}/change/", *files_of(row))
    for page in pages:
        assert client.get(page)["Location"].startswith("/sign-in/"), page
        assert owner_client.get(page)["Location"].startswith("/admin/login/"), page
    other.is_staff = True
    other.save()
    other.user_permissions.add(Permission.objects.get(codename="view_prediction"))
    for page in pages:
        assert other_client.get(page).status_code == 403, page
    other.user_permissions.add(Permission.objects.get(codename="view_correction"))
    for page in pages:
        response = other_client.get(page)
        assert response.status_code == 200, page
        hang_up(response)
        deletion = {"action": "delete_selected", "_selected_action": str(row.pk)}
        other_client.post(page, {**deletion, "post": "yes", "index": "0"})
        assert Prediction.objects.present().count() == 1, page
    for page in (f"{INBOX}add/", f"{INBOX}{row.pk}/delete/"):
        assert other_client.get(page).status_code == 403, page


def test_it_is_filtered_and_searched_by_label(
    owner: User, curator_client: Client, recognizer: Recognizer
) -> None:
    birds = Recognizer.objects.create(name="Birds", slug="birds")
    said = {"verdict": "wrong", "corrected_at": timezone.now()}
    rows_of(owner, recognizer, 1, label="bee", **said, true_label="drone fly")
    rows_of(owner, birds, 1, label="robin", **{**said, "verdict": "right"})

    def labels(**given: str) -> list[bool]:
        page = curator_client.get(INBOX, given).content.decode()
        return [f">{label}<" in page for label in ("bee", "robin")]

    assert labels() == [True, True]
    assert labels(verdict__exact="wrong") == [True, False]
    assert labels(recognizer__id__exact=str(birds.pk)) == [False, True]
    assert labels(q="drone") == [True, False]
    assert labels(q="robi") == [False, True]


def test_a_prediction_is_found_by_its_public_id(
    owner: User, recognizer: Recognizer, curator_client: Client
) -> None:
    row, _ = rows_of(owner, recognizer, 2)
    for text in (str(row.public_id), f" {row.public_id.hex.upper()} "):
        page = curator_client.get("/admin/predictions/prediction/", {"q": text})
        assert [each.pk for each in page.context["cl"].result_list] == [row.pk], text
    page = curator_client.get("/admin/predictions/prediction/", {"q": "bee"})
    assert len(page.context["cl"].result_list) == 2


def test_it_takes_the_same_number_of_queries_however_long_it_is_and_sorts_nothing(
    owner: User, curator_client: Client, recognizer: Recognizer
) -> None:
    said = {"verdict": "wrong", "true_label": "fly", "corrected_at": timezone.now()}
    counts = []
    for number in (2, 80):
        rows_of(owner, recognizer, number, version=version_of(recognizer, number), **said)
        with CaptureQueriesContext(connection) as queries:
            assert curator_client.get(INBOX).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
    [sql] = [q["sql"] for q in queries if "ORDER BY" in q["sql"] and "LIMIT 50" in q["sql"]]
    steps = " / ".join(plan_of(sql))
    assert "prediction_inbox" in steps
    assert "TEMP B-TREE" not in steps
    assert "Sort" not in steps


def test_its_pages_keep_the_policy(curator_client: Client, row: Prediction) -> None:
    judge(row, "wrong", "<b>x</b>")
    for page in (INBOX, f"{INBOX}{row.pk}/change/"):
        response = curator_client.get(page)
        text = response.content.decode()
        assert "script-src 'self' 'unsafe-eval'" in response["Content-Security-Policy"]
        assert "<b>x</b>" not in text
