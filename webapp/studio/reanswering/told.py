"""What answering the history anew has changed, as its page shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from webapp.recognizers.templatetags.shares import percent
from webapp.studio.models import Job, SecondAnswer

MAX_CHANGES = 100
PICTURES_A_PAGE = 48


@dataclass(frozen=True)
class Change:
    """From which answer to which, and how many pictures."""

    before: str
    now: str
    num: int


@dataclass(frozen=True)
class ChangedPicture:
    """One picture with another answer than before."""

    prediction_id: int
    before: str
    now: str
    confidence: str


@dataclass(frozen=True)
class Changed:
    """All of a job. `num_kinds`: how many different changes there are, the first of which are `changes`;
    `next_page`: behind which second answer it begins, None at the end."""

    num: int
    num_changed: int
    changes: Sequence[Change]
    num_kinds: int
    pictures: Sequence[ChangedPicture]
    next_page: int | None

    @property
    def share(self) -> str:
        return percent(self.num_changed / self.num) if self.num else "–"


def changed_by(job: Job, *, after: int = 0) -> Changed:
    """What a job has changed so far, its pictures from behind a second answer on. Three queries."""
    present = SecondAnswer.objects.filter(job=job, prediction__deleted_at=None)
    totals = present.aggregate(num=Count("pk"), num_changed=Count("pk", Q(is_changed=True)))
    changed = present.filter(is_changed=True)
    groups = (
        changed.values_list("prediction__label", "prediction__is_outlier", "label", "is_outlier")
        .annotate(num=Count("pk"))
        .order_by("-num", "prediction__label", "label")
    )
    kinds = list(groups)
    rows = list(
        changed.filter(pk__gt=after)
        .select_related("prediction")
        .only("label", "confidence", "is_outlier", "prediction__label", "prediction__is_outlier")
        .order_by("pk")[: PICTURES_A_PAGE + 1]
    )
    return Changed(
        num=totals["num"],
        num_changed=totals["num_changed"],
        changes=[
            Change(_said(before, was_outlier), _said(now, is_outlier), num)
            for before, was_outlier, now, is_outlier, num in kinds[:MAX_CHANGES]
        ],
        num_kinds=len(kinds),
        pictures=[_picture(row) for row in rows[:PICTURES_A_PAGE]],
        next_page=rows[PICTURES_A_PAGE - 1].pk if len(rows) > PICTURES_A_PAGE else None,
    )


def _picture(row: SecondAnswer) -> ChangedPicture:
    return ChangedPicture(
        prediction_id=row.prediction_id,
        before=_said(row.prediction.label, row.prediction.is_outlier),
        now=_said(row.label, row.is_outlier),
        confidence=percent(row.confidence),
    )


def _said(label: str, is_outlier: bool) -> str:
    if is_outlier:
        return _("None of these; closest: %(label)s") % {"label": label}
    return label
