"""Versions as promotion leaves them, without the second that its smoke test takes."""

from django.utils import timezone

from webapp.recognizers.models import ModelVersion

State = ModelVersion.State


def go_live(version: ModelVersion) -> None:
    """And its recognizer's live one, if there is one, retires: see test_promotion."""
    others = ModelVersion.objects.filter(recognizer=version.recognizer_id, state=State.LIVE)
    others.update(state=State.RETIRED)
    version.state, version.promoted_at = State.LIVE, timezone.now()
    version.save()
