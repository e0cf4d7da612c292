"""One batch on its way through the worker: claimed rows, decoded pictures, answers. Writes nothing."""

import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import groupby

import numpy as np
from django.conf import settings
from django.utils import timezone
from numpy.typing import NDArray

from classifier.answering import Answerer, read_all
from classifier.decide import Answer
from classifier.errors import BundleError, ClassifierError, EngineError, InvalidImage
from classifier.preprocess import read_input
from webapp import metrics
from webapp.predictions import failures
from webapp.predictions.engines import engines
from webapp.predictions.models import Prediction
from webapp.predictions.pictures import is_there
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.recognizers.swap import is_held_by_a_worker

logger = logging.getLogger(__name__)
State = Prediction.State


@dataclass
class Group:
    """Decoded pictures for one version, uint8 `[S, S, 3]` each."""

    version: ModelVersion
    answerer: Answerer
    readable: list[tuple[Prediction, NDArray[np.uint8]]]


@dataclass
class Batch:
    """Predictions of one claim. Those that are in no group have failed already, unless there is an
    `error`, which nobody foresaw: then none is answered. Once it is computed, one that is neither
    done nor failed waits for an engine in better health."""

    claim: uuid.UUID = field(default_factory=uuid.uuid4)
    predictions: list[Prediction] = field(default_factory=list)
    groups: dict[int, Group] = field(default_factory=dict)  # by their version's key
    error: Exception | None = None

    @property
    def is_suspect(self) -> bool:
        """Whether it was tried before: it may kill this process, and is alone in it until its answer is
        written."""
        return any(prediction.attempts > 1 for prediction in self.predictions)

    @property
    def num_wanted(self) -> int:
        """How many more would fit: to the best batch of the engine that is there to answer."""
        if self.is_suspect or self.error:
            return 0
        sizes = [group.answerer.engine.batch_size for group in self.groups.values()]
        return max(0, max(sizes, default=engines.usual_batch_size()) - len(self.predictions))

    def add(self, claimed: list[Prediction]) -> list[Prediction]:
        """Take claimed predictions in, their pictures decoded for the version that is live now.

        Returns those that are not taken: this worker cannot load now what answers them.
        """
        refused: list[Prediction] = []
        by_recognizer = sorted(claimed, key=lambda prediction: prediction.recognizer_id)
        for _, group in groupby(by_recognizer, key=lambda p: p.recognizer_id):
            predictions = list(group)
            try:
                if prepared := _prepare(predictions[0].recognizer, predictions):
                    same = self.groups.setdefault(prepared.version.pk, prepared)
                    if same is not prepared:
                        same.readable += prepared.readable
            except _NotNow:
                refused += predictions
                continue
            except Exception as error:
                self.error = error
            self.predictions += predictions
        return refused

    def compute(self) -> None:
        """Put an answer or a failure into each prediction, unsaved. One version's run together."""
        if self.error:
            raise self.error
        for group in self.groups.values():
            _answer(group)


class _NotNow(Exception):
    """This worker cannot load what answers, which is no fault of the pictures."""


def _prepare(recognizer: Recognizer, predictions: list[Prediction]) -> Group | None:
    """The pictures decoded for the version that is live now. What cannot be answered is failed.

    Raises _NotNow where it can be answered later, or by another worker.
    """
    version = recognizer.live_version()
    if version is None:
        _fail(predictions, failures.MODEL_UNUSABLE)
        return None
    try:
        answerer = engines.get(version)
    except BundleError as error:
        logger.exception("Version %s could not be loaded", version)
        # Of a folder that is away, or where another can, it is this machine that is at fault.
        if not is_there(settings.BUNDLES_DIR) or is_held_by_a_worker(version):
            raise _NotNow from error
        _fail(predictions, failures.MODEL_UNUSABLE)
        return None
    except Exception as error:
        # Memory, a device, a disk: it may pass, and what was accepted waits for that.
        logger.exception("Version %s could not be loaded now", version)
        raise _NotNow from error
    went_live = version.promoted_at
    for prediction in predictions:
        if went_live and prediction.claimed_at and prediction.claimed_at < went_live:
            # Taken a moment before this version went live: its batch begins now.
            prediction.claimed_at = timezone.now()
    image_size = answerer.bundle.manifest.image_size
    with metrics.STEP_SECONDS.labels("decode").time():
        inputs = read_all(predictions, lambda p: read_input(p.picture_path, image_size))
    if any(isinstance(p, InvalidImage) for p in inputs) and not is_there(settings.PICTURES_DIR):
        logger.error("The folder %s is empty or away: its pictures wait", settings.PICTURES_DIR)
        raise _NotNow
    readable = []
    for prediction, picture in zip(predictions, inputs, strict=True):
        if isinstance(picture, InvalidImage):
            # It was a picture when it was uploaded; its file has vanished or changed since.
            logger.error("The kept picture of prediction %s: %s", prediction.pk, picture)
            _fail([prediction], failures.PICTURE_LOST)
        else:
            readable.append((prediction, picture))
    return Group(version, answerer, readable) if readable else None


def _answer(group: Group) -> None:
    readable = group.readable
    metrics.BATCH_SIZE.observe(len(readable))
    try:
        with metrics.STEP_SECONDS.labels("engine").time():
            answers = group.answerer.answer(np.stack([picture for _, picture in readable]))
    except (RuntimeError, ValueError, ClassifierError) as error:
        if len(readable) == 1:
            logger.exception("The engine failed on prediction %s", readable[0][0].pk)
            if not isinstance(error, EngineError):  # else it is the machine's fault: not answered
                _fail([readable[0][0]], failures.ENGINE_FAILED)
            return
        # One of them is to blame: the others must not pay for it.
        for pair in readable:
            _answer(replace(group, readable=[pair]))
        return
    for (prediction, _), answer in zip(readable, answers, strict=True):
        put_answer(prediction, group.version, answer)


def put_answer(prediction: Prediction, version: ModelVersion, answer: Answer) -> None:
    """Make a prediction an answered one, unsaved."""
    prediction.state = State.DONE
    prediction.version = version
    prediction.label = answer.label
    prediction.confidence = answer.confidence
    prediction.top = [{"label": r.label, "probability": r.probability} for r in answer.top]
    prediction.is_outlier = answer.is_outlier
    prediction.outlier_score = answer.outlier_score
    prediction.why = answer.why.to_json() if answer.why else {}


def _fail(predictions: Iterable[Prediction], code: str) -> None:
    for prediction in predictions:
        prediction.state = State.FAILED
        prediction.failure_code = code
