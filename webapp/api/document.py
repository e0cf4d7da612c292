"""The OpenAPI document, at /api/v1/openapi.json: for tools that make clients. It is open to everybody,
since it says what docs/API.md says."""

from typing import Any

from django.utils.translation import gettext_noop
from ninja import NinjaAPI, Schema
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from pydantic import Field

from webapp.problems import API_PREFIX, PROBLEM_JSON, status_of

REFUSED_ANYWHERE = (
    *("key_missing", "key_malformed", "key_unknown", "key_revoked", "key_expired"),
    *("account_inactive", "not_understood", "rate_limited", "failed", "unavailable"),
)


class ProblemShape(Schema):
    """What is answered instead (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str = Field(description=gettext_noop("Stable, for programs"))
    detail: str = Field(description=gettext_noop("What was expected, what came, what to do"))


class DocumentedAPI(NinjaAPI):
    """Ninja's API with the shape of its refusals among those of its answers. The document is made
    once: anybody may ask for it, and making it costs more than most answers do."""

    _document: OpenAPISchema | None = None

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        if self._document is None:
            prefix = path_prefix or f"{API_PREFIX}v{self.version}/"
            document = super().get_openapi_schema(path_prefix=prefix, path_params=path_params)
            document["components"]["schemas"]["ProblemShape"] = ProblemShape.model_json_schema()
            self._document = document
        return self._document

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__


def refuses(*codes: str) -> dict[str, Any]:
    """For an operation's `openapi_extra`: these problems, besides those that any operation has."""
    by_status: dict[int, list[str]] = {}
    for code in (*REFUSED_ANYWHERE, *codes):
        by_status.setdefault(status_of(code), []).append(code)
    return {"responses": {status: _response(by_status[status]) for status in sorted(by_status)}}


def _response(codes: list[str]) -> dict[str, Any]:
    shape = {"$ref": "#/components/schemas/ProblemShape"}
    schema = {"allOf": [shape, {"properties": {"code": {"enum": codes}}}]}
    return {"description": ", ".join(codes), "content": {PROBLEM_JSON: {"schema": schema}}}
