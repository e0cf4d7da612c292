"""What a curator decides of visitors' pictures, and when a recognizer learns by itself."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from webapp.predictions.models import Prediction
from webapp.recognizers.models import Recognizer
from webapp.studio.models.datasets import Dataset


class Review(models.Model):
    """A curator's decision on one visitor's picture.

    `label`: the class that it shall be learned as; empty for what is dropped. `said_at`: when its owner
    had said what was decided on, None where that was nothing; the decision stands while this is the
    prediction's `corrected_at`. `taken_at`: when it became an example of a dataset; from then on the
    decision may change only where its owner says something else, and the example follows.
    """

    class Decision(models.TextChoices):
        ACCEPTED = "accepted", _("accepted")
        RELABELLED = "relabelled", _("relabelled")
        DROPPED = "dropped", _("dropped")

    prediction = models.OneToOneField(
        Prediction, models.CASCADE, related_name="review", verbose_name=_("prediction")
    )
    decision = models.CharField(_("decision"), max_length=10, choices=Decision)
    label = models.CharField(_("class"), max_length=255, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided at"))
    said_at = models.DateTimeField(_("decided on what was said at"), null=True, blank=True)
    taken_at = models.DateTimeField(_("became an example at"), null=True, blank=True)

    class Meta:
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        ordering = ["-decided_at", "-id"]
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(taken_at=None) & ~Q(decision="dropped"),
                name="review_not_taken",
            ),
        ]

    def __str__(self) -> str:
        return self.label or str(self.get_decision_display())


class Routine(models.Model):
    """How a recognizer learns by itself: on which dataset, with which settings, and when."""

    recognizer = models.OneToOneField(
        Recognizer, models.CASCADE, related_name="routine", verbose_name=_("recognizer")
    )
    dataset = models.ForeignKey(
        Dataset, models.CASCADE, related_name="routines", verbose_name=_("dataset")
    )
    config = models.JSONField(_("settings"), default=dict, blank=True)
    after_corrections = models.PositiveIntegerField(
        _("after so many corrections"), null=True, blank=True
    )
    at_night = models.BooleanField(_("at night"), default=False)
    promote = models.BooleanField(_("promote by itself"), default=False)
    last_started_at = models.DateTimeField(_("last started at"), null=True, blank=True)

    class Meta:
        verbose_name = _("routine")
        verbose_name_plural = _("routines")
        ordering = ["recognizer"]

    def __str__(self) -> str:
        return str(self.recognizer)
