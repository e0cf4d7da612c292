"""Which recognizers a visitor may choose from, and what each of them knows."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q

from webapp.accounts.models import User
from webapp.predictions.models import Prediction
from webapp.predictions.others import was_asked
from webapp.recognizers.models import (
    ModelVersion,
    Person,
    Recognizer,
    RecognizerQuerySet,
    live_versions,
)

NUM_SHOWN_CLASSES = 30
NUM_LOOKED_AT = 50


@dataclass(frozen=True)
class Choice:
    """A recognizer that can answer, and the first of its classes."""

    recognizer: Recognizer
    num_classes: int
    classes: list[str]

    @property
    def num_more(self) -> int:
        return self.num_classes - len(self.classes)


def choices(person: Person) -> list[Choice]:
    """Those that this person may ask, in the order of the form's list."""
    live = live_versions(Recognizer.objects.active().open_to(person))
    live = live.select_related("recognizer").only("class_names", "recognizer")
    return [
        Choice(
            version.recognizer, len(version.class_names), version.class_names[:NUM_SHOWN_CLASSES]
        )
        for version in live.order_by("recognizer__name")
    ]


def newest_choice(owner_id: int | None) -> int | None:
    """The recognizer that somebody chose last for an upload; None for who has chosen none."""
    if owner_id is None:
        return None
    rows = Prediction.objects.present().filter(owner_id=owner_id)
    newest = rows.order_by("-created_at", "-id")
    found = newest.only("recognizer_id", "upload", "content_sha256", "public_id")[:NUM_LOOKED_AT]
    return next((row.recognizer_id for row in found if not was_asked(row)), None)


def known_to(owner: User) -> RecognizerQuerySet:
    """What is open to them, and what is not any more but has answered them."""
    asked = Prediction.objects.present().filter(owner=owner, recognizer=OuterRef("pk")).order_by()
    open_now = Recognizer.objects.active().open_to(owner).order_by().values("pk")
    return Recognizer.objects.filter(Q(pk__in=open_now) | Exists(asked))


def answering_versions(recognizers: RecognizerQuerySet) -> Any:
    """Slug, number, key and recognizer's name of each version of theirs that may have answered."""
    return (
        ModelVersion.objects.filter(recognizer__in=recognizers.order_by())
        .exclude(state=ModelVersion.State.CANDIDATE)
        .order_by("recognizer__name", "-number")
        .values_list("recognizer__slug", "number", "pk", "recognizer__name")
    )
