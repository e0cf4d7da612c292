"""Why a prediction was answered so, in words and for templates."""

import logging
from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from classifier.bundle import NEIGHBOURS_PICTURES
from classifier.why import EvidenceMap, NearPicture, Why
from webapp.predictions.models import Prediction

logger = logging.getLogger(__name__)

# Of the usual distance: what is that near is all but the same picture.
SAME_PICTURE = 0.1
# A thumbnail has 3 KB; what claims to have more is none of ours.
MAX_THUMBNAIL_BYTES = 100_000


@dataclass(frozen=True)
class Shown:
    """One of the likeliest classes; `where`: a sentence on what spoke for it, empty without a map."""

    rank: int
    label: str
    probability: float
    where: str


@dataclass(frozen=True)
class NearShown:
    """A training picture like this one. `label`: all of its labels."""

    rank: int
    label: str
    likeness: str
    distance: str
    has_thumbnail: bool


def why_of(prediction: Prediction) -> Why | None:
    """The reasons that were kept; None where there are none, or none that this release can read."""
    if not prediction.why:
        return None
    try:
        return Why.from_json(prediction.why)
    except ValueError as error:
        logger.warning("The reasons of prediction %s cannot be shown: %s", prediction.pk, error)
        return None


def shown_classes(prediction: Prediction) -> list[Shown]:
    """The likeliest classes, first the likeliest."""
    why = why_of(prediction)
    maps = why.maps if why else ()
    return [
        Shown(
            rank=rank,
            label=ranked["label"],
            probability=ranked["probability"],
            where=_where(maps[rank - 1], why.width, ranked["label"])
            if why and rank <= len(maps)
            else "",
        )
        for rank, ranked in enumerate(prediction.top, start=1)
    ]


def shown_near(prediction: Prediction) -> list[NearShown]:
    """The nearest training pictures, first the nearest."""
    why, version = why_of(prediction), prediction.version
    if not why or not version:
        return []
    return [
        NearShown(
            rank=rank,
            label=_labels(near, version.class_names),
            likeness=_likeness(near.distance, why.usual_distances),
            distance=_digits(near.distance),
            has_thumbnail=near.thumbnail is not None,
        )
        for rank, near in enumerate(why.near, start=1)
    ]


def map_of(prediction: Prediction, rank: int) -> tuple[bytes, int] | None:
    """The levels of one of the likeliest classes' map, and how many columns it has."""
    why = why_of(prediction)
    if not why or not 1 <= rank <= len(why.maps):
        return None
    return why.maps[rank - 1].levels, why.width


def thumbnail_of(prediction: Prediction, rank: int) -> bytes | None:
    """The JPEG of a near training picture, from the bundle that answered; None where it is gone."""
    why, version = why_of(prediction), prediction.version
    if not why or not version or not 1 <= rank <= len(why.near):
        return None
    place = why.near[rank - 1].thumbnail
    if place is None or place[1] > MAX_THUMBNAIL_BYTES:
        return None
    start, num_bytes = place
    try:
        with (version.bundle_path / NEIGHBOURS_PICTURES).open("rb") as file:
            file.seek(start)
            thumbnail = file.read(num_bytes)
    except (OSError, ValueError, OverflowError):
        return None
    return thumbnail if len(thumbnail) == num_bytes else None


def _labels(near: NearPicture, class_names: list[str]) -> str:
    names = [class_names[i] for i in near.class_indexes if 0 <= i < len(class_names)]
    return ", ".join(names) or _("none of the classes")


def _digits(distance: float) -> str:
    """Small ones differ in digits that large ones do not need. Django's own would cut, not round."""
    num_digits = 2 if distance >= 0.1 else 4
    return number_format(round(distance, num_digits), num_digits)


def _likeness(distance: float, usual: tuple[float, float] | None) -> str:
    if usual is None:
        return ""
    middle, far = usual
    if distance <= SAME_PICTURE * middle:
        return _("almost the same picture")
    if distance <= middle:
        return _("very much alike")
    if distance <= far:
        return _("alike")
    return _("hardly alike")


def _where(evidence: EvidenceMap, num_columns: int, label: str) -> str:
    """Where the middle of the strongest cell is, in thirds of the square that the model looked at."""
    strongest = max(evidence.levels, default=0)
    if not strongest:
        return _("Nothing on the picture speaks for %(label)s.") % {"label": label}
    row, column = divmod(evidence.levels.index(strongest), num_columns)
    num_rows = len(evidence.levels) // num_columns
    thirds = 3 * (2 * row + 1) // (2 * num_rows), 3 * (2 * column + 1) // (2 * num_columns)
    place = _places()[thirds[0]][thirds[1]]
    return _("What speaks for %(label)s is strongest %(place)s.") % {"label": label, "place": place}


def _places() -> tuple[tuple[str, str, str], ...]:
    """Thirds of a picture in the reader's language, from the top left."""
    return (
        (
            pgettext("where on a picture", "at the top left"),
            pgettext("where on a picture", "at the top"),
            pgettext("where on a picture", "at the top right"),
        ),
        (
            pgettext("where on a picture", "on the left"),
            pgettext("where on a picture", "in the middle"),
            pgettext("where on a picture", "on the right"),
        ),
        (
            pgettext("where on a picture", "at the bottom left"),
            pgettext("where on a picture", "at the bottom"),
            pgettext("where on a picture", "at the bottom right"),
        ),
    )
