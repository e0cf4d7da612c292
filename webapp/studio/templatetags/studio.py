"""What other pages may say of the studio."""

from typing import Any

from django import template
from django.template import RequestContext

from webapp.recognizers.models import Recognizer
from webapp.studio.comparing.services import version_before
from webapp.studio.models import TrainingRun

register = template.Library()


@register.simple_tag(takes_context=True)
def recognizers_learning(context: RequestContext) -> list[TrainingRun]:
    """Open runs of recognizers that whoever asks may ask and that cannot answer yet, the running one
    first."""
    offered = Recognizer.objects.active().open_to(context["request"].user)
    open_runs = TrainingRun.objects.filter(
        state__in=TrainingRun.OPEN_STATES, recognizer__in=offered
    ).exclude(recognizer__versions__state="live")
    return list(open_runs.select_related("recognizer").order_by("-state", "id")[:5])


@register.inclusion_tag("studio/comparing/_recognizer.html", takes_context=True)
def roll_back(context: RequestContext, recognizer: Recognizer) -> dict[str, Any]:
    """The way to a recognizer's log of promotions, and the button back to the version before."""
    live = recognizer.live_version()
    previous = version_before(recognizer, live.number) if live else None
    return {
        "recognizer": recognizer,
        "live": live,
        "previous": previous,
        "csrf_token": context.get("csrf_token"),
    }
