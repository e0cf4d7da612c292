"""The last selection that somebody has judged, kept in their session so that it can be undone."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from django.http import HttpRequest
from django.utils import timezone

from webapp.predictions.corrections import Judged, Said

_KEY = "judging"
# On every page of the history; later it would stand there for nothing.
OFFERED_MINUTES = 10


@dataclass(frozen=True)
class Judging:
    """`number`: the form's, so that the same form sent twice is one. `label`: what all were called;
    empty where they were confirmed."""

    number: str
    label: str
    changed_at: datetime
    before: list[Said]

    @classmethod
    def of_session(cls, kept: dict[str, object]) -> Self:
        """Raises KeyError, TypeError or ValueError for what another release has kept."""
        rows = kept["before"]
        if not isinstance(rows, list):
            raise TypeError("Expected a list of rows.")
        return cls(
            number=str(kept["number"]),
            label=str(kept["label"]),
            changed_at=datetime.fromisoformat(str(kept["changed_at"])),
            before=[
                Said(
                    uuid.UUID(public_id), verdict, label, datetime.fromisoformat(at) if at else None
                )
                for public_id, verdict, label, at in rows
            ],
        )


def judging_keep(request: HttpRequest, *, number: uuid.UUID, label: str, judged: Judged) -> None:
    """At most one page's rows, of the last selection alone."""
    request.session[_KEY] = {
        "number": str(number),
        "label": label,
        "changed_at": judged.changed_at.isoformat(),
        "before": [
            [
                str(said.public_id),
                said.verdict,
                said.true_label,
                said.corrected_at.isoformat() if said.corrected_at else None,
            ]
            for said in judged.before
        ],
    }


def judging_of(request: HttpRequest, number: str | None = None) -> Judging | None:
    """What can be undone, if it has this number; where none is given, what was said lately."""
    kept = request.session.get(_KEY)
    if not isinstance(kept, dict):
        return None
    try:
        judging = Judging.of_session(kept)
    except (KeyError, TypeError, ValueError):
        return None
    if number is None:
        is_late = timezone.now() - judging.changed_at > timedelta(minutes=OFFERED_MINUTES)
        return None if is_late else judging
    return judging if judging.number == number else None


def judging_forget(request: HttpRequest) -> None:
    request.session.pop(_KEY, None)
