"""The curator's inbox: which visitors' pictures wait for a decision, and which may be looked at.

A picture is its owner's. A curator sees it while its owner says something of its answer, and no longer.
Answers that nobody has judged are seen only where the operator allows it, and of them only those that
the recognizer is least sure of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from classifier.errors import BundleError
from webapp.accounts.models import User
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.studio.models import Review
from webapp.studio.reports.bundle_files import manifest_in

CORRECTIONS, UNCERTAIN, DECIDED = "corrections", "uncertain", "decided"
QUEUES = {CORRECTIONS: _("Corrections"), UNCERTAIN: _("Least certain"), DECIDED: _("Decided")}
# As many as the strip can lead to; who has decided these gets the next ones.
MAX_QUEUED = 200
STRIP_BEFORE, STRIP_AFTER = 2, 7
# Among so many of a version's newest answers the least certain are looked for: no index knows them.
MAX_LOOKED_AT = 2000
# Below, the words for it are "uncertain" and "a guess".
UNSURE_BELOW = 0.66
# So near to the threshold of "none of these", as a share of it, the answer might have been the other.
NEAR_THRESHOLD = 0.1
NOTHING = Q(pk__in=())


@dataclass(frozen=True)
class Queue:
    """What waits, in the order in which it is decided: the first of it, and how many there are in all."""

    ids: Sequence[int]
    number: int

    def after(self, prediction_id: int) -> int | None:
        """The next one, or the one before where this is the last."""
        if prediction_id not in self.ids:
            return self.ids[0] if self.ids else None
        place = self.ids.index(prediction_id)
        others = [*self.ids[place + 1 : place + 2], *self.ids[max(0, place - 1) : place]]
        return others[0] if others else None

    def beside(self, prediction_id: int, step: int) -> int | None:
        """The one so many steps further; None beyond the ends."""
        if prediction_id not in self.ids:
            return None
        place = self.ids.index(prediction_id) + step
        return self.ids[place] if 0 <= place < len(self.ids) else None

    def strip(self, prediction_id: int) -> Sequence[int]:
        """This one and those around it."""
        place = self.ids.index(prediction_id) if prediction_id in self.ids else 0
        start = max(0, min(place - STRIP_BEFORE, len(self.ids) - STRIP_BEFORE - STRIP_AFTER - 1))
        return self.ids[start : start + STRIP_BEFORE + STRIP_AFTER + 1]


def may_be_seen(recognizer: Recognizer, *, if_unknown: Q = NOTHING) -> QuerySet[Prediction]:
    """A recognizer's predictions whose pictures curators may look at and learn from. `if_unknown`: which
    count as nearly none of the classes where a version's threshold cannot be read."""
    answered = Prediction.objects.present().filter(state=Prediction.State.DONE)
    seen = ~Q(verdict="")
    if settings.CURATORS_SEE_UNCERTAIN:
        for version in recognizer.versions.exclude(state=ModelVersion.State.CANDIDATE):
            seen |= _unsure(version, if_unknown)
    return answered.filter(seen, recognizer=recognizer).exclude(picture_name="")


def seen_one(prediction_id: int) -> Prediction | None:
    """The prediction of that number, where curators may look at its picture."""
    # By the key itself: a number that no key can be is found nowhere, and raises nothing.
    recognizer = Recognizer.objects.filter(predictions__pk=prediction_id).first()
    if recognizer is None:
        return None
    rows = may_be_seen(recognizer).select_related("recognizer", "version", "review__decided_by")
    return rows.filter(pk=prediction_id).first()


def shows_uncertain() -> bool:
    """Whether the operator lets curators see what nobody has judged."""
    return bool(settings.CURATORS_SEE_UNCERTAIN)


def corrections_waiting() -> QuerySet[Prediction]:
    """What owners have said and no curator has decided on, be it in a dataset as what was said before."""
    said = Prediction.objects.present().filter(state=Prediction.State.DONE).exclude(verdict="")
    decided_on = F("review__said_at")
    anew = Q(corrected_at__gt=decided_on) | Q(corrected_at__lt=decided_on)
    return said.exclude(picture_name="").filter(anew | Q(review__said_at=None))


