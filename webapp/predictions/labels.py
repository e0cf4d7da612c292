"""What a label may be: the classes of the recognizers, for a type-ahead."""

from collections.abc import Iterable

from django.db.models import QuerySet

from webapp.accounts.models import User
from webapp.predictions.choices import known_to
from webapp.predictions.corrections import answered_label, clean_words
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion, Person, Recognizer, live_versions

# A longer list comes by and by, while somebody writes.
MAX_LISTED = 200
MAX_FOUND = 20
# More would be a longer page than the type-ahead is worth.
MAX_KNOWN_LABELS = 200


def labels_like(text: str, *, person: Person, recognizer: str = "") -> list[str]:
    """Up to MAX_FOUND classes of the live versions that have `text` in them, first those that begin
    with it; of one recognizer, by its slug, or of all that are open to this person. One that is
    archived still has its classes: its answers are still corrected."""
    live = live_versions(Recognizer.objects.open_to(person))
    if recognizer:
        live = live.filter(recognizer__slug=recognizer)
    return _like(clean_words(text)[:255].casefold(), _classes_of(live))


def known_labels(*, owner: User) -> list[str]:
    """What the recognizers that the owner may ask, or that have answered them, may answer, for a
    type-ahead; the first by the alphabet, of many."""
    return sorted(_classes_of(live_versions(known_to(owner))))[:MAX_KNOWN_LABELS]


def listed_labels(prediction: Prediction) -> list[str]:
    """What else the version that answered could have said; empty where that is too long a list."""
    names = prediction.version.class_names if prediction.version else []
    if len(names) > MAX_LISTED:
        return []
    return sorted(set(names) - {answered_label(prediction)}, key=str.casefold)


def _classes_of(versions: QuerySet[ModelVersion]) -> set[str]:
    return {name for some in versions.values_list("class_names", flat=True) for name in some}


def _like(text: str, names: Iterable[str]) -> list[str]:
    found = (
        (not name.casefold().startswith(text), name.casefold(), name)
        for name in names
        if text in name.casefold()
    )
    return [name for _, _, name in sorted(found)[:MAX_FOUND]]
