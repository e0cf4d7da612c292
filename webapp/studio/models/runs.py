"""Training runs, and what each has said on the way."""

from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.studio.models.datasets import Dataset, DatasetVersion
from webapp.studio.wording import run_failure_sentence, step_label

# Failures for lack of room on a disk or in memory, which can be made: checkpoints are kept.
NO_ROOM = ("disk", "memory", "NoRoom.disk")


class TrainingRun(models.Model):
    """One execution of the training.

        queued ──the trainer claims it──▶ running ──▶ succeeded | failed | cancelled
           ▲ └──▶ cancelled                  └── its lease has run out ──▶ interrupted
           └───────── a curator resumes it, as one that failed for lack of room ─┘

    At most one runs at a time; a constraint in the database says so. Its trainer renews the lease.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting")
        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")
        INTERRUPTED = "interrupted", _("interrupted")

    OPEN_STATES = (State.QUEUED, State.RUNNING)

    recognizer = models.ForeignKey(
        Recognizer, models.PROTECT, related_name="runs", verbose_name=_("recognizer")
    )
    dataset = models.ForeignKey(
        Dataset, models.PROTECT, related_name="runs", verbose_name=_("dataset")
    )
    dataset_version = models.ForeignKey(
        DatasetVersion,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="runs",
        verbose_name=_("version of the dataset"),
    )
    config = models.JSONField(_("settings"))
    fallback_config = models.JSONField(
        _("settings without pretrained weights"), null=True, blank=True
    )
    promote_when_done = models.BooleanField(_("promote when done"), default=False)
    is_automatic = models.BooleanField(_("started by itself"), default=False)
    estimated_seconds = models.FloatField(_("estimated seconds"), null=True, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("requested by"),
    )
    created_at = models.DateTimeField(_("requested at"), auto_now_add=True)

    state = models.CharField(_("state"), max_length=12, choices=State, default=State.QUEUED)
    lease = models.UUIDField(_("lease"), null=True, blank=True)
    lease_expires_at = models.DateTimeField(_("lease expires at"), null=True, blank=True)
    cancel_requested = models.BooleanField(_("cancel requested"), default=False)
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    step = models.CharField(_("step"), max_length=20, blank=True)
    fraction = models.FloatField(_("fraction of the step"), default=0)
    figures = models.JSONField(_("figures"), default=dict, blank=True)
    notes = models.JSONField(_("notes"), default=list, blank=True)
    failure_code = models.CharField(_("failure"), max_length=40, blank=True)
    failure_params = models.JSONField(_("failure's figures"), default=dict, blank=True)
    version = models.OneToOneField(
        ModelVersion,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="run",
        verbose_name=_("model version"),
    )

    class Meta:
        verbose_name = _("training run")
        verbose_name_plural = _("training runs")
        ordering = ["-id"]
        # All of the studio, beside what the admin asks for each model.
        permissions = [("train", _("Curate"))]
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="running"), name="one_running_training"
            ),
        ]

    def __str__(self) -> str:
        return _("Training %(id)s of %(recognizer)s") % {
            "id": self.pk,
            "recognizer": self.recognizer,
        }

    @property
    def is_open(self) -> bool:
        """Whether something will still happen to it: queued or running."""
        return self.state in self.OPEN_STATES

    @property
    def is_resumable(self) -> bool:
        """Whether its checkpoints are kept, for a curator to let it go on."""
        if self.state == self.State.FAILED:
            return self.failure_code in NO_ROOM
        return self.state == self.State.INTERRUPTED

    @property
    def work_folder(self) -> Path:
        """Where it keeps its checkpoints, whichever trainer has it."""
        return Path(settings.WORK_DIR) / f"run-{self.pk}"

    @property
    def percent(self) -> int:
        """How far its current step is."""
        return round(100 * self.fraction)

    @property
    def step_label(self) -> str:
        return step_label(self.step)

    @property
    def minutes_left(self) -> int | None:
        """Of the current step, rounded up; None while unknown."""
        seconds = self.figures.get("seconds_left")
        return None if seconds is None else max(1, round(seconds / 60 + 0.49))

    @property
    def failure_sentence(self) -> str:
        return run_failure_sentence(self.failure_code, self.failure_params)


class RunLine(models.Model):
    """One line of what a run has said: an epoch's figures for the curves, or a line of its log."""

    class Kind(models.TextChoices):
        EPOCH = "epoch", _("epoch")
        LOG = "log", _("log")

    run = models.ForeignKey(
        TrainingRun, models.CASCADE, related_name="lines", verbose_name=_("training run")
    )
    at = models.DateTimeField(_("at"), auto_now_add=True)
    kind = models.CharField(_("kind"), max_length=5, choices=Kind, default=Kind.LOG)
    step = models.CharField(_("step"), max_length=20, blank=True)
    text = models.TextField(_("text"), blank=True)
    figures = models.JSONField(_("figures"), default=dict, blank=True)

    class Meta:
        verbose_name = _("line of a run")
        verbose_name_plural = _("lines of runs")
        ordering = ["id"]
        indexes = [models.Index(fields=["run", "kind", "id"], name="run_line")]

    def __str__(self) -> str:
        return self.text


# The same as `is_resumable`, for queries.
RESUMABLE = Q(state=TrainingRun.State.INTERRUPTED) | Q(
    state=TrainingRun.State.FAILED, failure_code__in=NO_ROOM
)
