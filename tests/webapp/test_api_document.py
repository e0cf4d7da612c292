"""The OpenAPI document says what is answered."""

from django.test import Client

from tests.webapp.programs import (
    answer_rows,
    document,
    documented_operation,
    resolved,
    send,
    shape_of,
)
from webapp.recognizers.models import ModelVersion


def test_the_document_tells_what_is_answered(api: Client, live_version: ModelVersion) -> None:
    """What is refused, `assert_problem` compares with it wherever it looks at a refusal."""
    uploaded = send(api, "red")
    operation = documented_operation(uploaded)
    assert operation
    upload_shape = shape_of(operation["responses"]["202"], "application/json")
    assert set(uploaded.json()) == set(upload_shape["properties"])
    answer_rows(live_version)
    read = api.get(uploaded["Location"])
    operation = documented_operation(read)
    assert operation
    shape = shape_of(operation["responses"]["200"], "application/json")
    assert shape == resolved(upload_shape["properties"]["predictions"]["items"])
    assert set(read.json()) == set(shape["properties"]) == set(shape["required"])
    assert read.json()["state"] in resolved(shape["properties"]["state"])["enum"]
    picture = documented_operation(api.get(read.json()["picture"]))
    assert picture
    assert list(picture["responses"]["200"]["content"]) == ["image/jpeg"]
    assert document()["components"]["securitySchemes"]["ApiKeyAuth"]["scheme"] == "bearer"


def test_every_operation_is_told_in_a_line_and_in_sentences() -> None:
    for methods in document()["paths"].values():
        for operation in methods.values():
            made_up = operation["operationId"].replace("_", " ").title()
            assert operation["summary"] not in {"", made_up}, operation["operationId"]
            assert operation["description"].endswith("."), operation["operationId"]
