"""What the inbox's page shows of a picture, and of those around it."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import cached_property

from training.sources.csv_manifest import LABEL_SEPARATOR
from webapp.predictions.models import Prediction
from webapp.recognizers.models import Recognizer
from webapp.studio.loop.inbox import Queue, may_be_seen, seen_one
from webapp.studio.loop.reviews import proposed_label, said_of, seen_of
from webapp.studio.models import Review

NUM_TOP = 5


@dataclass(frozen=True)
class Item:
    """One picture with what was answered, what its owner says of it and what is decided. `problem`: why
    a decision was refused; `new_class`: what it might have been."""

    prediction: Prediction
    classes: Sequence[str]
    problem: str = ""
    new_class: str = ""

    @cached_property
    def proposed(self) -> str | None:
        return proposed_label(self.prediction)

    @property
    def proposed_words(self) -> str:
        return (self.proposed or "").replace(LABEL_SEPARATOR, ", ")

    @cached_property
    def is_new_class(self) -> bool:
        """Whether accepting makes a class that there is not yet."""
        known = {name.casefold() for name in self.classes}
        parts = self.proposed.split(LABEL_SEPARATOR) if self.proposed else []
        return any(part.casefold() not in known for part in parts)

    @property
    def offered_class(self) -> str:
        """What may be made a new class; empty for nothing."""
        return self.new_class or (self.proposed_words if self.is_new_class else "")

    @property
    def top(self) -> list[dict[str, object]]:
        return list(self.prediction.top[:NUM_TOP])

    @cached_property
    def review(self) -> Review | None:
        return getattr(self.prediction, "review", None)

    @property
    def said(self) -> str:
        return said_of(self.review) if self.review else ""

    @property
    def seen(self) -> str:
        return seen_of(self.prediction)


def item_of(
    recognizer: Recognizer,
    prediction_id: int | None,
    classes: Sequence[str],
    *,
    problem: str = "",
    new_class: str = "",
) -> Item | None:
    """The picture of that number, where a curator may see it."""
    if prediction_id is None:
        return None
    prediction = seen_one(prediction_id)
    if prediction is None or prediction.recognizer_id != recognizer.pk:
        return None
    return Item(prediction, classes, problem, new_class)


def strip_of(recognizer: Recognizer, queue: Queue, prediction_id: int) -> list[Prediction]:
    """Those around it in the queue that may be seen, in their order."""
    ids = queue.strip(prediction_id)
    rows = may_be_seen(recognizer).filter(pk__in=ids).only("pk", "label", "is_outlier")
    known = {row.pk: row for row in rows}
    return [known[pk] for pk in ids if pk in known]
