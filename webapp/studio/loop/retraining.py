"""What to learn with the next time: the dataset and the settings of the last run."""

from django.db.models import QuerySet

from webapp.accounts.models import User
from webapp.recognizers.models import Recognizer
from webapp.studio.models import DatasetVersion, TrainingRun
from webapp.studio.services import run_create


def last_success(recognizer: Recognizer) -> TrainingRun | None:
    """Its last run that succeeded, whose settings are known to work."""
    succeeded = _runs(recognizer).filter(state=TrainingRun.State.SUCCEEDED)
    return succeeded.order_by("-id").first()


def last_run(recognizer: Recognizer) -> TrainingRun | None:
    """The last one that succeeded; else the last one there was."""
    return last_success(recognizer) or _runs(recognizer).order_by("-id").first()


def retrain_as_before(
    *, recognizer: Recognizer, version: DatasetVersion, by: User | None
) -> TrainingRun | None:
    """A queued run on a version of a dataset, with the settings of the last run; None where there was
    none."""
    last = last_run(recognizer)
    if last is None:
        return None
    return run_create(
        recognizer=recognizer,
        folder_name=version.dataset.folder_name,
        config=last.config,
        fallback_config=last.fallback_config,
        requested_by=by,
        version=version,
    )


def _runs(recognizer: Recognizer) -> QuerySet[TrainingRun]:
    return TrainingRun.objects.filter(recognizer=recognizer).select_related("dataset")
