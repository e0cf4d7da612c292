"""Addresses as people hand them on: with the host."""

from django import template
from django.http import HttpRequest
from django.template import RequestContext
from django.urls import reverse

from webapp.predictions.models import Prediction

register = template.Library()


@register.simple_tag(takes_context=True)
def shared_address(context: RequestContext, prediction: Prediction) -> str:
    """What to send to somebody who shall see this answer."""
    path = reverse("shared", args=[prediction.share])
    request = context["request"]
    return request.build_absolute_uri(path) if isinstance(request, HttpRequest) else path
