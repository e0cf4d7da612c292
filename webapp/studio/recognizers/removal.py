"""A recognizer, or a version, is removed with everything that belongs to it.

    recognizer:  its predictions with their pictures, in batches ─▶ no version is live ─▶ bundles ─▶ rows
    version:     can no longer be promoted ─▶ bundle ─▶ its row, where no answer and no log refers to it

Each step leaves something that can be looked at and begun again: who presses the button once more goes on
where it was killed. Files go only after a transaction has said that nothing answers with them any more,
and rows last, since they know which files there are.
"""

import shutil
import time
from pathlib import Path

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.predictions.models import Prediction
from webapp.predictions.removal import pictures_forget, predictions_remove
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.studio.models import Job, TrainingRun

# As long as somebody can wait for a page. What is left is removed when they press again.
REMOVAL_SECONDS = 15.0


class RemovalRefused(Exception):
    """Something that is not removed now; the message is for the curator."""


class FilesStay(RemovalRefused):
    """It has begun, and some of its files are still there: pressed again, it goes on."""


def recognizer_remove(*, recognizer: Recognizer, seconds: float = REMOVAL_SECONDS) -> bool:
    """Remove it with all that belongs to it; False where the time was over before the last step.

    Raises RemovalRefused while it is not archived, also where somebody takes it back meanwhile; while
    something of it is under way; and where its files cannot be removed.
    """
    until = time.monotonic() + seconds
    while _pictures_remove(recognizer):
        if time.monotonic() > until:
            return False
    with transaction.atomic():
        refuse_removal(_locked(recognizer))
        # A promotion that is trying one of them out finds it here, and refuses.
        recognizer.versions.update(state=ModelVersion.State.RETIRED, bundle_digest="")
    for version in recognizer.versions.order_by("pk"):
        _remove_folder(version.bundle_path)
    for run in recognizer.runs.order_by("pk").only("pk"):
        _remove_folder(run.work_folder)
    try:
        with transaction.atomic():
            refuse_removal(_locked(recognizer))
            # What was being written when it was archived.
            while predictions_remove(rows=Prediction.objects.filter(recognizer=recognizer)):
                pass
            recognizer.runs.exclude(state__in=TrainingRun.OPEN_STATES).delete()
            recognizer.versions.all().delete()
            recognizer.delete()
    except (ProtectedError, IntegrityError) as error:
        raise RemovalRefused(_under_way()) from error
    return pictures_forget(until=until)


def _pictures_remove(recognizer: Recognizer) -> int:
    """Some of its pictures, with their answers; returns how many. Raises RemovalRefused."""
    with transaction.atomic():
        refuse_removal(_locked(recognizer))
        return predictions_remove(rows=Prediction.objects.filter(recognizer=recognizer))


def refuse_removal(recognizer: Recognizer) -> None:
    """Raises RemovalRefused with the reason why it cannot be removed now, if there is one."""
    live = recognizer.live_version()
    if recognizer.archived_at is None and live is not None:
        raise RemovalRefused(
            _(
                "Version %(number)s is live and answers visitors. Archive the recognizer first: nobody is "
                "offered it then, and it can still be taken back."
            )
            % {"number": live.number}
        )
    if recognizer.archived_at is None and recognizer.versions.exists():
        raise RemovalRefused(_("Archive the recognizer first: that can still be taken back."))
    of_it = Q(version__recognizer=recognizer) | Q(other_version__recognizer=recognizer)
    if (
        recognizer.versions.filter(preload_until__gt=timezone.now()).exists()
        or recognizer.runs.filter(state__in=TrainingRun.OPEN_STATES).exists()
        or Job.objects.filter(of_it, state__in=Job.OPEN_STATES).exists()
    ):
        raise RemovalRefused(_under_way())


def version_remove(*, version: ModelVersion) -> bool:
    """Remove its files and its row; False where answers or the log of promotions refer to it: then its
    row stays, for them, and it can be promoted no more.

    Raises RemovalRefused for a live one, one that something under way needs, one that is gone, or where
    the files cannot be removed.
    """
    with transaction.atomic():
        _locked(version.recognizer)  # a promotion waits here, and sees what came of this
        try:
            version.refresh_from_db()
        except ModelVersion.DoesNotExist as error:
            raise RemovalRefused(_gone()) from error
        refuse_version_removal(version)
        version.state, version.bundle_digest = ModelVersion.State.RETIRED, ""
        version.save(update_fields=["state", "bundle_digest"])
    _remove_folder(version.bundle_path)
    if has_a_past(version):
        return False
    try:
        with transaction.atomic():
            version.delete()
    except (ProtectedError, IntegrityError):  # an answer that was under way has come
        return False
    return True


def has_a_past(version: ModelVersion) -> bool:
    """Whether it has answered, or was live: answers and the log of promotions go on naming it."""
    answers = Prediction.objects.filter(version=version)
    return version.promoted_at is not None or answers.exists()


def refuse_version_removal(version: ModelVersion) -> None:
    """Raises RemovalRefused with the reason why it cannot be removed now, if there is one."""
    if version.state == ModelVersion.State.LIVE:
        raise RemovalRefused(
            _("This version is live and answers visitors. Promote another one first.")
        )
    is_loading = version.preload_until is not None and version.preload_until > timezone.now()
    jobs = Job.objects.filter(Q(version=version) | Q(other_version=version))
    if is_loading or jobs.filter(state__in=Job.OPEN_STATES).exists():
        raise RemovalRefused(_under_way())


def _under_way() -> str:
    return _(
        "A training, a comparison or a promotion of it is under way. Wait for its end or cancel it, and "
        "come back."
    )


def _gone() -> str:
    return _("It is gone already: somebody else has deleted it.")


def _locked(recognizer: Recognizer) -> Recognizer:
    """Whoever promotes a version of it, or asks for a training, waits from here on."""
    row = Recognizer.objects.select_for_update().filter(pk=recognizer.pk).first()
    if row is None:
        raise RemovalRefused(_gone())
    return row


def _remove_folder(path: Path) -> None:
    """Raises FilesStay where some of it stays. One that is gone already is gone."""
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise FilesStay(
            _("The folder %(name)s could not be removed: %(problem)s. Press again to go on.")
            % {"name": path.name, "problem": error.strerror or error}
        ) from error
