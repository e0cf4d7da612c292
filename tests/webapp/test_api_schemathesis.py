"""The OpenAPI document, tried on what answers: schemathesis makes calls of it, good ones and bad."""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, assume, settings
from schemathesis.specs.openapi.checks import negative_data_rejection

from webapp.accounts.models import User
from webapp.accounts.services import api_key_create
from webapp.outside import MAX_ADDRESS_CHARACTERS
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion
from webapp.wsgi import application

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _kept_open() -> Iterator[None]:
    """The connection, whose transaction is the test's, stays open after a call, as Django's own client
    for tests sees to."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


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


config = schemathesis.Config.from_dict(
    {
        # Parameters that are not known are passed over; the key is a real one.
        "generation": {"allow-extra-parameters": False, "with-security-parameters": False},
        # It does not take a 413, for more files than allowed, for a refusal by itself.
        "checks": {
            "negative_data_rejection": {
                "expected-statuses": [400, 401, 403, 404, 405, 411, 413, 422],
            }
        },
    }
)
schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application, config=config)
a_few = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@schema.parametrize()
@a_few
def test_every_call_is_answered_as_the_document_says(case: Any, known: Known) -> None:
    ask_who_is_there(case)
    case.call_and_validate(headers={"Authorization": f"Bearer {known.key}"})


@schema.include(path_regex="prediction_id|slug").parametrize()
@a_few
def test_so_is_every_call_for_what_is_there(case: Any, known: Known) -> None:
    names = case.path_parameters
    if "prediction_id" in names:
        names["prediction_id"] = str(known.prediction_id)
    else:
        names["slug"] = "colours"
    # What was wrong with the address no longer is.
    case.call_and_validate(
        headers={"Authorization": f"Bearer {known.key}"}, excluded_checks=[negative_data_rejection]
    )


def ask_who_is_there(case: Any) -> None:
    """Which recognizers answer is no matter of the document, nor what an address is. In a form there is text alone: what
    another type would be there, nobody could tell from it. And the client that schemathesis calls
    with leaves an empty file out, which test_upload sends."""
    ask_what_can_be_meant(case.query or {})
    form = case.body if isinstance(case.body, dict) else {}
    pictures = form.get("pictures")
    assume(isinstance(form.get("recognizer", ""), str))
    assume(not isinstance(pictures, list) or all(getattr(each, "data", True) for each in pictures))
    if isinstance(form.get("url"), str) and len(form["url"]) <= MAX_ADDRESS_CHARACTERS:
        form["url"] = "https://example.org/hook"
    if form.get("recognizer"):
        form["recognizer"] = "colours"


def ask_what_can_be_meant(query: Any) -> None:
    """Neither are the versions; nor can a document say that a range has its ends the right way round,
    that days are of our time, and that no text has a NUL in it."""
    for name, there in (("recognizer", "colours"), ("version", "colours:1")):
        if name in query:
            query[name] = there
    for low, high in (("min", "max"), ("since", "until")):
        assume(not (low in query and high in query))
    for name in ("since", "until"):
        assume(not re.match("0|1[0-8]|19[0-6]|9", str(query.get(name, ""))))
    assume("\0" not in str([query.get("label"), query.get("q")]))
