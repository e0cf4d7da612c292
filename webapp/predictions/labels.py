"""What a label may be: the classes of the recognizers, for a type-ahead."""

from collections.abc import Iterable

from webapp.predictions.corrections import answered_label, clean_words
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion, Person, Recognizer

# A longer list comes by and by, while somebody writes.
MAX_LISTED = 200
MAX_FOUND = 20


def labels_like(text: str, *, person: Person, recognizer: str = "") -> list[str]:
    """Up to MAX_FOUND classes of the live versions that have `text` in them, first those that begin
    with it; of one recognizer, by its slug, or of all that are open to this person. One that is
    archived still has its classes: its answers are still corrected."""
    live = ModelVersion.objects.filter(
        state=ModelVersion.State.LIVE,
        recognizer__in=Recognizer.objects.open_to(person).order_by(),
    ).order_by()
    if recognizer:
        live = live.filter(recognizer__slug=recognizer)
    names = {name for some in live.values_list("class_names", flat=True) for name in some}
    return _like(clean_words(text)[:255].casefold(), names)


def listed_labels(prediction: Prediction) -> list[str]:
    """What else the version that answered could have said; empty where that is too long a list."""
    names = prediction.version.class_names if prediction.version else []
    if len(names) > MAX_LISTED:
        return []
    return sorted(set(names) - {answered_label(prediction)}, key=str.casefold)


def _like(text: str, names: Iterable[str]) -> list[str]:
    found = (
        (not name.casefold().startswith(text), name.casefold(), name)
        for name in names
        if text in name.casefold()
    )
    return [name for _, _, name in sorted(found)[:MAX_FOUND]]
