"""The sections of a version's page, in the order in which a curator asks."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from webapp.studio.reports.confusion import confusion_section
from webapp.studio.reports.drawn import calibration_section, curves_section, outlier_section
from webapp.studio.reports.mistakes import mistakes_section
from webapp.studio.reports.origin import (
    choice_section,
    files_section,
    learned_section,
    precision_section,
    settings_section,
)
from webapp.studio.reports.quality import classes_section, figures_section
from webapp.studio.reports.told import Told

logger = logging.getLogger(__name__)

# Anchor (and template), title, and who fills it.
_SECTIONS: Sequence[tuple[str, Promise, Callable[[Told], Mapping[str, Any] | None]]] = (
    ("figures", _("Figures"), figures_section),
    ("confusion", _("What is taken for what"), confusion_section),
    ("mistakes", _("Worst mistakes"), mistakes_section),
    ("classes", _("Class by class"), classes_section),
    ("calibration", _("Is it as sure as it is right?"), calibration_section),
    ("outliers", _("None of these"), outlier_section),
    ("choice", _("Which model was kept"), choice_section),
    ("curves", _("Learning"), curves_section),
    ("learned", _("What it learned from"), learned_section),
    ("precision", _("What it computes in"), precision_section),
    ("files", _("Files to take away"), files_section),
    ("settings", _("How it was made"), settings_section),
)
# What taking apart a file raises that holds something else than a report.
_UNEXPECTED = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    IndexError,
    ArithmeticError,
    RecursionError,
)


@dataclass(frozen=True)
class Section:
    """A part of the page; of one that cannot be read the template says so."""

    anchor: str
    title: str
    template: str
    content: Mapping[str, Any]


def sections_of(told: Told) -> list[Section]:
    """Those that there is something to say about."""
    sections = []
    for anchor, title, fill in _SECTIONS:
        template = f"studio/reports/_{anchor}.html"
        try:
            content = fill(told)
        except _UNEXPECTED as error:
            logger.warning("%s: the part %s cannot be read: %r", told.version, anchor, error)
            template, content = "studio/reports/_unreadable.html", {}
        if content is not None:
            sections.append(Section(anchor, str(title), template, content))
    return sections
