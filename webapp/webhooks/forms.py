"""What people type about a webhook."""

import uuid

from django import forms
from django.utils.translation import gettext_lazy as _

from webapp.outside import MAX_ADDRESS_CHARACTERS


class WebhookForm(forms.Form):
    """A new webhook. `number`: of this form, so that a double click makes one."""

    url = forms.CharField(
        label=_("Address"),
        max_length=MAX_ADDRESS_CHARACTERS,
        help_text=_("Where a program of yours listens: https://example.org/ocellus, say."),
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    number = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