def corrections_counted() -> dict[int, int]:
    """How many wait, by the recognizers that have any."""
    rows = corrections_waiting().order_by().values_list("recognizer").annotate(Count("pk"))
    return dict(rows)


def reviews_to_take(recognizer: Recognizer) -> QuerySet[Review]:
    """Decisions that would become examples now: what their owners have said since then, or taken back,
    or deleted, is not learned from."""
    unjudged = Q(prediction__corrected_at=None, said_at=None)
    stands = unjudged | Q(prediction__corrected_at=F("said_at"))
    rows = Review.objects.filter(stands, taken_at=None, prediction__in=may_be_seen(recognizer))
    return rows.exclude(decision=Review.Decision.DROPPED)


def queue_of(recognizer: Recognizer, name: str) -> Queue:
    """One of the QUEUES of a recognizer."""
    if name == UNCERTAIN:
        ids = _least_certain(recognizer)
        return Queue(ids[:MAX_QUEUED], len(ids))
    if name == DECIDED:
        reviews = Review.objects.filter(taken_at=None, prediction__in=may_be_seen(recognizer))
        reviews = reviews.order_by("-decided_at", "-id")
        return _queue(reviews.values_list("prediction", flat=True))
    rows = corrections_waiting().filter(recognizer=recognizer).order_by("corrected_at", "id")
    return _queue(rows.values_list("pk", flat=True))


def last_decision(recognizer: Recognizer, by: User) -> Review | None:
    """What this curator can undo: their last decision on a picture that may still be seen."""
    seen = may_be_seen(recognizer)
    mine = Review.objects.filter(decided_by=by, taken_at=None, prediction__in=seen)
    return mine.select_related("prediction").order_by("-decided_at", "-id").first()


def _queue(rows: QuerySet[Review, int] | QuerySet[Prediction, int]) -> Queue:
    ids = list(rows[: MAX_QUEUED + 1])
    number = len(ids) if len(ids) <= MAX_QUEUED else rows.order_by().count()
    return Queue(ids[:MAX_QUEUED], number)


def _least_certain(recognizer: Recognizer) -> list[int]:
    """Of the newest answers of the version that answers now, those it is least sure of; nobody has
    judged them, and no curator has decided on them as they are."""
    version = recognizer.live_version()
    if version is None:
        return []
    rows = Prediction.objects.present().filter(version=version, state=Prediction.State.DONE)
    newest = rows.order_by("-id").values_list("pk", flat=True)[:MAX_LOOKED_AT]
    undecided = Q(review=None) | Q(review__said_at__isnull=False)  # a verdict that was taken back
    unsure = rows.filter(_unsure(version), undecided, verdict="").exclude(picture_name="")
    # The least of the newest is a number, for databases that take no slice inside of a condition.
    oldest = min(newest, default=0)
    unsure = unsure.filter(pk__gte=oldest).order_by("confidence", "id")
    return list(unsure.values_list("pk", flat=True))


def _unsure(version: ModelVersion, if_unknown: Q = NOTHING) -> Q:
    """Answers of a version that it is not sure of, or that it nearly took for none of the classes."""
    unsure = Q(confidence__lt=UNSURE_BELOW)
    try:
        threshold = _threshold_in(version.bundle_path, version.bundle_digest)
    except BundleError:
        return Q(unsure | if_unknown, version=version)
    if threshold is not None:
        margin = abs(threshold) * NEAR_THRESHOLD
        unsure |= Q(outlier_score__range=(threshold - margin, threshold + margin))
    return Q(unsure, version=version)


@lru_cache(maxsize=64)  # what raises is not kept: a folder may be back the next time
def _threshold_in(folder: Path, digest: str) -> float | None:
    """From where on a picture is none of the classes; None where the bundle does not say. Raises
    BundleError."""
    threshold = manifest_in(folder, digest).outliers.get("threshold")
    return float(threshold) if isinstance(threshold, int | float) else None
