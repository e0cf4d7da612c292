"""What writes second answers: another version's, of pictures that were answered. The answers stay."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Max, QuerySet

from webapp.accounts.models import User
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion
from webapp.studio.jobs.services import job_create
from webapp.studio.models import Job, SecondAnswer

DEFAULT_NUMBER = 1000
MAX_NUMBER = 100_000


def reanswering_request(*, version: ModelVersion, number: int, by: User | None) -> tuple[Job, bool]:
    """A queued job that answers the newest `number` pictures anew with a version, and whether it is new:
    of a version one is open at a time. Pictures that come later are not in it."""
    newest = Prediction.objects.aggregate(newest=Max("pk"))["newest"] or 0
    return job_create(
        kind=Job.Kind.REANSWER,
        version=version,
        params={"number": number, "up_to": newest},
        requested_by=by,
    )


def answered_by_others(version: ModelVersion) -> QuerySet[Prediction]:
    """What another version of the same recognizer has answered and nobody has deleted."""
    others = ModelVersion.objects.filter(recognizer=version.recognizer_id).exclude(pk=version.pk)
    done = Prediction.objects.present().filter(version__in=others, state=Prediction.State.DONE)
    return done.exclude(picture_name="")


def last_reanswering(version: ModelVersion) -> Job | None:
    """The newest job that answers the history anew with this version."""
    return Job.objects.filter(kind=Job.Kind.REANSWER, version=version).order_by("-id").first()


def second_answers_forget(*, before: Job) -> None:
    """Remove what was kept for earlier jobs of the same version: its page shows the newest job. One that
    is earlier itself and only believes that it is still running takes nothing from a later one."""
    earlier = Job.objects.filter(kind=before.kind, version=before.version_id, pk__lt=before.pk)
    SecondAnswer.objects.filter(job__in=earlier.order_by()).delete()


def second_answers_keep(*, answers: Sequence[SecondAnswer]) -> None:
    """Write down second answers, of pictures that are still there. Those that are written stay."""
    with transaction.atomic():
        # Nobody removes these until they are written.
        here = set(
            Prediction.objects.select_for_update()
            .filter(pk__in=[answer.prediction_id for answer in answers], deleted_at=None)
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        SecondAnswer.objects.bulk_create(
            [answer for answer in answers if answer.prediction_id in here], ignore_conflicts=True
        )
