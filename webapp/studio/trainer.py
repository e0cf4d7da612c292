"""The training worker's part: claim a run, keep its lease alive, train, record how it ended."""

import logging
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.db import transaction

from classifier.answering import Answerer, open_answerer
from classifier.bundle import Bundle
from classifier.errors import ClassifierError
from classifier.smoke import smoke_test
from training.config import TrainingConfig
from training.errors import DatasetRefused, TrainingCancelled, WeightsUnavailable
from training.run import TrainingResult, train
from webapp.database import DATABASE_AWAY, drop_dead_connection
from webapp.recognizers.models import ModelVersion
from webapp.recognizers.services import version_create, version_promote
from webapp.recognizers.swap import PromotionRefused, WorkersTooSlow
from webapp.studio.comparing.services import comparison_queue_if_new, has_champion
from webapp.studio.datasets.told import for_curator
from webapp.studio.lease import Hold, LeaseLost, kept
from webapp.studio.loop.files import PREFIX
from webapp.studio.loop.measuring import corrections_measured
from webapp.studio.models import TrainingRun
from webapp.studio.notes import error_note, finding_note, note_of
from webapp.studio.runs.estimate import estimate_of
from webapp.studio.runs.listed import Listed, list_of, say_left_out, version_of
from webapp.studio.runs.listener import Listener, listening
from webapp.studio.runs.room import room_for
from webapp.studio.runs.sweeping import sweep_bundles, sweep_work
from webapp.studio.services import (
    run_claim,
    run_end,
    run_expect,
    run_fall_back,
    run_keep,
    run_renew,
    run_shall_stop,
)
from webapp.studio.wording import UNEXPECTED, failure_code

logger = logging.getLogger(__name__)
State = TrainingRun.State
T = TypeVar("T")
RECORD_ATTEMPTS, RECORD_EVERY_SECONDS = 7, 10.0
PROMOTE_ATTEMPTS = 3


def train_next() -> bool:
    """Train the oldest queued run to its end, whatever that is; False when there was none."""
    run = run_claim()
    if run is None:
        return False
    logger.info("%s began", run)
    sweep_work()
    sweep_bundles(run)
    with _lease_kept(run) as hold, listening(run, hold) as listener:
        listener.lines.say("resumed" if run.work_folder.is_dir() else "claimed")
        try:
            version = run.version  # there is one where it was interrupted after it had learned
            if version is None:
                result = _train(run, listener)
                answerer = _try_out(result.bundle)
                learned = corrections_measured(run, answerer)
                version = _patiently(run, lambda: _keep(run, result, listener, learned))
                listener.lines.say("kept", number=version.number, recognizer=str(run.recognizer))
            if _patiently(run, lambda: _succeed(run, version)):
                listener.lines.say("promoted")
            listener.lines.say("succeeded")
        except LeaseLost:
            logger.warning("%s was taken away", run)
        except TrainingCancelled:
            listener.lines.say("cancelled")
            run_end(run=run, state=State.CANCELLED)
        except ClassifierError as error:
            logger.info("%s was refused: %s", run, error)
            listener.lines.say("failed")
            told = for_curator(error, run.dataset)
            _fail(run, failure_code(told), {key: str(value) for key, value in told.params.items()})
        except OSError as error:
            logger.exception("%s failed", run)
            listener.lines.say("failed")
            _fail(run, "disk", {"problem": str(error)})
        except MemoryError:
            logger.exception("%s failed", run)
            listener.lines.say("failed")
            _fail(run, "memory", {})
        except Exception as error:
            # Whatever the libraries below raise, the run must not stay "running" for it.
            logger.exception("%s failed", run)
            listener.lines.say("failed")
            _fail(run, UNEXPECTED, {"problem": f"{type(error).__name__}: {error}"[:300]})
    logger.info("%s ended", run)
    return True


def _train(run: TrainingRun, listener: Listener) -> TrainingResult:
    version = version_of(run)
    listener.lines.say(
        "version",
        number=version.number,
        dataset=str(run.dataset),
        num_pictures=version.num_examples,
    )
    with list_of(version, run.work_folder) as listed:
        say_left_out(listed, listener)
        try:
            return _train_on(listed, run, listener)
        except WeightsUnavailable as error:
            if run.fallback_config is None:
                raise
            listener.notes.append(error_note(error))
            listener.lines.say("fall_back")
            run_fall_back(run=run)
            return _train_on(listed, run, listener)


def _train_on(listed: Listed, run: TrainingRun, listener: Listener) -> TrainingResult:
    _expect(run, listener)
    try:
        return train(_config(run, listed), listener)
    except ClassifierError as error:
        raise for_curator(error, run.dataset, num_listed=listed.num) from error


def _expect(run: TrainingRun, listener: Listener) -> None:
    """What the run will take, for its page. Raises NoRoom where the disk has none for it."""
    estimate = estimate_of(config=run.config, dataset=run.dataset, version=run.dataset_version)
    listener.pace.estimate = estimate
    run_expect(run=run, seconds=estimate.seconds)
    room_for(estimate.needed_bytes).expect_enough()


