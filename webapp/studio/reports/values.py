"""What a report holds, taken with care: a part that is missing or of another kind is None or empty.

Reports of earlier releases lack fields, and a file may hold anything.
"""

from collections.abc import Mapping
from typing import Any

from training.pages.words import readable

MAX_CHARACTERS = 500
LARGEST = 1e12
Rows = list[Mapping[str, Any]]


def part(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object in it; empty where there is none."""
    value = content.get(name)
    return value if isinstance(value, Mapping) else {}


def rows(content: Mapping[str, Any], name: str, limit: int) -> Rows:
    """The objects of a list in it, so many at most."""
    value = content.get(name)
    if not isinstance(value, list):
        return []
    return [each for each in value[:limit] if isinstance(each, Mapping)]


def number(content: Mapping[str, Any], name: str) -> float | None:
    """A finite number in it."""
    return as_number(content.get(name))


def count(content: Mapping[str, Any], name: str) -> int:
    """A whole number from 0 in it; 0 where there is none."""
    value = content.get(name)
    return value if type(value) is int and 0 < value <= LARGEST else 0


def text(content: Mapping[str, Any], name: str) -> str:
    """A text in it that a page can show; empty where there is none."""
    return as_text(content.get(name))


def texts(content: Mapping[str, Any], name: str, limit: int) -> list[str]:
    """The texts of a list in it, so many at most."""
    value = content.get(name)
    return [as_text(each) for each in value[:limit]] if isinstance(value, list) else []


def as_number(value: Any) -> float | None:
    """None, too, for what is larger than anything that a report says."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -LARGEST <= value <= LARGEST else None


def as_text(value: Any) -> str:
    """Control characters and halves of letters are spelled out; of an endless text the beginning."""
    return str(readable(value[:MAX_CHARACTERS])) if isinstance(value, str) else ""


def clean(value: Any) -> Any:
    """The same with texts that a page can show."""
    if isinstance(value, str):
        return as_text(value)
    if isinstance(value, list):
        return [clean(each) for each in value[:MAX_CHARACTERS]]
    if isinstance(value, Mapping):
        return {as_text(name): clean(each) for name, each in value.items()}
    return value
