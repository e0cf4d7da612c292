"""A page's pictures and classes, with all that is said of them made ready: a template that works it out
for sixty pictures and hundreds of classes takes longer than the database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from webapp.studio.datasets.browsing import MOVED, Filters
from webapp.studio.datasets.examples import mark_of
from webapp.studio.models import Example


@dataclass(frozen=True, slots=True)
class Tile:
    """`picked`: its number and the state in which it is shown, for the form. `below`: the address that
    its own begin with. `notes`: what became of it, in sentences. `is_visitors`: a copy of a visitor's
    picture, which not every curator may see."""

    picked: str
    below: str
    label: str
    notes: list[str]
    path: str
    file_name: str
    alternative: str
    is_visitors: bool


@dataclass(frozen=True, slots=True)
class ClassLink:
    """`number`: of its pictures; None where that is not known."""

    address: str
    name: str
    number: int | None
    is_current: bool


def tiles_of(examples: Iterable[Example], filters: Filters, *, below: str) -> list[Tile]:
    """`below`: the address that those of the dataset's pictures begin with."""
    alternative, was = _("%(label)s: %(name)s"), _("was: %(label)s")
    none, was_none = _("none of the classes"), _("was: none of the classes")
    left_out = _("Left out: %(why)s")
    tiles = []
    for each in examples:
        notes = []
        if each.label != each.given_label:
            notes.append(was % {"label": each.given_label} if each.given_label else was_none)
        if each.excluded and filters.show == MOVED:
            notes.append(left_out % {"why": each.get_excluded_display()})
        name = each.path.rpartition("/")[2]
        tiles.append(
            Tile(
                picked=f"{each.pk}-{mark_of(each)}",
                below=f"{below}{each.pk}/",
                label=each.label or none,
                notes=notes,
                path=each.path,
                file_name=name,
                alternative=alternative % {"label": each.label or "–", "name": name},
                is_visitors=each.prediction_id is not None,
            )
        )
    return tiles


def class_links(classes: Mapping[str, int], filters: Filters, *, limit: int) -> list[ClassLink]:
    """The first of these classes, each of which leads to its pictures, shown as these are."""
    shown = {"show": filters.show} if filters.show else {}
    none, knows_numbers = _("none of the classes"), filters.show != MOVED
    return [
        ClassLink(
            address=urlencode({**shown, "class": name}),
            name=name or none,
            number=number if knows_numbers else None,
            is_current=filters.label == name,
        )
        for name, number in list(classes.items())[:limit]
    ]
