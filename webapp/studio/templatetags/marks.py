"""The state in which a page shows a picture, for the decisions that are made on it."""

from django import template

from webapp.studio.datasets.examples import mark_of
from webapp.studio.models import Example

register = template.Library()


@register.filter
def mark(example: Example) -> str:
    return mark_of(example)
