"""The OpenAPI document, tried on what answers: schemathesis makes calls of it, good ones and bad."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from webapp.accounts.models import User
from webapp.accounts.services import api_key_create
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion
from webapp.wsgi import application

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Known:
    """What is really there."""

    key: str
    prediction_id: uuid.UUID


@pytest.fixture
def known(
    owner: User, live_version: ModelVersion, upload_of: Callable[..., list[Prediction]]
) -> Known:
    [row] = upload_of("red")
    answer_all_queued()
    _, key = api_key_create(owner=owner, name="a test's")
    return Known(key, row.public_id)


schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)
a_few = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@schema.parametrize()
@a_few
def test_every_call_is_answered_as_the_document_says(case: Any, known: Known) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {known.key}"})


@schema.include(path_regex="{prediction_id}").parametrize()
@a_few
def test_so_is_every_call_for_what_is_there(case: Any, known: Known) -> None:
    case.path_parameters["prediction_id"] = str(known.prediction_id)
    case.call_and_validate(headers={"Authorization": f"Bearer {known.key}"})
