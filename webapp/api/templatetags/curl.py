"""What is on a page, for programs: a line for a shell."""

from django import template
from django.http import HttpRequest
from django.template import RequestContext
from django.urls import reverse

from webapp.api.curl import curl_line
from webapp.predictions.models import Prediction
from webapp.recognizers.models import Recognizer

register = template.Library()


@register.simple_tag(takes_context=True)
def curl_upload(context: RequestContext, recognizer: Recognizer) -> str:
    """Sends a picture to the same recognizer and waits for the answer."""
    return curl_line(
        _absolute(context, reverse("api:predictions")),
        method="POST",
        headers={"Prefer": "wait=10"},
        fields={"pictures": "@photo.jpg", "recognizer": recognizer.slug},
    )


@register.simple_tag(takes_context=True)
def curl_read(context: RequestContext, prediction: Prediction) -> str:
    """Reads this answer."""
    return curl_line(_absolute(context, reverse("api:prediction", args=[prediction.public_id])))


def _absolute(context: RequestContext, path: str) -> str:
    request = context["request"]
    return request.build_absolute_uri(path) if isinstance(request, HttpRequest) else path
