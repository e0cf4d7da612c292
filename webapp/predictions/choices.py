"""Which recognizers a visitor may choose from, and what each of them knows."""

from dataclasses import dataclass

from webapp.predictions.models import Prediction
from webapp.predictions.others import was_asked
from webapp.recognizers.models import ModelVersion, Person, Recognizer

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
    live = ModelVersion.objects.filter(
        state=ModelVersion.State.LIVE,
        recognizer__in=Recognizer.objects.active().open_to(person).order_by(),
    )
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
