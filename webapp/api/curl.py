"""Calls of the API as lines for a shell. The key is left to its environment: `$KEY`."""

import shlex
from collections.abc import Mapping

AUTHORIZATION = "Authorization: Bearer $KEY"


def curl_line(
    url: str,
    *,
    method: str = "GET",
    has_key: bool = True,
    headers: Mapping[str, str] | None = None,
    fields: Mapping[str, str] | None = None,
    body: str = "",
    output: str = "",
) -> str:
    """`fields`: of a multipart form, a file as `@name`. `body`: JSON, instead of a form. `output`: where what comes is kept."""
    words = ["curl"]
    if method != ("POST" if fields or body else "GET"):
        words += ["-X", method]
    if has_key:
        words += ["-H", f'"{AUTHORIZATION}"']  # in quotes that let the shell fill in the key
    for name, value in (headers or {}).items():
        words += ["-H", f'"{name}: {value}"']
    for name, value in (fields or {}).items():
        words += ["-F", shlex.quote(f"{name}={value}")]
    if body:
        words += ["-H", '"Content-Type: application/json"', "-d", shlex.quote(body)]
    if output:
        words += ["-o", shlex.quote(output)]
    return " ".join([*words, shlex.quote(url)])
