"""The studio's stylesheets are one: each thing is defined once, closed, and used somewhere."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

from tests.webapp.test_colours import contrast

ROOT = Path(settings.BASE_DIR)
STYLES = ROOT / "static" / "css"
EVERY = sorted(STYLES.rglob("*.css"))
STUDIOS = [path for path in EVERY if path.name != "ocellus.css"]
WHERE_CLASSES_ARE_USED = (("templates", "*.html"), ("static/js", "*.js"), ("webapp", "*.py"))
TEXT, SHAPE = 4.5, 3.0  # the least contrasts of text, and of what is to be told from its ground
GROUNDS = ("surface", "ground", "sunken")
TEXTS_ON_GROUNDS = {
    **dict.fromkeys(("text", "quiet", "link"), GROUNDS),
    "good": ("good-ground", "surface"),
    "warn": ("warn-ground",),
    "bad": ("bad-ground", "surface"),
    "on-main": ("main", "main-over", "danger", "danger-over"),
    "on-tone": ("right", "wrong"),
}
SHAPES_ON_GROUNDS = {"edge": GROUNDS[:2], "focus": GROUNDS[:2]} | dict.fromkeys(
    ("right", "wrong"), ("surface",)
)


def rules_of(text: str) -> str:
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def blocks(css: str, around: str = "") -> Iterator[tuple[str, str, str]]:
    """(what stands around it, selector, declarations) of each rule; `around`: the media it is for."""
    while match := re.match(r"\s*([^{}]+?)\s*\{", css):
        depth, end = 1, match.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(css[end], 0)
            end += 1
        inside, selector = css[match.end() : end - 1], " ".join(match[1].split())
        if selector.startswith("@"):
            yield from blocks(inside, f"{around} {selector}".strip())
        else:
            yield around, selector, inside
        css = css[end:]


def each_of(selectors: str) -> list[str]:
    """Those of a list, which commas part; not those within brackets."""
    parts, depth = [""], 0
    for sign in selectors:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and not depth:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]


@cache
def users() -> str:
    """All text that may name a class."""
    files = [path for folder, end in WHERE_CLASSES_ARE_USED for path in (ROOT / folder).rglob(end)]
    return "\n".join(path.read_text() for path in files)


def is_used(name: str) -> bool:
    """Written out, or made of a beginning and what a template puts behind it."""
    if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", users()):
        return True
    beginnings = re.findall(r"(?<![\w-])([\w-]+--)\{[{%]", users())
    return any(name.startswith(beginning) for beginning in beginnings)


def colours(scheme: str) -> dict[str, str]:
    """The properties that are colours, by their names, as #rrggbb."""
    texts = [
        inside
        for around, selector, inside in blocks(rules_of((STYLES / "studio.css").read_text()))
        if not around and selector in {"light": (":root",), "dark": (":root", "html.dark")}[scheme]
    ]
    found: dict[str, str] = {}
    for text in texts:
        found |= dict(re.findall(r"--([\w-]+):\s*([^;]+);", text))

    def resolved(value: str) -> str:
        while match := re.fullmatch(r"var\(--([\w-]+)\)", value):
            value = found[match[1]]
        return value if len(value) != 4 else "#" + "".join(digit * 2 for digit in value[1:])

    values = {name: resolved(value) for name, value in found.items()}
    return {name: value for name, value in values.items() if value.startswith("#")}


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.name)
def test_every_brace_of_a_stylesheet_is_closed(path: Path) -> None:
    depth = 0
    for number, line in enumerate(rules_of(path.read_text()).splitlines(), start=1):
        for sign in line:
            depth += {"{": 1, "}": -1}.get(sign, 0)
            assert depth >= 0, f"line {number} closes what nothing has opened"
    assert depth == 0, f"{depth} braces are never closed"


def test_each_selector_of_the_studio_stands_once() -> None:
    """What is defined twice looks as the page's last stylesheet says, and nobody knows which that is."""
    defined: Counter[tuple[str, str]] = Counter()
    for path in STUDIOS:
        for around, selectors, _ in blocks(rules_of(path.read_text())):
            defined.update((around, each) for each in each_of(selectors))
    assert [each for each, num in defined.items() if num > 1] == []


def test_every_class_of_the_studios_stylesheets_is_used_on_a_page() -> None:
    styles = "".join(rules_of(path.read_text()) for path in STUDIOS)
    names = set(re.findall(r"\.(studio-[\w-]+)", styles))
    assert len(names) > 50
    assert sorted(name for name in names if not is_used(name)) == []


def test_every_class_of_the_studios_pages_is_in_a_stylesheet() -> None:
    styles = "".join(rules_of(path.read_text()) for path in STUDIOS)
    has_rule = set(re.findall(r"\.([\w-]+)", styles))
    pages = "".join(path.read_text() for path in (ROOT / "templates").rglob("*.html"))
    said = " ".join(re.findall(r'\sclass="((?:\{[{%].*?[%}]\}|[^"{])*)"', pages, flags=re.DOTALL))
    names = set(
        re.findall(r"(?<![\w-])studio-[\w-]+(?![\w-]|\{)", re.sub(r"\{[{%].*?[%}]\}", "\0", said))
    )
    whole = {name for name in names if not name.endswith("--")}
    assert sorted(whole - has_rule) == []


def test_the_studios_colours_are_named_in_one_place() -> None:
    """Everywhere else they are properties, so that both schemes have them; a shadow is black in both."""
    named = [
        (path.name, selector)
        for path in STUDIOS
        for _, selector, inside in blocks(rules_of(path.read_text()))
        if selector not in (":root", "html.dark") and re.search(r"#[0-9a-fA-F]{3,8}\b", inside)
    ]
    assert named == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_studio_can_be_read_in_the_light_and_in_the_dark(scheme: str) -> None:
    known = colours(scheme)
    faint = {
        (one, ground): round(contrast(known[one], known[ground]), 2)
        for pairs, least in ((TEXTS_ON_GROUNDS, TEXT), (SHAPES_ON_GROUNDS, SHAPE))
        for one, grounds in pairs.items()
        for ground in grounds
        if contrast(known[one], known[ground]) < least
    }
    assert faint == {}
