"""The log of a recognizer's promotions: which version answered from when to when, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from webapp.recognizers.models import ModelVersion, Promotion, Recognizer
from webapp.studio.comparing.services import ROLLED_BACK
from webapp.studio.comparing.told import headline

ROWS_A_PAGE = 50


@dataclass(frozen=True)
class Line:
    """A version answered from a moment to another; `until` is None while it does."""

    version: ModelVersion
    since: datetime
    until: datetime | None
    by: str
    is_automatic: bool
    reason: str
    compared: str
    verdict: str


@dataclass(frozen=True)
class LogPage:
    """Some lines, the newest first; `older`: what the next page begins before, None at the end."""

    lines: Sequence[Line]
    older: int | None


def log_page(recognizer: Recognizer, *, before: int | None = None) -> LogPage:
    """The log before a promotion's number, or from now on back. Two queries."""
    promotions = (
        Promotion.objects.filter(recognizer=recognizer)
        .select_related("version__recognizer", "by")
        .defer("version__metrics", "version__class_names")
        .order_by("-id")
    )
    newer = None
    if before is not None:
        newer = (
            promotions.filter(pk__gte=before).order_by("id").values_list("at", flat=True).first()
        )
        promotions = promotions.filter(pk__lt=before)
    rows = list(promotions[: ROWS_A_PAGE + 1])
    lines = []
    until = newer
    for promotion in rows[:ROWS_A_PAGE]:
        lines.append(_line(promotion, until))
        until = promotion.at
    return LogPage(lines, rows[ROWS_A_PAGE - 1].pk if len(rows) > ROWS_A_PAGE else None)


def _line(promotion: Promotion, until: datetime | None) -> Line:
    figures = promotion.figures
    return Line(
        version=promotion.version,
        since=promotion.at,
        until=until,
        by=promotion.by.get_username() if promotion.by else "",
        is_automatic=promotion.is_automatic,
        reason=_(promotion.reason) if promotion.reason == ROLLED_BACK else promotion.reason,
        compared=headline(figures) if "verdict" in figures else "",
        verdict=figures.get("verdict", ""),
    )
