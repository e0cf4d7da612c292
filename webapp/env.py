"""Typed readers of the environment, which refuse what they do not understand.

A secret may also come from a file: `NAME_FILE` holds its path (as container platforms mount them).
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured

Choice = TypeVar("Choice", bound=str)


def text(name: str, default: str = "") -> str:
    """The variable's value without surrounding space; `NAME_FILE` names a file that holds it."""
    value = os.environ.get(name, "").strip()
    file_name = os.environ.get(f"{name}_FILE", "").strip()
    if value and file_name:
        raise ImproperlyConfigured(f"Expected {name} or {name}_FILE, received both. Remove one.")
    if not file_name:
        return value or default
    try:
        return Path(file_name).read_text(encoding="utf-8").strip() or default
    except OSError as error:
        raise ImproperlyConfigured(
            f"Expected {name}_FILE to name a readable file, received {file_name}: {error}."
        ) from error


def integer(name: str, default: int, *, lowest: int, highest: int) -> int:
    value = text(name)
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        number = lowest - 1
    if not lowest <= number <= highest:
        raise ImproperlyConfigured(
            f"Expected {name} to be a whole number from {lowest} to {highest}, received {value!r}."
        )
    return number


def choice(name: str, choices: Sequence[Choice]) -> Choice:
    """One of `choices`, in whatever case it was written; the first where the variable is not set."""
    value = text(name)
    if not value:
        return choices[0]
    for each in choices:
        if value.lower() == each:
            return each
    raise ImproperlyConfigured(
        f"Expected {name} to be one of {', '.join(choices)}, received {value!r}."
    )


def path(name: str, default: Path) -> Path:
    value = text(name)
    return Path(value).expanduser().resolve() if value else default


def names(name: str, default: tuple[str, ...]) -> list[str]:
    """A comma-separated list."""
    value = text(name)
    return [part.strip() for part in value.split(",") if part.strip()] if value else list(default)


def secret_key(file: Path) -> str:
    """Django's secret key: SECRET_KEY, or the file that the first `make run` wrote. No default."""
    key = text("SECRET_KEY")
    if not key and file.is_file():
        key = file.read_text(encoding="utf-8").strip()
    if len(key) < 32:
        raise ImproperlyConfigured(
            f"Expected a secret key of at least 32 characters in SECRET_KEY or in {file}, received "
            f"{len(key)} characters. `make run` writes one on its first start."
        )
    return key


def redis_url(socket: Path) -> str:
    """REDIS_URL, or that of the embedded server, which listens on a socket in the data folder."""
    return text("REDIS_URL") or f"redis+socket://{quote(str(socket))}"
