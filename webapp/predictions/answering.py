"""The inference worker's loop: claim a batch, answer it, record it, until nothing waits."""

import logging
import time
import uuid
from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np
from celery.worker import state as worker_state
from django.conf import settings
from numpy.typing import NDArray

from classifier.answering import answer_batch, read_all
from classifier.decide import Answer
from classifier.engines.base import Engine
from classifier.errors import BundleError, InvalidImage
from classifier.preprocess import read_input
from webapp.predictions import failures
from webapp.predictions.engines import engines
from webapp.predictions.models import Prediction
from webapp.predictions.services import claim_release, predictions_claim, predictions_record
from webapp.recognizers.models import ModelVersion, Recognizer

logger = logging.getLogger(__name__)
State = Prediction.State

# What this worker is busy with and since when; the reconciler's thread renews its lease.
_current: tuple[uuid.UUID, float] | None = None


def current_claim() -> tuple[uuid.UUID, float] | None:
    """The claim that is being answered in this process and its age in seconds."""
    current = _current
    return (current[0], time.monotonic() - current[1]) if current else None


def answer_all_queued() -> int:
    """Answer until nothing waits or the worker shall stop; returns how many were recorded."""
    num_recorded = 0
    while not _shall_stop() and (batch := predictions_claim(size=settings.BATCH_SIZE)):
        num_recorded += _answer_claim(batch)
    return num_recorded


def _shall_stop() -> bool:
    """Whether the Celery worker that this process is was asked to end."""
    asked = (worker_state.should_stop, worker_state.should_terminate)
    return any(status is not None and status is not False for status in asked)


def _answer_claim(batch: Sequence[Prediction]) -> int:
    global _current  # noqa: PLW0603 - one batch at a time is this process' very purpose
    claim = batch[0].claim
    if claim is None:
        raise RuntimeError("Expected a claimed batch.")
    _current = (claim, time.monotonic())
    try:
        by_recognizer = sorted(batch, key=lambda prediction: prediction.recognizer_id)
        for _, group in groupby(by_recognizer, key=lambda prediction: prediction.recognizer_id):
            predictions = list(group)
            answer_predictions(predictions[0].recognizer, predictions)
        return predictions_record(claim=claim, answered=batch)
    except Exception:
        # Whatever it was, the rows that follow must not pay for it. These are tried again, alone,
        # and fail with a reason after some attempts. Without the database their lease runs out.
        logger.exception("A batch of %d could not be answered", len(batch))
        claim_release(claim=claim)
        return 0
    except BaseException:  # asked to stop: others may have them at once
        claim_release(claim=claim)
        raise
    finally:
        _current = None


def answer_predictions(recognizer: Recognizer, predictions: Sequence[Prediction]) -> None:
    """Put an answer or a failure into each of the predictions, unsaved."""
    version = recognizer.live_version()
    if version is None:
        _fail(predictions, failures.MODEL_UNUSABLE)
        return
    try:
        engine = engines.get(version)
    except BundleError:
        logger.exception("Version %s could not be loaded", version)
        _fail(predictions, failures.MODEL_UNUSABLE)
        return
    image_size = engine.bundle.manifest.image_size
    inputs = read_all(predictions, lambda p: read_input(p.picture_path, image_size))
    readable = []
    for prediction, picture in zip(predictions, inputs, strict=True):
        if isinstance(picture, InvalidImage):
            # It was a picture when it was uploaded; its file has vanished or changed since.
            logger.error("The kept picture of prediction %s: %s", prediction.pk, picture)
            _fail([prediction], failures.PICTURE_LOST)
        else:
            readable.append((prediction, picture))
    _answer_readable(engine, version, readable)


def _answer_readable(
    engine: Engine, version: ModelVersion, readable: list[tuple[Prediction, NDArray[np.uint8]]]
) -> None:
    if not readable:
        return
    try:
        answers = answer_batch(engine, np.stack([picture for _, picture in readable]))
    except (RuntimeError, ValueError):
        if len(readable) == 1:
            logger.exception("The engine failed on prediction %s", readable[0][0].pk)
            _fail([readable[0][0]], failures.ENGINE_FAILED)
            return
        # One of them is to blame: the others must not pay for it.
        for pair in readable:
            _answer_readable(engine, version, [pair])
        return
    for (prediction, _), answer in zip(readable, answers, strict=True):
        _put_answer(prediction, version, answer)


def _put_answer(prediction: Prediction, version: ModelVersion, answer: Answer) -> None:
    prediction.state = State.DONE
    prediction.version = version
    prediction.label = answer.label
    prediction.confidence = answer.confidence
    prediction.top = [{"label": r.label, "probability": r.probability} for r in answer.top]


def _fail(predictions: Iterable[Prediction], code: str) -> None:
    for prediction in predictions:
        prediction.state = State.FAILED
        prediction.failure_code = code
