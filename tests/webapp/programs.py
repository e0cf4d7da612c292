"""What programs send to the API, and what they may expect of its replies."""

import re
from functools import cache
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from tests.pictures import picture_bytes
from webapp.accounts.models import User
from webapp.accounts.services import api_key_create
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion

State = Prediction.State
UPLOAD = "/api/v1/predictions"


def api_client(owner: User, **options: Any) -> Client:
    _, key = api_key_create(owner=owner, name="a test's")
    return Client(headers={"Authorization": f"Bearer {key}"}, **options)


def send(api: Client, *colours: str, why: int = 0, headers: Any = None, **fields: str) -> Any:
    files = [SimpleUploadedFile(f"{colour}.jpg", picture_bytes(colour)) for colour in colours]
    return api.post(f"{UPLOAD}?why={why}", {**fields, "pictures": files}, headers=headers)


def assert_problem(response: Any, status: int, code: str) -> str:
    """A refusal as programs expect it; its sentence."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert (problem["status"], problem["code"], problem["type"]) == (status, code, "about:blank")
    assert problem["title"]
    assert problem["detail"].endswith((".", "?", "USER", ".jpg"))
    if operation := documented_operation(response):
        shape = shape_of(operation["responses"][str(status)], response["Content-Type"])
        assert code in shape["allOf"][1]["properties"]["code"]["enum"]
        assert set(problem) == set(resolved(shape["allOf"][0])["properties"])
    return str(problem["detail"])


@cache
def document() -> dict[str, Any]:
    response = Client().get("/api/v1/openapi.json")
    assert response.status_code == 200
    content: dict[str, Any] = response.json()
    return content


def documented_operation(response: Any) -> dict[str, Any] | None:
    """What the OpenAPI document says of the operation that gave a response."""
    request = response.request
    for path, operations in document()["paths"].items():
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), request["PATH_INFO"]):
            found: dict[str, Any] | None = operations.get(request["REQUEST_METHOD"].lower())
            return found
    return None


def shape_of(response: dict[str, Any], content_type: str) -> dict[str, Any]:
    return resolved(response["content"][content_type]["schema"])


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").removeprefix("#/components/schemas/")
    return document()["components"]["schemas"][name] if name else schema


def answer_rows(version: ModelVersion, **values: Any) -> None:
    """What a worker would write."""
    Prediction.objects.filter(state=State.QUEUED).update(
        state=State.DONE,
        version=version,
        label="red",
        confidence=0.9,
        top=[{"label": "red", "probability": 0.9}, {"label": "blue", "probability": 0.1}],
        answered_at=timezone.now(),
        **values,
    )
