"""Datasets: labelled pictures on the disk, what a curator has decided of each, and what runs have had."""

from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

MAX_PATH_CHARACTERS = 1000


class Dataset(models.Model):
    """Labelled pictures. Their files lie in a folder below the datasets' folder and are never moved or
    changed: what a curator decides is said of them in rows, so that any decision can be taken back.

        reading ──its files are rows──▶ ready
         │   ▲
         ▼   └──read again──┐
        failed ─────────────┘

    One that is ready stays it while it is read again, and where that fails.
    """

    class Origin(models.TextChoices):
        FOLDER = "folder", _("a folder")
        UPLOAD = "upload", _("an uploaded ZIP")

    class State(models.TextChoices):
        READING = "reading", _("being read")
        READY = "ready", _("ready")
        FAILED = "failed", _("not read")

    name = models.CharField(_("name"), max_length=200, unique=True)
    folder_name = models.CharField(_("folder"), max_length=200, unique=True)
    origin = models.CharField(_("comes from"), max_length=10, choices=Origin, default=Origin.FOLDER)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.READING)
    notes = models.JSONField(_("notes"), default=list, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("created by"),
    )

    class Meta:
        verbose_name = _("dataset")
        verbose_name_plural = _("datasets")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> Path:
        return Path(settings.DATASETS_DIR) / self.folder_name

    def latest_version(self) -> "DatasetVersion | None":
        return self.versions.order_by("-number").first()


class ExampleQuerySet(models.QuerySet["Example"]):
    def included(self) -> "ExampleQuerySet":
        """Those that the next run would learn from or be measured on."""
        return self.filter(excluded="")

    def present(self) -> "ExampleQuerySet":
        """Without copies of pictures that their owners have deleted: those go in a moment."""
        return self.filter(Q(prediction=None) | Q(prediction__deleted_at=None))


class Example(models.Model):
    """One picture of a dataset.

    `path`: below the data folder. `label`: its class; several are separated by `|`, none is a picture
    without any of the classes. `given_label`: the one it came with. `split`: empty where the training
    decides by the picture's content. `excluded`: why it is left out; empty: it is not. `prediction`:
    the visitor's picture that it is a copy of; it goes with that.
    """

    class Excluded(models.TextChoices):
        CURATOR = "curator", _("by a curator")
        COPY = "copy", _("a copy of another picture")
        ALIKE = "alike", _("looks like another picture")
        CONTRADICTION = "contradiction", _("under several labels")
        UNREADABLE = "unreadable", _("cannot be read")
        BLANK = "blank", _("shows nothing")
        GONE = "gone", _("its file is gone")

    class Split(models.TextChoices):
        OPEN = "", _("as its content decides")
        TRAIN = "train", _("learned from")
        VAL = "val", _("validated on")
        TEST = "test", _("tested on")

    dataset = models.ForeignKey(
        Dataset, models.CASCADE, related_name="examples", verbose_name=_("dataset")
    )
    path = models.CharField(_("file"), max_length=MAX_PATH_CHARACTERS)
    label = models.CharField(_("class"), max_length=255, blank=True)
    given_label = models.CharField(_("class that it came with"), max_length=255, blank=True)
    split = models.CharField(_("split"), max_length=5, choices=Split, blank=True, default="")
    excluded = models.CharField(
        _("left out"), max_length=15, choices=Excluded, blank=True, default=""
    )
    prediction = models.ForeignKey(
        "predictions.Prediction",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="examples",
        verbose_name=_("visitor's picture"),
    )

    objects = ExampleQuerySet.as_manager()

    class Meta:
        verbose_name = _("example")
        verbose_name_plural = _("examples")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "path"], name="one_example_of_each_file"),
        ]
        indexes = [
            # A class, page by page; and how many each class has, without reading the rows.
            models.Index(fields=["dataset", "excluded", "label", "id"], name="example_class"),
            models.Index(fields=["dataset", "excluded", "id"], name="example_all"),
            # What a curator has moved, which is little.
            models.Index(
                fields=["dataset", "id"],
                condition=~Q(label=models.F("given_label")),
                name="example_moved",
            ),
        ]

    def __str__(self) -> str:
        return self.path

    @property
    def file(self) -> Path:
        return Path(settings.DATA_DIR) / self.path


class DatasetVersion(models.Model):
    """A dataset as it was when a run was started: which pictures, under which labels. Its list is a CSV
    manifest that never changes; `digest` is its SHA-256, hexadecimal."""

    dataset = models.ForeignKey(
        Dataset, models.CASCADE, related_name="versions", verbose_name=_("dataset")
    )
    number = models.PositiveIntegerField(_("number"))
    manifest_name = models.CharField(_("manifest"), max_length=100, unique=True)
    digest = models.CharField(_("digest of the manifest"), max_length=64)
    num_examples = models.PositiveIntegerField(_("pictures"))
    class_counts = models.JSONField(_("pictures of each class"), default=dict)
    note = models.CharField(_("note"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("created by"),
    )

    class Meta:
        verbose_name = _("version of a dataset")
        verbose_name_plural = _("versions of datasets")
        ordering = ["dataset", "-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "number"], name="one_dataset_version_of_each_number"
            ),
        ]

    def __str__(self) -> str:
        return _("%(dataset)s, version %(number)s") % {
            "dataset": self.dataset,
            "number": self.number,
        }

    @property
    def manifest_path(self) -> Path:
        return Path(settings.MANIFESTS_DIR) / self.manifest_name
