"""Why a prediction was answered so, for templates."""

from django import template

from webapp.predictions import figures
from webapp.predictions.certainty import in_words
from webapp.predictions.computed import Computed, Step, computed_of, labels_of
from webapp.predictions.models import Prediction
from webapp.predictions.reasons import NearShown, Shown, shown_classes, shown_near

register = template.Library()


@register.filter
def classes(prediction: Prediction) -> list[Shown]:
    return shown_classes(prediction)


@register.filter
def labels(prediction: Prediction) -> list[str] | None:
    """Of a recognizer that may give several or none; else None."""
    return labels_of(prediction)


@register.filter
def near(prediction: Prediction) -> list[NearShown]:
    return shown_near(prediction)


@register.filter
def certainty(probability: float | None) -> str:
    """How sure an answer is, in a word."""
    return "" if probability is None else in_words(probability)


@register.filter
def computed(prediction: Prediction) -> Computed | None:
    return computed_of(prediction)


@register.filter
def score(value: float) -> str:
    return figures.score(value)


@register.filter
def exponential(value: float) -> str:
    return figures.exponential(value)


@register.filter
def share(value: float) -> str:
    return figures.share(value)


@register.filter
def rows(steps: Computed) -> list[tuple[Step | None, str, str]]:
    """Each class with its share as a percentage, with the temperature and without; both columns add
    up. The last row stands for all classes that are not listed and has no step."""
    rest = [(steps.rest.share, steps.rest.plain_share)] if steps.rest else []
    pairs = [(step.share, step.plain_share) for step in steps.steps] + rest
    columns = (figures.shares([pair[i] for pair in pairs]) for i in (0, 1))
    return list(zip([*steps.steps, *([None] * len(rest))], *columns, strict=True))