def _try_out(bundle: Bundle) -> Answerer:
    """The bundle, loaded. Raises BundleError, and removes the bundle, where it does not answer."""
    try:
        # The GPU is still the training's; a promotion tries it out.
        answerer = open_answerer(bundle, device="cpu")
        smoke_test(answerer)
    except BaseException:
        shutil.rmtree(bundle.path, ignore_errors=True)
        raise
    return answerer


def _config(run: TrainingRun, listed: Listed) -> TrainingConfig:
    # A run that was interrupted after its bundle was written and before it was recorded leaves
    # a bundle that no version names; the lease in the name keeps it out of the next one's way.
    out = Path(settings.BUNDLES_DIR) / f"{run.recognizer.slug}-{run.pk}-{str(run.lease)[:8]}"
    places = {
        "folder": listed.path,
        "root": Path(settings.DATA_DIR),
        "unshown_prefix": PREFIX,
        "out": out,
        "cache": Path(settings.CACHE_DIR),
        "work": run.work_folder,
    }
    if run.config.get("outliers"):
        places["outliers"] = _outliers(str(run.config["outliers"]))
    return TrainingConfig.from_dict({**run.config, **places})


def _outliers(name: str) -> Path:
    """A folder below the datasets' folder. Raises DatasetRefused for one that leads out of it."""
    root = Path(settings.DATASETS_DIR)
    folder = root / name
    if not folder.resolve().is_relative_to(root.resolve()):
        raise DatasetRefused("no_outliers", path=folder)
    return folder


def _patiently(run: TrainingRun, record: Callable[[], T]) -> T:
    """A database that is away for a minute does not cost hours of training."""
    for _ in range(RECORD_ATTEMPTS - 1):
        drop_dead_connection()
        try:
            return record()
        except DATABASE_AWAY:
            logger.exception("The success of %s could not be recorded; trying again", run)
            time.sleep(RECORD_EVERY_SECONDS)
    drop_dead_connection()
    return record()


def _keep(
    run: TrainingRun, result: TrainingResult, listener: Listener, learned: Mapping[str, Any]
) -> ModelVersion:
    """What was learned, as a version of the run's. Raises LeaseLost: then nobody finds one of it."""
    run.refresh_from_db(fields=["version"])
    if run.version is not None:
        return run.version  # kept, although the database went away before it could say so
    with transaction.atomic():
        version = version_create(recognizer=run.recognizer, bundle=result.bundle)
        is_ours = run_keep(
            run=run,
            version=version,
            notes=[*listener.notes, *map(finding_note, result.findings)],
            figures={**_figures(run, result, listener), **learned},
        )
        if not is_ours:
            transaction.set_rollback(True)
    if not is_ours:
        shutil.rmtree(result.bundle.path, ignore_errors=True)
        raise LeaseLost
    return version


def _figures(run: TrainingRun, result: TrainingResult, listener: Listener) -> dict[str, float]:
    """Seconds of each step, and what they depended on: the next run is estimated by them."""
    figures = {**result.seconds, "megabytes": listener.most_megabytes}
    if run.dataset_version:
        figures["num_pictures"] = run.dataset_version.num_examples
    if listener.pace.num_new is not None:
        figures["num_new"] = listener.pace.num_new
    return figures


def _succeed(run: TrainingRun, version: ModelVersion) -> bool:
    """Promote what the run has kept, where it shall be, else have it compared; and end the run. Whether it
    answers now.

    Raises LeaseLost and TrainingCancelled: then it is not promoted.
    """
    notes, is_promoted = run.notes, False
    # A run that nobody has asked for goes live after its comparison, and not where that is worse; and
    # only where the operator allows it still.
    is_allowed = not run.is_automatic or (settings.AUTO_PROMOTE and not has_champion(version))
    if run.promote_when_done and is_allowed:
        try:
            _promote(run, version)
            is_promoted = True
        except PromotionRefused as refused:
            notes = [*notes, note_of(refused.sentence, **refused.params)]
    comparison_queue_if_new(version=version)
    run_end(run=run, state=State.SUCCEEDED, notes=notes, fraction=1.0)
    return is_promoted


def _promote(run: TrainingRun, version: ModelVersion) -> None:
    """Outside of any transaction: workers load the version meanwhile, and must be able to see it."""

    def expect_wanted() -> None:
        if not run_renew(run=run):
            raise LeaseLost
        if run_shall_stop(run=run):
            raise TrainingCancelled("cancelled")

    for remaining in reversed(range(PROMOTE_ATTEMPTS)):
        expect_wanted()
        try:
            version_promote(
                version=version, by=run.requested_by, is_automatic=True, at_last=expect_wanted
            )
        except WorkersTooSlow as error:
            if not remaining:
                raise
            logger.warning("Trying to promote %s again: %s", version, error)
        else:
            return


def _fail(run: TrainingRun, code: str, params: dict[str, str]) -> None:
    drop_dead_connection()
    run_end(run=run, state=State.FAILED, failure_code=code, failure_params=params)


def _lease_kept(run: TrainingRun) -> AbstractContextManager[Hold]:
    return kept(
        renew=lambda: run_renew(run=run),
        is_unwanted=lambda: run_shall_stop(run=run),
        every_seconds=settings.TRAINING_LEASE_SECONDS / 6,
        name=str(run),
    )
