"""Rows of a history, without pictures and without a worker."""

import uuid
from datetime import timedelta
from typing import Any

from django.utils import timezone

from webapp.accounts.models import User
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion, Recognizer


def rows_of(
    owner: User, recognizer: Recognizer, number: int, *, first: int = 0, **fields: Any
) -> list[Prediction]:
    """Answered ones, oldest first, named by their number from `first` on."""
    now = timezone.now()
    values = {
        "state": Prediction.State.DONE,
        "picture_name": "aa/nothing.jpg",
        "label": "bee",
        "confidence": 0.75,
        "answered_at": now,
        **fields,
    }
    return Prediction.objects.bulk_create(
        Prediction(
            owner=owner,
            recognizer=recognizer,
            upload=uuid.uuid4(),
            position=0,
            **{
                "file_name": f"picture-{i:03}.jpg",
                "created_at": now + timedelta(microseconds=i),
                **values,
            },
        )
        for i in range(first, first + number)
    )


def version_of(recognizer: Recognizer, number: int = 1, state: str = "retired") -> ModelVersion:
    """A version that has a row and no bundle."""
    return ModelVersion.objects.create(
        recognizer=recognizer,
        number=number,
        state=state,
        bundle_name=f"{recognizer.slug}-{number}",
        bundle_digest="0" * 64,
        class_names=["bee", "wasp"],
        backbone="colours",
    )
