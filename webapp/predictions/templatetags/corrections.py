"""What the answer to a prediction could have been, for templates."""

from django import template

from webapp.predictions.labels import listed_labels
from webapp.predictions.models import Prediction

register = template.Library()


@register.filter
def other_labels(prediction: Prediction) -> list[str]:
    return listed_labels(prediction)
