"""What writes recognizers and model versions."""

import logging

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from classifier.bundle import Bundle
from classifier.errors import BundleError
from webapp.accounts.models import User
from webapp.recognizers.models import ModelVersion, Recognizer

logger = logging.getLogger(__name__)


class PromotionRefused(Exception):
    """A version that will not go live; the message is for the curator."""


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


def version_promote(*, version: ModelVersion, by: User | None) -> ModelVersion:
    """The version, live; the one before it is retired. Raises PromotionRefused.

    The bundle is verified first: one that would not load never goes live. Promoting what is live
    already changes nothing.
    """
    try:
        bundle = Bundle.load(version.bundle_path)
    except BundleError as error:
        logger.warning("Promotion of %s refused: %s", version, error)
        raise PromotionRefused(_(error.sentences[error.code]) % error.params) from error
    if bundle.digest != version.bundle_digest:
        raise PromotionRefused(
            _("Expected the bundle that this version was created with, found another in its place.")
        )
    versions = ModelVersion.objects.filter(recognizer=version.recognizer)
    try:
        with transaction.atomic():
            Recognizer.objects.select_for_update().get(pk=version.recognizer_id)
            version.refresh_from_db()
            if version.state != ModelVersion.State.LIVE:
                versions.filter(state=ModelVersion.State.LIVE).update(
                    state=ModelVersion.State.RETIRED
                )
                version.state = ModelVersion.State.LIVE
                version.promoted_at = timezone.now()
                version.promoted_by = by
                version.save()
    except IntegrityError as error:
        raise PromotionRefused(
            _("Another version was promoted at the same moment. Look at it and try again.")
        ) from error
    return version
