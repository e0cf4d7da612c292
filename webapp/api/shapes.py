"""What the API answers, as programs see it. A field may be added; none is renamed or taken away."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_noop
from ninja import Schema
from pydantic import Field

from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion, Recognizer

# Of other tables no more than this: a version carries the names of all its classes.
FIELDS = (
    *("public_id", "upload", "position", "state", "file_name", "picture_name", "created_at"),
    *("label", "confidence", "is_outlier", "top", "answered_at"),
    *("verdict", "true_label", "corrected_at"),
    *("failure_code", "failure_params", "recognizer__slug", "version__number"),
)


def shown(rows: QuerySet[Prediction], *, with_why: bool) -> QuerySet[Prediction]:
    """The rows with what a shape shows of them; the reasons, which are long, only when wanted."""
    fields = (*FIELDS, "why") if with_why else FIELDS
    return rows.select_related("recognizer", "version").only(*fields)


class Likely(Schema):
    label: str
    probability: float = Field(description=gettext_noop("0 to 1"))


class Failure(Schema):
    code: str = Field(description=gettext_noop("Stable, for programs"))
    sentence: str = Field(
        description=gettext_noop("For people, in the language of Accept-Language")
    )


class PredictionShape(Schema):
    """One picture and its answer."""

    id: uuid.UUID
    url: str = Field(description=gettext_noop("Where to ask again"))
    state: Prediction.State
    file_name: str
    recognizer: str = Field(description=gettext_noop("Slug"))
    version: int | None = Field(
        description=gettext_noop("Number of the model version that answered")
    )
    label: str | None
    confidence: float | None = Field(description=gettext_noop("The label's probability, 0 to 1"))
    none_of_these: bool = Field(
        description=gettext_noop(
            "Unlike anything the recognizer learned; the label is then only its nearest guess"
        )
    )
    top: list[Likely]
    verdict: Prediction.Verdict | None = Field(
        description=gettext_noop("What its owner says of the answer")
    )
    true_label: str | None = Field(
        description=gettext_noop("Of a wrong one what it should have been, where its owner said so")
    )
    corrected_at: datetime | None
    failure: Failure | None
    why: dict[str, Any] | None = Field(
        description=gettext_noop("Only with ?why=1: where it looked and what is near")
    )
    picture: str | None = Field(description=gettext_noop("The kept picture, a JPEG"))
    page: str = Field(description=gettext_noop("The answer's page, for people who are signed in"))
    created_at: datetime
    answered_at: datetime | None

    @staticmethod
    def url_of(prediction: Prediction) -> str:
        return reverse("api:prediction", args=[prediction.public_id])

    @classmethod
    def of(cls, prediction: Prediction, recognizer: Recognizer, *, with_why: bool) -> Self:
        url = cls.url_of(prediction)
        is_done = prediction.state == Prediction.State.DONE
        return cls.model_construct(
            id=prediction.public_id,
            url=url,
            state=Prediction.State(prediction.state),
            file_name=prediction.file_name,
            recognizer=recognizer.slug,
            version=prediction.version.number if prediction.version else None,
            label=prediction.label if is_done else None,
            confidence=prediction.confidence,
            none_of_these=prediction.is_outlier,
            top=[Likely.model_construct(**row) for row in prediction.top],
            verdict=Prediction.Verdict(prediction.verdict) if prediction.verdict else None,
            true_label=prediction.true_label or None,
            corrected_at=prediction.corrected_at,
            failure=_failure(prediction),
            why=(prediction.why or None) if with_why else None,
            picture=f"{url}/picture.jpg" if prediction.picture_name else None,
            page=reverse("answer", args=[prediction.public_id]),
            created_at=prediction.created_at,
            answered_at=prediction.answered_at,
        )


class UploadShape(Schema):
    """The pictures of one request, in their order."""

    upload: uuid.UUID
    predictions: list[PredictionShape]
    left_out: int = Field(
        description=gettext_noop(
            "How many files were not taken: in a ZIP and without a picture's name, or more than an "
            "upload may hold"
        )
    )

    @classmethod
    def of(
        cls,
        predictions: Iterable[Prediction],
        recognizer: Recognizer,
        *,
        num_left_out: int,
        with_why: bool,
    ) -> Self:
        rows = list(predictions)
        shapes = [PredictionShape.of(row, recognizer, with_why=with_why) for row in rows]
        return cls.model_construct(upload=rows[0].upload, predictions=shapes, left_out=num_left_out)


class HistoryShape(Schema):
    """A page of one's predictions, newest first."""

    predictions: list[PredictionShape]
    older: str | None = Field(
        description=gettext_noop("Where those are that come behind; null at the end")
    )
    newer: str | None = Field(
        description=gettext_noop("Where those are that come before; null on the newest page")
    )


class RecognizerShape(Schema):
    """Who can be asked."""

    slug: str = Field(description=gettext_noop("By which it is asked, in the field “recognizer”"))
    name: str
    description: str
    version: int = Field(description=gettext_noop("Number of the model version that answers now"))
    live_since: datetime | None = Field(description=gettext_noop("When that version was promoted"))
    url: str = Field(description=gettext_noop("Where its classes are"))

    @classmethod
    def of(cls, live: ModelVersion, **more: Any) -> Self:
        """`live`: the recognizer's live version."""
        recognizer = live.recognizer
        return cls.model_construct(
            slug=recognizer.slug,
            name=recognizer.name,
            description=recognizer.description,
            version=live.number,
            live_since=live.promoted_at,
            url=reverse("api:recognizer", args=[recognizer.slug]),
            **more,
        )


class RecognizersShape(Schema):
    """All that can answer, by name."""

    recognizers: list[RecognizerShape]


class RecognizerInFullShape(RecognizerShape):
    """A recognizer with the classes that it tells apart."""

    classes: list[str]

    @classmethod
    def of(cls, live: ModelVersion, **more: Any) -> Self:
        return super().of(live, classes=live.class_names, **more)


def _failure(prediction: Prediction) -> Failure | None:
    if prediction.state != Prediction.State.FAILED:
        return None
    return Failure(code=prediction.failure_code, sentence=prediction.failure_sentence)
