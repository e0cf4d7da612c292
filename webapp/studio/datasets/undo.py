"""The last decision of a curator, kept in their session so that they can undo it."""

import secrets
from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest

from webapp.studio.datasets.examples import Outcome
from webapp.studio.models import Dataset

_KEY = "studio_undo"


def undo_keep(request: HttpRequest, dataset: Dataset, outcome: Outcome) -> None:
    """Remember what was changed; a decision that changed nothing leaves the one before."""
    if outcome.num_changed:
        request.session[_KEY] = {
            "token": secrets.token_urlsafe(8),
            "dataset": dataset.pk,
            "changed": outcome.changed,
        }


def undo_token(request: HttpRequest, dataset: Dataset) -> str:
    """What the button to undo brings along; empty where there is nothing to undo."""
    kept = request.session.get(_KEY)
    return str(kept["token"]) if kept and kept["dataset"] == dataset.pk else ""


def undo_take(request: HttpRequest, dataset: Dataset, token: str) -> Sequence[Sequence[Any]]:
    """What was changed, once: who presses twice undoes nothing else."""
    if not token or token != undo_token(request, dataset):
        return []
    changed: Sequence[Sequence[Any]] = request.session.pop(_KEY)["changed"]
    return changed
