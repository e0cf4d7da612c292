"""Who can be asked, and what they can tell."""

from django.db.models import QuerySet
from django.utils.translation import gettext_noop
from ninja import Router

from webapp.accounts.models import User
from webapp.api.document import refuses
from webapp.api.keys import KeyRequest
from webapp.api.shapes import RecognizerInFullShape, RecognizerShape, RecognizersShape
from webapp.problems import Problem
from webapp.recognizers.models import ModelVersion, Recognizer, live_versions

router = Router(tags=["recognizers"])

_FIELDS = (
    *("number", "promoted_at", "recognizer__slug", "recognizer__name"),
    "recognizer__description",
)


@router.get(
    "/recognizers",
    response=RecognizersShape,
    url_name="recognizers",
    summary=gettext_noop("List the recognizers"),
    description=gettext_noop(
        "All that can answer you, by name. One that is still learning, is archived or is not open to "
        "you is not there."
    ),
    openapi_extra=refuses(),
)
def recognizers_list(request: KeyRequest) -> RecognizersShape:
    """All that can answer the owner of the key. Classes are left out: there may be thousands."""
    return RecognizersShape(
        recognizers=[RecognizerShape.of(live) for live in _live(request.auth).only(*_FIELDS)]
    )


@router.get(
    "/recognizers/{slug:slug}",
    response=RecognizerInFullShape,
    url_name="recognizer",
    summary=gettext_noop("Read one recognizer"),
    description=gettext_noop(
        "With the names of all its classes, in the order of the model's outputs."
    ),
    openapi_extra=refuses("not_found"),
)
def recognizer_read(request: KeyRequest, slug: str) -> RecognizerInFullShape:
    """One that can answer, with its classes."""
    rows = _live(request.auth).filter(recognizer__slug=slug).only(*_FIELDS, "class_names")
    try:
        return RecognizerInFullShape.of(rows.get())
    except ModelVersion.DoesNotExist as error:
        raise Problem("not_found") from error


def _live(person: User) -> QuerySet[ModelVersion]:
    rows = live_versions(Recognizer.objects.active().open_to(person))
    return rows.select_related("recognizer").order_by("recognizer__name")
