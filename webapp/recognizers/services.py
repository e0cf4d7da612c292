"""What writes recognizers and model versions."""

import logging
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext_noop

from classifier.bundle import Bundle
from classifier.errors import BundleError
from webapp.accounts.models import User
from webapp.recognizers.models import ModelVersion, Promotion, Recognizer
from webapp.recognizers.swap import PromotionRefused, let_workers_load

logger = logging.getLogger(__name__)


SMOKE_TEST_SECONDS = 60


def version_create(*, recognizer: Recognizer, bundle: Bundle) -> ModelVersion:
    """A candidate for a bundle that lies in the bundles' folder."""
    manifest = bundle.manifest
    with transaction.atomic():
        # Whoever numbers a version of this recognizer next waits here.
        Recognizer.objects.select_for_update().get(pk=recognizer.pk)
        last = recognizer.versions.aggregate(last=Max("number"))["last"] or 0
        version = ModelVersion(
            recognizer=recognizer,
            number=last + 1,
            bundle_name=bundle.path.name,
            bundle_digest=bundle.digest,
            class_names=list(manifest.class_names),
            backbone=manifest.backbone,
            metrics=manifest.metrics,
        )
        version.full_clean()
        version.save()
    return version


def _let_it_answer_once(version: ModelVersion) -> None:
    """In a process of its own: the web process carries no engine, and a crash must not end it."""
    cache = settings.CACHE_DIR / "engines"  # where the workers will find it compiled
    command = [sys.executable, "-m", "classifier.smoke", str(version.bundle_path)]
    command += ["--device", settings.DEVICE, "--cache", str(cache)]
    try:
        outcome = subprocess.run(
            command,
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            timeout=SMOKE_TEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PromotionRefused(
            gettext_noop("The version took too long to answer a picture.")
        ) from error
    if outcome.returncode != 0:
        logger.warning("Promotion of %s refused: %s", version, outcome.stderr)
        last = (outcome.stderr.strip().splitlines() or ["?"])[-1]
        raise PromotionRefused(
            gettext_noop("The version could not answer a picture: %(problem)s"), problem=last
        )


def version_promote(
    *,
    version: ModelVersion,
    by: User | None,
    instead_of: int | None = None,
    reason: str = "",
    figures: Mapping[str, Any] | None = None,
    is_automatic: bool = False,
    at_last: Callable[[], None] = lambda: None,
) -> ModelVersion:
    """The version, live; the one before it is retired. Raises PromotionRefused.

    The bundle is verified and answers once first: one that would not never goes live. Then the
    workers load it beside the one that answers, so that the swap happens between two batches.
    Promoting what is live already changes nothing.

    `instead_of`: the number of the version that answered when this was decided, 0 for none; where it
    is not given, the one that answers now. If another was promoted meanwhile, this one is refused:
    of two curators at the same moment one wins, and the other is told.

    `reason`, `figures`, `is_automatic`: why, how it compares with the one before, and whether nobody has
    asked for it, for the log of promotions.

    `at_last` is called inside the transaction that switches: whatever it raises undoes the switch.
    """
    recognizer = version.recognizer
    if instead_of is None:
        instead_of = recognizer.live_number()
    _expect_live(recognizer, instead_of, version)
    _expect_files(version)
    try:
        bundle = Bundle.load(version.bundle_path)
    except BundleError as error:
        logger.warning("Promotion of %s refused: %s", version, error)
        raise PromotionRefused(error.sentences[error.code], **error.params) from error
    if bundle.digest != version.bundle_digest:
        raise PromotionRefused(
            gettext_noop(
                "Expected the bundle that this version was created with, found another in its place."
            )
        )
    _let_it_answer_once(version)
    let_workers_load(version)
    versions = ModelVersion.objects.filter(recognizer=version.recognizer)
    try:
        with transaction.atomic():
            # Whoever promotes another version of this recognizer waits here.
            Recognizer.objects.select_for_update().get(pk=version.recognizer_id)
            _expect_live(recognizer, instead_of, version)
            at_last()
            version.refresh_from_db()
            _expect_files(version)
            if version.state != ModelVersion.State.LIVE:
                before = recognizer.live_version()
                versions.filter(state=ModelVersion.State.LIVE).update(
                    state=ModelVersion.State.RETIRED
                )
                version.state = ModelVersion.State.LIVE
                version.promoted_at = timezone.now()
                version.promoted_by = by
                version.save(update_fields=["state", "promoted_at", "promoted_by"])
                Promotion.objects.create(
                    recognizer=recognizer,
                    version=version,
                    before=before,
                    by=by,
                    is_automatic=is_automatic,
                    reason=reason,
                    figures=dict(figures or {}),
                )
    except (ModelVersion.DoesNotExist, Recognizer.DoesNotExist) as error:
        raise PromotionRefused(
            gettext_noop("It was deleted meanwhile; nothing was changed.")
        ) from error
    except IntegrityError as error:
        raise PromotionRefused(
            gettext_noop(
                "Another version was promoted at the same moment. Look at it and try again."
            )
        ) from error
    return version


def _expect_files(version: ModelVersion) -> None:
    if not version.has_files:
        raise PromotionRefused(
            gettext_noop(
                "The files of this version were removed, so that it can answer no more. Train a new one."
            )
        )


def _expect_live(recognizer: Recognizer, number: int, version: ModelVersion) -> None:
    """Raises PromotionRefused unless that version answers, or the one to promote already does."""
    live = recognizer.live_version()
    if live is None or live.number == number or live == version:
        return
    raise PromotionRefused(
        gettext_noop(
            "Version %(number)s was promoted meanwhile and answers now; nothing was changed. "
            "Look at it, and promote again if yours is the better one."
        ),
        number=live.number,
    )
