"""Why a prediction was answered so, for templates."""

from django import template

from webapp.predictions.models import Prediction
from webapp.predictions.reasons import NearShown, Shown, shown_classes, shown_near

register = template.Library()


@register.filter
def classes(prediction: Prediction) -> list[Shown]:
    return shown_classes(prediction)


@register.filter
def near(prediction: Prediction) -> list[NearShown]:
    return shown_near(prediction)
