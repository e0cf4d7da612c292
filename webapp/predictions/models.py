"""Predictions: one uploaded picture each, and its answer; and what is left of those removed."""

import uuid
from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from webapp.predictions.failures import sentence
from webapp.recognizers.models import ModelVersion, Recognizer


class PredictionQuerySet(models.QuerySet["Prediction"]):
    def present(self) -> "PredictionQuerySet":
        """Those that nobody has deleted: all that a page or a program may be shown."""
        return self.filter(deleted_at=None)


class Prediction(models.Model):
    """One uploaded picture and its answer.

        queued ──a worker claims it──▶ running ──▶ done | failed
           ▲                              │
           └──── its lease has run out ───┘         after three attempts: failed

    A file that is no picture is `failed` from the start. `claim` is the batch a worker took it
    with; only who holds the claim may write the answer.

        present ──its owner deletes it──▶ deleted ──after some minutes──▶ sealed ──▶ gone
           ▲                                 │
           └──────────── undone ─────────────┘

    `deleted_at` hides it at once, whatever its state; `deletion` is what can be undone together. A
    sealed row has `deleted_at` and no `deletion`: it is removed next, and then its picture.

    `verdict` is what its owner says of the answer. `true_label`: of a wrong one what it should have
    been, one of the recognizer's classes or free words; empty where the owner did not say. Whoever
    has the number in `share` may look at the answer without an account, until it is taken away.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting")
        RUNNING = "running", _("being answered")
        DONE = "done", _("answered")
        FAILED = "failed", _("not answered")

    class Verdict(models.TextChoices):
        RIGHT = "right", _("right")
        WRONG = "wrong", _("wrong")

    UNANSWERED_STATES = (State.QUEUED, State.RUNNING)

    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="predictions",
        verbose_name=_("owner"),
    )
    recognizer = models.ForeignKey(
        Recognizer, models.PROTECT, related_name="predictions", verbose_name=_("recognizer")
    )
    upload = models.UUIDField(_("upload"))
    position = models.PositiveIntegerField(_("position in the upload"))
    created_at = models.DateTimeField(_("uploaded at"), default=timezone.now, editable=False)

    file_name = models.CharField(_("file name"), max_length=255, blank=True)
    content_sha256 = models.CharField(_("SHA-256 of what was sent"), max_length=64, blank=True)
    picture_name = models.CharField(_("kept picture"), max_length=100, blank=True)
    width = models.PositiveIntegerField(_("width"), null=True)
    height = models.PositiveIntegerField(_("height"), null=True)
    is_first_of_many = models.BooleanField(_("first frame of several"), default=False)

    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    claim = models.UUIDField(_("claim"), null=True, blank=True)
    lease_expires_at = models.DateTimeField(_("lease expires at"), null=True, blank=True)
    claimed_at = models.DateTimeField(_("claimed at"), null=True, blank=True)

    version = models.ForeignKey(
        ModelVersion,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="predictions",
        verbose_name=_("version that answered"),
    )
    label = models.CharField(_("label"), max_length=255, blank=True)
    confidence = models.FloatField(_("confidence"), null=True, blank=True)
    top = models.JSONField(_("likeliest classes"), default=list, blank=True)
    is_outlier = models.BooleanField(_("none of these"), default=False)
    outlier_score = models.FloatField(_("how unlike anything learned"), null=True, blank=True)
    why = models.JSONField(_("explanation"), default=dict, blank=True)
    failure_code = models.CharField(_("failure"), max_length=40, blank=True)
    failure_params = models.JSONField(_("failure's figures"), default=dict, blank=True)
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)

    verdict = models.CharField(_("verdict"), max_length=10, choices=Verdict, blank=True, default="")
    true_label = models.CharField(_("true label"), max_length=255, blank=True, default="")
    corrected_at = models.DateTimeField(_("corrected at"), null=True, blank=True)

    share = models.UUIDField(_("shared under"), null=True, blank=True, editable=False)

    deleted_at = models.DateTimeField(_("deleted at"), null=True, blank=True, editable=False)
    deletion = models.UUIDField(_("deletion"), null=True, blank=True, editable=False)

    objects = PredictionQuerySet.as_manager()

    class Meta:
        verbose_name = _("prediction")
        verbose_name_plural = _("predictions")
        ordering = ["-id"]
        constraints = [
            # The same form sent twice makes one record.
            models.UniqueConstraint(
                fields=["owner", "upload", "position"], name="one_prediction_per_uploaded_file"
            ),
            models.UniqueConstraint(
                fields=["share"], condition=Q(share__isnull=False), name="one_prediction_per_share"
            ),
        ]
        indexes = [
            # The history, newest first. Behind the order stands what else may be asked for, so that
            # these are read and not the rows, which are twenty times as long.
            models.Index(
                fields=["owner", "-created_at", "-id", "confidence", "label", "file_name"],
                condition=Q(deleted_at=None),
                name="prediction_newest",
            ),
            models.Index(
                fields=[
                    *("owner", "label", "-created_at", "-id"),
                    *("confidence", "version", "recognizer"),
                ],
                condition=Q(deleted_at=None),
                name="prediction_label",
            ),
            models.Index(
                fields=["owner", "recognizer", "-created_at", "-id", "confidence"],
                condition=Q(deleted_at=None),
                name="prediction_recognizer",
            ),
            models.Index(
                fields=["owner", "version", "-created_at", "-id", "confidence"],
                condition=Q(deleted_at=None),
                name="prediction_version",
            ),
            # Nearly all are done: these are few.
            models.Index(
                fields=["owner", "state", "-created_at", "-id", "recognizer"],
                condition=Q(deleted_at=None) & ~Q(state="done"),
                name="prediction_not_done",
            ),
            # The same of those that people have judged.
            models.Index(
                fields=["owner", "-created_at", "-id", "verdict", "confidence"],
                condition=Q(deleted_at=None) & ~Q(verdict=""),
                name="prediction_judged",
            ),
            models.Index(
                fields=["-corrected_at", "-id"],
                condition=Q(deleted_at=None) & ~Q(verdict=""),
                name="prediction_inbox",
            ),
            # What waits for undo, and what the sweeper removes: usually nothing.
            models.Index(
                fields=["owner", "deletion"],
                condition=Q(deletion__isnull=False),
                name="prediction_deletion",
            ),
            models.Index(
                fields=["deleted_at"],
                condition=Q(deletion__isnull=False),
                name="prediction_deleted",
            ),
            models.Index(
                fields=["id"],
                condition=Q(deleted_at__isnull=False, deletion=None),
                name="prediction_sealed",
            ),
            # What waits or runs is few among millions: these stay small.
            models.Index(fields=["id"], condition=Q(state="queued"), name="prediction_queued"),
            models.Index(
                fields=["lease_expires_at"], condition=Q(state="running"), name="prediction_running"
            ),
            # The same picture sent again.
            models.Index(
                fields=["owner", "content_sha256"],
                condition=Q(state="done"),
                name="prediction_content",
            ),
            models.Index(
                fields=["claim"], condition=Q(claim__isnull=False), name="prediction_claim"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.file_name}: {self.label or self.get_state_display()}"

    @property
    def is_answered(self) -> bool:
        """Whether nothing more will happen to it: done or failed."""
        return self.state not in self.UNANSWERED_STATES

    @property
    def failure_sentence(self) -> str:
        """Why it was not answered, in the reader's language."""
        return sentence(self.failure_code, self.failure_params)

    @property
    def picture_path(self) -> Path:
        return Path(settings.PICTURES_DIR) / self.picture_name


class RemovedPicture(models.Model):
    """A picture whose prediction is removed and whose files may still be on the disk: see `removal`."""

    picture_name = models.CharField(_("kept picture"), max_length=100, unique=True)

    class Meta:
        verbose_name = _("removed picture")
        verbose_name_plural = _("removed pictures")

    def __str__(self) -> str:
        return self.picture_name


class Correction(Prediction):
    """A prediction that its owner has judged, as the curator sees it: a permission of its own."""

    class Meta:
        proxy = True
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        default_permissions = ("view",)
