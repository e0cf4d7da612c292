"""What the owner of a prediction says of its answer."""

import uuid

from django.http import HttpResponse
from django.utils.translation import gettext_noop
from ninja import Router, Schema
from ninja.responses import Status
from pydantic import Field

from webapp.accounts.models import User
from webapp.api.document import refuses
from webapp.api.keys import KeyRequest
from webapp.api.predictions import own_prediction
from webapp.api.shapes import PredictionShape
from webapp.predictions.corrections import (
    MAX_LABEL_CHARACTERS,
    CorrectionRefused,
    prediction_correct,
)
from webapp.predictions.models import Prediction
from webapp.problems import Problem

router = Router(tags=["predictions"])


class Correction(Schema):
    """What is said of an answer."""

    verdict: Prediction.Verdict = Field(description=gettext_noop("Whether the answer is right"))
    true_label: str = Field(
        "",
        max_length=MAX_LABEL_CHARACTERS,
        description=gettext_noop(
            "Of a wrong answer what it should have been: a class of the recognizer, or free words; may "
            "be left out"
        ),
    )


@router.put(
    "/predictions/{uuid:prediction_id}/correction",
    response=PredictionShape,
    url_name="correction",
    summary=gettext_noop("Say whether an answer is right"),
    description=gettext_noop(
        "The curator sees it, and the next training can learn from it. The last word counts; saying the "
        "same again changes nothing."
    ),
    openapi_extra=refuses(
        *("not_found", "invalid", "not_answered", "label_is_the_answer", "label_too_long"),
        "verdict_unknown",
    ),
)
def prediction_correction(
    request: KeyRequest, response: HttpResponse, prediction_id: uuid.UUID, said: Correction
) -> PredictionShape:
    """The prediction with what was said."""
    _correct(request.auth, prediction_id, said.verdict, said.true_label)
    response["Cache-Control"] = "no-store"
    row = own_prediction(request.auth, prediction_id)
    return PredictionShape.of(row, row.recognizer, with_why=False)


@router.delete(
    "/predictions/{uuid:prediction_id}/correction",
    response={204: None},
    url_name="correction",
    summary=gettext_noop("Take back what was said of an answer"),
    description=gettext_noop("As if nothing had been said; where nothing was, nothing changes."),
    openapi_extra=refuses("not_found", "not_answered"),
)
def prediction_correction_undo(request: KeyRequest, prediction_id: uuid.UUID) -> Status[None]:
    """Nothing is said of it any more."""
    _correct(request.auth, prediction_id, "", "")
    return Status(204, None)


def _correct(owner: User, prediction_id: uuid.UUID, verdict: str, true_label: str) -> None:
    """Raises Problem."""
    try:
        prediction_correct(
            owner=owner, public_id=prediction_id, verdict=verdict, true_label=true_label
        )
    except Prediction.DoesNotExist as error:
        raise Problem("not_found") from error
    except CorrectionRefused as error:
        raise Problem(error.code, said=error.sentence) from error
