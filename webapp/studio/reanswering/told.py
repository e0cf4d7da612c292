"""What answering the history anew has changed, as its page shows it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from webapp.predictions.models import Prediction
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
    """One picture with another answer than before. `may_be_seen`: by curators who may see any at all."""

    prediction_id: int
    may_be_seen: bool
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
    def hides_any(self) -> bool:
        """Whether some of these pictures are their owners' alone."""
        return not all(picture.may_be_seen for picture in self.pictures)

    @property
    def share(self) -> str:
        return percent(self.num_changed / self.num) if self.num else "–"


def changed_by(job: Job, *, seen: QuerySet[Prediction], after: int = 0) -> Changed:
    """What a job has changed so far, its pictures from behind a second answer on; those among `seen` may
    be looked at. Four queries."""
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
    of_these = seen.filter(pk__in=[row.prediction_id for row in rows]).order_by()
    seen_ids = set(of_these.values_list("pk", flat=True))
    return Changed(
        num=totals["num"],
        num_changed=totals["num_changed"],
        changes=[
            Change(_said(before, was_outlier), _said(now, is_outlier), num)
            for before, was_outlier, now, is_outlier, num in kinds[:MAX_CHANGES]
        ],
        num_kinds=len(kinds),
        pictures=[_picture(row, seen_ids) for row in rows[:PICTURES_A_PAGE]],
        next_page=rows[PICTURES_A_PAGE - 1].pk if len(rows) > PICTURES_A_PAGE else None,
    )


def _picture(row: SecondAnswer, seen_ids: Collection[int]) -> ChangedPicture:
    return ChangedPicture(
        prediction_id=row.prediction_id,
        may_be_seen=row.prediction_id in seen_ids,
        before=_said(row.prediction.label, row.prediction.is_outlier),
        now=_said(row.label, row.is_outlier),
        confidence=percent(row.confidence),
    )


def _said(label: str, is_outlier: bool) -> str:
    if is_outlier:
        return _("None of these; closest: %(label)s") % {"label": label}
    return label
