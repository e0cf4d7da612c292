"""The catalogues hold every text that the code marks, and every text that people read is marked."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogues import (
    CHINESE,
    ROOT,
    Entry,
    compiled,
    entries_of,
    messages_in_code,
    name_of,
    python_files,
)

ENTRIES = entries_of(CHINESE)
PLACEHOLDERS = re.compile(r"%\(\w+\)[a-z]|%%|\{\w*\}")
CHINESE_LETTER = "[\u4e00-\u9fff]"
# The same in both languages.
NAMES = {
    "Ocellus",
    "API",
    "SHA-256",
    "The API · Ocellus",
    "The API",
    "HTTP Accept",
    "ONNX",
    "AUROC",
}


def test_the_catalogue_has_what_the_code_asks_for_and_nothing_else() -> None:
    """One entry may serve both alone and with a plural."""
    in_code = messages_in_code()
    plurals = {(each.message.context, each.message.text): each.message.plural for each in ENTRIES}
    assert len(in_code) > 600
    absent = {
        each.text: path
        for each, path in in_code.items()
        if (plural := plurals.get((each.context, each.text))) is None
        or (each.plural and each.plural != plural)
    }
    assert absent == {}, "make messages, then translate them"
    unused = plurals.keys() - {(each.context, each.text) for each in in_code}
    assert unused == set(), "make messages"


@pytest.mark.parametrize("room", ["classifier", "training"])
def test_sentences_of_the_rooms_without_django_are_in_the_catalogue(room: str) -> None:
    texts = {entry.message.text for entry in ENTRIES}
    in_room = {each.text for each, path in messages_in_code().items() if path.startswith(room)}
    assert in_room
    assert in_room <= texts


def test_everything_is_translated_and_nothing_is_a_guess() -> None:
    assert [e.message.text for e in ENTRIES if e.is_fuzzy] == []
    assert [e.message.text for e in ENTRIES if not all(e.translations)] == []
    assert "#~" not in CHINESE.read_text()
    untouched = {
        e.message.text
        for e in ENTRIES
        if re.search("[A-Za-z]{3}", PLACEHOLDERS.sub("", e.message.text))
        and not re.search(CHINESE_LETTER, e.translations[0])
    }
    assert untouched == NAMES


def test_a_plural_has_chineses_one_form() -> None:
    assert "Plural-Forms: nplurals=1; plural=0;" in CHINESE.read_text()
    assert {len(entry.translations) for entry in ENTRIES} == {1}
    assert sum(bool(entry.message.plural) for entry in ENTRIES) > 5


def _placeholders(text: str, entry: Entry) -> Counter[str]:
    found = Counter(PLACEHOLDERS.findall(text))
    if "%(" not in entry.message.text:
        found.pop("%%", None)
    return found


def test_a_translation_has_the_same_places_for_figures() -> None:
    for entry in ENTRIES:
        english = _placeholders(entry.message.plural or entry.message.text, entry)
        assert _placeholders(entry.translations[0], entry) == english, entry
        assert entry.message.text.endswith("\n") == entry.translations[0].endswith("\n"), entry


def test_chinese_has_its_own_punctuation() -> None:
    for entry in ENTRIES:
        text = entry.translations[0]
        assert not re.search(f"{CHINESE_LETTER}[,;:?!]", text), text
        assert not re.search(f"{CHINESE_LETTER} {CHINESE_LETTER}", text), text
        assert not re.search(f"{CHINESE_LETTER} [\uff0c\u3002\uff1b]", text), text


def test_what_is_compiled_is_what_is_written() -> None:
    written = {
        f"{e.message.context}\x04{e.message.text}" if e.message.context else e.message.text: t
        for e in ENTRIES
        for t in e.translations
    }
    assert compiled(CHINESE) == written, "make messages"


# Where a text that people read is an argument: of these calls, and under these names.
SAYING = {"ValidationError", "success", "info", "warning", "refusal", "_refused"}
NAMED = {"label", "help_text", "verbose_name", "verbose_name_plural", "short_description"}
NAMED |= {"description", "summary", "empty_label", "placeholder"}


def is_prose(node: ast.expr) -> bool:
    """Whether this is a text in letters; a format for figures or a link is none."""
    if isinstance(node, ast.JoinedStr):
        return any(is_prose(each) for each in node.values)
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        return False
    return bool(re.search(r"[A-Za-z]{2,}", re.sub(r"<[^>]*>|\{\w*\}", "", node.value)))


@pytest.mark.parametrize(
    "path",
    [path for path in python_files() if path.is_relative_to(ROOT / "webapp")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_every_text_in_python_that_people_read_goes_through_the_catalogues(path: Path) -> None:
    if "migrations" in path.parts:
        return
    plain = []
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        said = list(node.args) if name_of(node.func) in SAYING and not _is_logger(node) else []
        said += [keyword.value for keyword in node.keywords if keyword.arg in NAMED]
        plain += [f"line {each.lineno}" for each in said if is_prose(each)]
    assert plain == []


@pytest.mark.parametrize(
    "path",
    [path for path in python_files() if path.is_relative_to(ROOT / "webapp")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_nothing_is_translated_before_it_is_known_who_reads(path: Path) -> None:
    """What is said when a module is read must be lazy: it would be English for everybody."""
    tree = ast.parse(path.read_text())
    at_once = {"gettext", "ngettext", "pgettext", "npgettext"}
    names = {
        each.asname or each.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for each in node.names
        if each.name in at_once
    }
    calls = [node for node in _read_with_the_module(tree) if isinstance(node, ast.Call)]
    assert [f"line {each.lineno}" for each in calls if name_of(each.func) in names] == []


def _read_with_the_module(node: ast.AST) -> Iterator[ast.AST]:
    """Everything below a node but what is in functions; their decorators and defaults are not in them."""
    for each in ast.iter_child_nodes(node):
        yield each
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            for outside in [*each.decorator_list, each.args]:
                yield from ast.walk(outside)
        elif not isinstance(each, ast.Lambda):
            yield from _read_with_the_module(each)


def _is_logger(call: ast.Call) -> bool:
    """A log is the operator's, in English."""
    function = call.func
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id in ("logger", "log", "logging", "metrics")
    )
