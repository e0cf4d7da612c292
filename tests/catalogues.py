"""What the code asks the catalogues for, and what is in them; without GNU gettext, so that the tests
need nothing installed. `make messages` writes the catalogues with it."""

import ast
import gettext
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(settings.BASE_DIR)
CHINESE = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"

# The functions that mark a text, with the place of its context, of itself and of its plural.
_MARKS: dict[str, tuple[int | None, int, int | None]] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), (None, 0, None)),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (None, 0, 1)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), (0, 1, None)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), (0, 1, 2)),
}
_TEXT = r"""u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_CALL = re.compile(rf"\b({'|'.join(_MARKS)})\({_TEXT}(?:,\s*{_TEXT})?(?:,\s*{_TEXT})?")


@dataclass(frozen=True)
class Message:
    context: str
    text: str
    plural: str = ""


@dataclass(frozen=True)
class Entry:
    """A message of a catalogue. `translations`: one, or one for each form of the plural."""

    message: Message
    translations: tuple[str, ...]
    is_fuzzy: bool


def python_files() -> list[Path]:
    return sorted(
        path
        for room in ("classifier", "training", "webapp")
        for path in (ROOT / room).rglob("*.py")
    )


def template_files() -> list[Path]:
    folder = ROOT / "templates"
    return sorted(path for path in folder.rglob("*") if path.suffix in (".html", ".txt"))


def messages_in_code() -> dict[Message, str]:
    """Every marked text, with the path of a file where it stands."""
    found: dict[Message, str] = {}
    for path in python_files():
        for message in _in_python(path):
            found.setdefault(message, str(path.relative_to(ROOT)))
    for path in template_files():
        for message in _in_template(path.read_text()):
            found.setdefault(message, str(path.relative_to(ROOT)))
    return found


def _in_python(path: Path) -> Iterator[Message]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and (places := _MARKS.get(name_of(node.func))):
            message = _message(places, [_literal(argument) for argument in node.args])
            if message.text:  # else it looks up what is marked elsewhere
                yield message


def _in_template(text: str) -> Iterator[Message]:
    for match in _CALL.finditer(templatize(text)):
        texts = [ast.literal_eval(each) for each in match.groups()[1:] if each]
        yield _message(_MARKS[match[1]], texts)


def _message(places: tuple[int | None, int, int | None], texts: list[str]) -> Message:
    context, text, plural = places
    return Message(
        texts[context] if context is not None else "",
        texts[text],
        texts[plural] if plural is not None else "",
    )


def name_of(function: ast.expr) -> str:
    """The last part of what is called: `gettext` of `translation.gettext(…)`."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _literal(node: ast.expr) -> str:
    """A text; empty for what is none."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def entries_of(path: Path) -> list[Entry]:
    """What a .po file says, without its header."""
    entries = []
    for block in re.split(r"\n{2,}", path.read_text().strip()):
        fields: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            if match := re.fullmatch(r'(?:([a-z_]+(?:\[\d\])?) )?(".*")', line):
                name = match[1] or name
                fields[name] = fields.get(name, "") + ast.literal_eval(match[2])
        if fields.get("msgid"):
            entries.append(
                Entry(
                    Message(
                        fields.get("msgctxt", ""), fields["msgid"], fields.get("msgid_plural", "")
                    ),
                    tuple(fields[each] for each in sorted(fields) if each.startswith("msgstr")),
                    bool(re.search(r"^#,.*\bfuzzy\b", block, re.MULTILINE)),
                )
            )
    return entries


def compiled(path: Path) -> dict[str, str]:
    """What the .mo file beside a .po file says: contexts and texts as gettext joins them, the first
    form of a plural."""
    with path.with_suffix(".mo").open("rb") as file:
        catalogue: dict[object, str] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    texts = {}
    for key, translation in catalogue.items():
        text = key[0] if isinstance(key, tuple) else key
        if text:
            texts[str(text)] = translation
    return texts
