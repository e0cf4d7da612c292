"""Recognizers and their model versions."""

from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from webapp.accounts.models import User

# Who may train may ask any recognizer, of any group. The permission is the studio's; this app only knows
# its name.
CURATE = "studio.train"
Person = User | AnonymousUser | None


class RecognizerQuerySet(models.QuerySet["Recognizer"]):
    def active(self) -> "RecognizerQuerySet":
        """Those that are not archived."""
        return self.filter(archived_at=None)

    def ready(self) -> "RecognizerQuerySet":
        """Those that can answer: they have a live version and are not archived."""
        return self.active().filter(versions__state=ModelVersion.State.LIVE)

    def open_to(self, person: Person) -> "RecognizerQuerySet":
        """Those that this person may ask; nobody and guests: what is open to everyone."""
        return self.filter(_is_open_to(person))


def _is_open_to(person: Person) -> Q:
    access = Recognizer.Access
    if not isinstance(person, User) or person.is_guest:
        return Q(access=access.EVERYONE)
    if person.is_staff and person.has_perm(CURATE):
        return Q()
    through = Recognizer.groups.through
    theirs = through.objects.filter(group__user=person).values("recognizer")
    return Q(access__in=(access.EVERYONE, access.ACCOUNTS)) | Q(access=access.GROUPS, pk__in=theirs)


class Recognizer(models.Model):
    """What a visitor picks: "Insects". It answers through its live model version.

    `groups` counts where it is open to groups alone. One that is archived answers nobody and is kept,
    but for the pictures that were sent to it before.
    """

    class Access(models.TextChoices):
        EVERYONE = "everyone", _("everyone")
        ACCOUNTS = "accounts", _("people with an account")
        GROUPS = "groups", _("chosen groups")

    name = models.CharField(_("name"), max_length=100, unique=True)
    slug = models.SlugField(_("slug"), max_length=100, unique=True)
    description = models.TextField(_("description"), blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    access = models.CharField(_("open to"), max_length=10, choices=Access, default=Access.EVERYONE)
    groups = models.ManyToManyField(
        "auth.Group", blank=True, related_name="recognizers", verbose_name=_("groups")
    )
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True)

    objects = RecognizerQuerySet.as_manager()

    class Meta:
        verbose_name = _("recognizer")
        verbose_name_plural = _("recognizers")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def live_version(self) -> "ModelVersion | None":
        return self.versions.filter(state=ModelVersion.State.LIVE).order_by().first()

    def live_number(self) -> int:
        """0 where none is live."""
        live = self.live_version()
        return live.number if live else 0


def live_versions(recognizers: RecognizerQuerySet) -> "models.QuerySet[ModelVersion]":
    """Those that answer for these, in no order."""
    live = ModelVersion.objects.filter(state=ModelVersion.State.LIVE)
    return live.filter(recognizer__in=recognizers.order_by()).order_by()


class ModelVersion(models.Model):
    """One trained bundle of a recognizer.

        candidate ──promote──▶ live ──another is promoted──▶ retired ──promote──▶ live

    At most one is live; a constraint in the database says so. One whose bundle was removed, because
    the room was wanted, is retired for good: its answers stay, and say that it gave them.
    """

    class State(models.TextChoices):
        CANDIDATE = "candidate", _("candidate")
        LIVE = "live", _("live")
        RETIRED = "retired", _("retired")

    recognizer = models.ForeignKey(
        Recognizer, models.PROTECT, related_name="versions", verbose_name=_("recognizer")
    )
    number = models.PositiveIntegerField(_("number"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.CANDIDATE)
    bundle_name = models.CharField(_("bundle"), max_length=200, unique=True)
    # Empty once the bundle is removed.
    bundle_digest = models.CharField(_("digest of the bundle"), max_length=64)
    class_names = models.JSONField(_("classes"))
    backbone = models.CharField(_("backbone"), max_length=50)
    metrics = models.JSONField(_("metrics"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    preload_until = models.DateTimeField(_("workers load it until"), null=True, blank=True)
    promoted_at = models.DateTimeField(_("promoted at"), null=True, blank=True)
    promoted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("promoted by"),
    )

    class Meta:
        verbose_name = _("model version")
        verbose_name_plural = _("model versions")
        ordering = ["recognizer", "-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["recognizer", "number"], name="one_version_of_each_number"
            ),
            models.UniqueConstraint(
                fields=["recognizer"], condition=Q(state="live"), name="one_live_version"
            ),
        ]

    def __str__(self) -> str:
        return _("%(recognizer)s, version %(number)s") % {
            "recognizer": self.recognizer,
            "number": self.number,
        }

    @property
    def bundle_path(self) -> Path:
        return Path(settings.BUNDLES_DIR) / self.bundle_name

    @property
    def val_top1(self) -> float | None:
        val_top1 = self.metrics.get("val_top1")
        return None if val_top1 is None else float(val_top1)

    @property
    def top1(self) -> float | None:
        """On the test pictures; where there were none, on the validation pictures."""
        top1 = self.metrics.get("test_top1")
        return self.val_top1 if top1 is None else float(top1)

    @property
    def has_files(self) -> bool:
        """Whether its bundle was not removed. One that has none is only kept for its answers' sake."""
        return bool(self.bundle_digest)


class Promotion(models.Model):
    """A line of the log of which version answered when, by whose decision and why."""

    recognizer = models.ForeignKey(
        Recognizer, models.CASCADE, related_name="promotions", verbose_name=_("recognizer")
    )
    version = models.ForeignKey(
        ModelVersion, models.CASCADE, related_name="promotions", verbose_name=_("model version")
    )
    before = models.ForeignKey(
        ModelVersion,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("version that answered before"),
    )
    at = models.DateTimeField(_("at"), auto_now_add=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )
    # Else `by` is empty only where the account is gone.
    is_automatic = models.BooleanField(_("by itself"), default=False)
    reason = models.TextField(_("why"), blank=True)
    figures = models.JSONField(_("comparison"), default=dict, blank=True)

    class Meta:
        verbose_name = _("promotion")
        verbose_name_plural = _("promotions")
        ordering = ["-id"]
        indexes = [models.Index(fields=["recognizer", "-id"], name="promotion_log")]

    def __str__(self) -> str:
        return str(self.version)
