"""What a visitor's page may say of the studio."""

from django import template

from webapp.studio.models import TrainingRun

register = template.Library()


@register.simple_tag
def recognizers_learning() -> list[TrainingRun]:
    """Open runs of recognizers that cannot answer yet, the running one first."""
    open_runs = TrainingRun.objects.filter(
        state__in=[TrainingRun.State.RUNNING, TrainingRun.State.QUEUED]
    ).exclude(recognizer__versions__state="live")
    return list(open_runs.select_related("recognizer").order_by("-state", "id")[:5])
