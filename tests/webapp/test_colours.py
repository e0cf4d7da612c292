"""The stylesheet's colours can be read: contrasts as WCAG 2 computes them, in the light and in the dark."""

import re
from pathlib import Path

import pytest
from django.conf import settings

STYLES = (Path(settings.BASE_DIR) / "static" / "css" / "ocellus.css").read_text()
RULES = re.sub(r"/\*.*?\*/", "", STYLES, flags=re.DOTALL)
TEXT, SHAPE = 4.5, 3.0  # the least contrasts of text, and of what is to be told from its ground
GROUNDS = ("ground", "surface")


def properties(scheme: str) -> dict[str, str]:
    """The colours that are properties, by their names, as #rrggbb."""
    light, dark = re.findall(r":root\s*\{(.*?)\}", RULES, re.DOTALL)[:2]
    texts = [light, dark] if scheme == "dark" else [light]
    found: dict[str, str] = {}
    for text in texts:
        found |= dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{3,6})\b", text))
    return {name: _long(colour) for name, colour in found.items()}


def _long(colour: str) -> str:
    return colour if len(colour) == 7 else "#" + "".join(digit * 2 for digit in colour[1:])


def luminance(colour: str) -> float:
    """Relative luminance, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """1 to 21, https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def text_pairs() -> set[tuple[str, str]]:
    """(colour, ground) of every rule: the ground that it names itself, or else those of the page."""
    pairs = {("text", ground) for ground in GROUNDS}
    for body in re.findall(r"\{([^{}]*)\}", RULES):
        named = dict(
            re.findall(r"(?:^|[;\s])(color|background(?:-color)?):\s*var\(--([\w-]+)\)", body)
        )
        if "color" in named:
            own = named.get("background") or named.get("background-color")
            pairs |= {(named["color"], ground) for ground in ((own,) if own else GROUNDS)}
    return pairs


def test_contrast_is_computed_as_wcag_does() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_on_its_ground(scheme: str) -> None:
    colours = properties(scheme)
    pairs = text_pairs()
    assert len(pairs) > 8
    faint = {
        pair: round(ratio, 2)
        for pair in pairs
        if (ratio := contrast(colours[pair[0]], colours[pair[1]])) < TEXT
    }
    assert faint == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fields_bars_and_the_focus_can_be_told_from_their_ground(scheme: str) -> None:
    colours = properties(scheme)
    for shape, ground in (
        *(("edge", ground) for ground in GROUNDS),
        *(("accent", ground) for ground in GROUNDS),
        ("bar", "bar-ground"),
    ):
        assert contrast(colours[shape], colours[ground]) >= SHAPE, (shape, ground)


def test_dark_has_every_colour_of_light() -> None:
    dark = re.findall(r":root\s*\{(.*?)\}", RULES, re.DOTALL)[1]
    assert set(properties("light")) == set(re.findall(r"--([\w-]+):\s*#", dark))


def test_colours_are_named_in_one_place() -> None:
    """Everywhere else they are properties, so that both schemes have them."""
    elsewhere = re.sub(r":root\s*\{.*?\}", "", RULES, flags=re.DOTALL)
    assert re.findall(r":[^;{}]*(#[0-9a-fA-F]{3,8}|\b(?:rgb|hsl)a?\()", elsewhere) == []


def test_whoever_wants_no_motion_sees_none() -> None:
    assert "@media (prefers-reduced-motion: reduce)" in STYLES
