"""Jobs: what the studio does in the background beside training."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion
from webapp.studio.models.datasets import Dataset
from webapp.studio.wording import run_failure_sentence, step_label


class Job(models.Model):
    """Something that takes longer than a page may.

        queued ──a worker claims it──▶ running ──▶ succeeded | failed | cancelled
           ▲                              │
           └──── its lease has run out ───┘         after three attempts: failed

    What a kind of job does, may be done twice: it is begun anew when its worker dies. `params` is what
    was asked for, `result` what came of it. Of each kind one at a time is open of the same subject.
    """

    class Kind(models.TextChoices):
        IMPORT = "import", _("reading a dataset")
        AUDIT = "audit", _("auditing a dataset")
        COMPARE = "compare", _("comparing two versions")
        REANSWER = "reanswer", _("answering the history again")

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting")
        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    OPEN_STATES = (State.QUEUED, State.RUNNING)

    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    dataset = models.ForeignKey(
        Dataset,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="jobs",
        verbose_name=_("dataset"),
    )
    version = models.ForeignKey(
        ModelVersion,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="jobs",
        verbose_name=_("model version"),
    )
    other_version = models.ForeignKey(
        ModelVersion,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("version that it is compared with"),
    )
    params = models.JSONField(_("settings"), default=dict, blank=True)
    result = models.JSONField(_("result"), default=dict, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("requested by"),
    )
    created_at = models.DateTimeField(_("requested at"), auto_now_add=True)

    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    lease = models.UUIDField(_("lease"), null=True, blank=True)
    lease_expires_at = models.DateTimeField(_("lease expires at"), null=True, blank=True)
    cancel_requested = models.BooleanField(_("cancel requested"), default=False)
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    step = models.CharField(_("step"), max_length=20, blank=True)
    fraction = models.FloatField(_("fraction of the step"), default=0)
    failure_code = models.CharField(_("failure"), max_length=60, blank=True)
    failure_params = models.JSONField(_("failure's figures"), default=dict, blank=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["id"], condition=Q(state="queued"), name="job_queued"),
            models.Index(fields=["kind", "dataset", "-id"], name="job_of_dataset"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "dataset"],
                condition=Q(state__in=("queued", "running"), dataset__isnull=False),
                name="one_open_job_of_a_dataset",
            ),
            models.UniqueConstraint(
                fields=["kind", "version"],
                condition=Q(state__in=("queued", "running"), version__isnull=False),
                name="one_open_job_of_a_version",
            ),
        ]

    def __str__(self) -> str:
        return str(self.get_kind_display())

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN_STATES

    @property
    def percent(self) -> int:
        """How far its current step is."""
        return round(100 * self.fraction)

    @property
    def step_label(self) -> str:
        return step_label(self.step)

    @property
    def failure_sentence(self) -> str:
        return run_failure_sentence(self.failure_code, self.failure_params)


class SecondAnswer(models.Model):
    """What another version says of a picture that was answered: the answer itself stays as it was."""

    job = models.ForeignKey(
        Job, models.CASCADE, related_name="second_answers", verbose_name=_("job")
    )
    prediction = models.ForeignKey(
        Prediction, models.CASCADE, related_name="+", verbose_name=_("prediction")
    )
    label = models.CharField(_("label"), max_length=255, blank=True)
    confidence = models.FloatField(_("confidence"), null=True, blank=True)
    is_outlier = models.BooleanField(_("none of these"), default=False)
    is_changed = models.BooleanField(_("another answer"), default=False)

    class Meta:
        verbose_name = _("second answer")
        verbose_name_plural = _("second answers")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["job", "prediction"], name="one_second_answer_of_each_job"
            ),
        ]
        indexes = [
            models.Index(fields=["job", "id"], condition=Q(is_changed=True), name="second_changed")
        ]

    def __str__(self) -> str:
        return self.label
