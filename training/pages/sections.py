"""The sections of the report, in the order in which a curator asks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from training.pages.origin import (
    choice_section,
    curves_section,
    exports_section,
    learned_section,
    precision_section,
    settings_section,
)
from training.pages.quality import (
    calibration_section,
    classes_section,
    confusion_section,
    figures_section,
    mistakes_section,
    outlier_section,
)

Section = Mapping[str, Any]

# Anchor (and template), title, and who fills it.
SECTIONS: Sequence[tuple[str, str, Callable[[Mapping[str, Any]], Section | None]]] = (
    ("figures", "Figures", figures_section),
    ("mistakes", "Worst mistakes", mistakes_section),
    ("classes", "Class by class", classes_section),
    ("confusion", "What is taken for what", confusion_section),
    ("calibration", "Is it as sure as it is right?", calibration_section),
    ("outliers", "None of these", outlier_section),
    ("choice", "Which model was kept", choice_section),
    ("curves", "Learning", curves_section),
    ("learned", "What it learned from", learned_section),
    ("precision", "What it computes in", precision_section),
    ("exports", "Exports", exports_section),
    ("settings", "How it was made", settings_section),
)
