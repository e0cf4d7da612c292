"""Many rows in one statement, each with values of its own, of every type that an answer has."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from django.test.utils import CaptureQueriesContext

from webapp.database import update_each
from webapp.predictions.claims import RECORDED_FIELDS
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion

Upload = Callable[..., list[Prediction]]


def test_each_row_gets_its_own_values(live_version: ModelVersion, upload_of: Upload) -> None:
    rows = upload_of("red", "green", "blue")
    answered_at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    for i, row in enumerate(rows):
        row.label, row.confidence, row.is_outlier = f"label '{i}' %s", i / 3, i == 1
        row.top = [{"label": 'a "quoted" ü', "probability": i / 7}]
        row.why = {"maps": "AAAA", "nearest": [[i, 0.5]]}
        row.version = live_version if i else None
        row.answered_at = answered_at if i else None
        row.outlier_score = None
    assert update_each(rows, RECORDED_FIELDS, where={"state": "queued"}) == 3
    for row in rows:
        kept = Prediction.objects.get(pk=row.pk)
        for name in RECORDED_FIELDS:
            assert getattr(kept, name) == getattr(row, name), name


def test_rows_that_do_not_fit_the_condition_are_left_alone(upload_of: Upload) -> None:
    first, second = upload_of("red", "green")
    claim = uuid.uuid4()
    Prediction.objects.filter(pk=first.pk).update(claim=claim)
    first.label = second.label = "written"
    assert update_each([first, second], ["label"], where={"claim": claim}) == 1
    assert Prediction.objects.get(pk=first.pk).label == "written"
    assert Prediction.objects.get(pk=second.pk).label == ""


def test_a_batch_is_one_statement(
    upload_of: Upload, django_assert_num_queries: Callable[[int], CaptureQueriesContext]
) -> None:
    rows = upload_of(*["red"] * 20)
    with django_assert_num_queries(1):
        assert update_each(rows, RECORDED_FIELDS, where={"state": "queued"}) == 20


def test_no_rows_are_no_statement(
    db: None, django_assert_num_queries: Callable[[int], CaptureQueriesContext]
) -> None:
    with django_assert_num_queries(0):
        assert update_each([], ["label"], where={}) == 0
