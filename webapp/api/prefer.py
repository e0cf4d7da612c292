"""The `Prefer` header (RFC 7240): how long a program would rather wait than ask again."""

import re

MAX_WAIT_SECONDS = 30
# One preference: a name, perhaps a value (a token or in quotes), perhaps parameters that are ignored.
# Possessive: what was matched is not tried in all other ways, which a hostile header would make many.
_PREFERENCE = re.compile(
    r'\s*+([!#$%&\'*+.^_`|~\w-]++)\s*+(?:=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^\s;,"]*+)))?+\s*+'
    r'(?:;(?:"(?:[^"\\]|\\.)*+"|[^",])*+)?+(?:,|$)',
    re.ASCII,
)


def preferred_wait(header: str) -> int | None:
    """Whole seconds that were asked for, at most MAX_WAIT_SECONDS; None for none.

    The first `wait` counts; what cannot be understood is ignored, as the RFC has it.
    """
    position = 0
    while position < len(header) and (match := _PREFERENCE.match(header, position)):
        name, quoted, token = match.groups()
        if name.lower() == "wait":
            value = quoted if quoted is not None else (token or "")
            if not re.fullmatch("[0-9]{1,9}", value):
                return None
            return min(int(value), MAX_WAIT_SECONDS)
        position = match.end()
    return None
