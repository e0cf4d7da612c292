"""The API's page for people: what the OpenAPI document says, in our own page without any script."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from webapp.api.api import api
from webapp.api.curl import AUTHORIZATION, curl_line
from webapp.api.document import REFUSED_ANYWHERE
from webapp.api.limits import WINDOW_SECONDS
from webapp.problems import PROBLEM_JSON, sentence_of, status_of

Schema = Mapping[str, Any]

# What a line for a shell has in the place of what somebody would give.
_EXAMPLES = {
    "prefer": "wait=10",
    "pictures": "@photo.jpg",
    "verdict": "wrong",
    "url": "https://example.org/ocellus",
}


@dataclass(frozen=True)
class Named:
    """A parameter, or a field of a form or a shape. `kind` as programs write types; `shape`: that of
    the page's shapes which it is or lists, if any."""

    name: str
    kind: str
    shape: str
    is_required: bool
    description: str


@dataclass(frozen=True)
class Answer:
    status: int
    phrase: str
    content_type: str
    shape: str


@dataclass(frozen=True)
class Refusal:
    status: int
    code: str
    sentence: str

    @classmethod
    def of(cls, code: str) -> "Refusal":
        return cls(status_of(code), code, sentence_of(code))


@dataclass(frozen=True)
class Shape:
    name: str
    fields: list[Named]


@dataclass(frozen=True)
class Operation:
    """One call. `refusals`: besides those that any call may meet."""

    name: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[tuple[str, Named]]  # with where each stands: path, query, header
    fields: list[Named]
    is_json: bool  # else the fields are those of a form
    answers: list[Answer]
    refusals: list[Refusal]
    curl: str


@login_not_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Open to everybody, as the document is."""
    document = api.get_openapi_schema()
    host = request.build_absolute_uri("/").rstrip("/")
    context = {
        "operations": list(operations(document, host)),
        "shapes": list(_shapes(document)),
        "refusals": [Refusal.of(code) for code in REFUSED_ANYWHERE],
        "host": host,
        "authorization": AUTHORIZATION,
        "problem_json": PROBLEM_JSON,
        "per_key": settings.API_CALLS_PER_KEY,
        "per_address": settings.API_CALLS_PER_ADDRESS,
        "window": WINDOW_SECONDS,
        "max_files": settings.MAX_FILES_PER_UPLOAD,
        "max_megabytes": settings.MAX_UPLOAD_BYTES // 1_048_576,
    }
    return render(request, "api/docs.html", context)


def operations(document: Schema, host: str) -> Iterator[Operation]:
    """Every operation of a document, in the reader's language; lines for a shell go to `host`."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parameters = [
                (parameter["in"], _named(document, parameter["name"], parameter))
                for parameter in operation["parameters"]
            ]
            is_json, body = _body(document, operation)
            fields = _fields(document, body)
            yield Operation(
                name=operation["operationId"],
                method=method.upper(),
                path=path,
                summary=gettext(operation["summary"]),
                description=gettext(operation["description"]),
                parameters=parameters,
                fields=fields,
                is_json=is_json,
                answers=list(_answers(document, operation)),
                refusals=list(_refusals(operation)),
                curl=_curl(host, method.upper(), path, parameters, fields, is_json=is_json),
            )


def _curl(
    host: str,
    method: str,
    path: str,
    parameters: list[tuple[str, Named]],
    fields: list[Named],
    *,
    is_json: bool,
) -> str:
    address = re.sub(r"{(\w+)}", lambda match: match[1].upper(), path)
    names = {
        place: [each.name for at, each in parameters if at == place] for place, _ in parameters
    }
    examples = {each.name: _EXAMPLES.get(each.name, each.name.upper()) for each in fields}
    return curl_line(
        f"{host}{address}",
        method=method,
        headers={n.title(): _EXAMPLES[n] for n in names.get("header", []) if n in _EXAMPLES},
        fields={} if is_json else examples,
        body=json.dumps(examples) if is_json else "",
        output=path.rsplit("/", 1)[-1] if "." in path else "",
    )


def _answers(document: Schema, operation: Schema) -> Iterator[Answer]:
    for status, response in operation["responses"].items():
        phrase = HTTPStatus(int(status)).phrase
        if "content" not in response:
            yield Answer(int(status), phrase, "", "")
        for content_type, content in response.get("content", {}).items():
            if content_type != PROBLEM_JSON:
                shape = _shape(document, content.get("schema", {}))
                yield Answer(int(status), phrase, content_type, shape)


def _refusals(operation: Schema) -> Iterator[Refusal]:
    for response in operation["responses"].values():
        content = response.get("content", {}).get(PROBLEM_JSON)
        for code in content["schema"]["allOf"][1]["properties"]["code"]["enum"] if content else ():
            if code not in REFUSED_ANYWHERE:
                yield Refusal.of(code)


def _shapes(document: Schema) -> Iterator[Shape]:
    for name, schema in document["components"]["schemas"].items():
        if "properties" in schema:
            yield Shape(name, _fields(document, schema))


def _body(document: Schema, operation: Schema) -> tuple[bool, Schema]:
    """Whether a body is JSON, not a form, and its schema; an empty one for none."""
    content = operation.get("requestBody", {}).get("content", {})
    for content_type, body in content.items():
        return content_type == "application/json", _resolved(document, body["schema"])
    return False, {}


def _fields(document: Schema, schema: Schema) -> list[Named]:
    required = schema.get("required", ())
    return [
        _named(document, name, {"schema": field, "required": name in required})
        for name, field in schema.get("properties", {}).items()
    ]


def _named(document: Schema, name: str, parameter: Schema) -> Named:
    schema = parameter["schema"]
    return Named(
        name=name,
        kind=_kind(document, schema),
        shape=_shape(document, schema),
        is_required=parameter["required"],
        description=gettext(schema.get("description", "")),
    )


def _kind(document: Schema, schema: Schema) -> str:
    """A schema as programs write types: `string | null`, `Likely[]`."""
    resolved = _resolved(document, schema)
    if "enum" in resolved:
        return " | ".join(json.dumps(value) for value in resolved["enum"])
    if "$ref" in schema:
        return _name(schema)
    for word, sign in (("anyOf", " | "), ("allOf", " & ")):
        if word in schema:
            return sign.join(_kind(document, each) for each in schema[word])
    kind = schema.get("type", "object")
    if kind == "array":
        return f"{_kind(document, schema['items'])}[]"
    return f"{kind} ({schema['format']})" if "format" in schema else str(kind)


def _shape(document: Schema, schema: Schema) -> str:
    """The name of the shape that a schema is, or lists, or may be; empty for none."""
    for each in (schema, schema.get("items", {}), *schema.get("anyOf", ())):
        if "$ref" in each and "properties" in _resolved(document, each):
            return _name(each)
    return ""


def _resolved(document: Schema, schema: Schema) -> Schema:
    found: Schema = document["components"]["schemas"][_name(schema)] if "$ref" in schema else schema
    return found


def _name(schema: Schema) -> str:
    return str(schema["$ref"]).rsplit("/", 1)[-1]
