"""The forms of a recognizer's page."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from webapp.recognizers.forms import AccessForm
from webapp.recognizers.keeping import stand_of
from webapp.recognizers.models import Recognizer


class RecognizerForm(AccessForm):
    """What may be said of a recognizer once it is made. `seen`: how it stood when the page was made."""

    seen = forms.CharField(widget=forms.HiddenInput)

    class Meta:
        model = Recognizer
        fields = ("name", "description", "access", "groups")
        widgets = {
            "name": UnfoldAdminTextInputWidget,
            "description": UnfoldAdminTextareaWidget(attrs={"rows": 4}),
            "access": UnfoldAdminRadioSelectWidget,
            "groups": UnfoldAdminCheckboxSelectMultipleWidget,
        }
        help_texts = {
            "name": gettext_lazy("What visitors choose it by."),
            "description": gettext_lazy(
                "A sentence or two: what it knows, and what it is good for."
            ),
            "access": gettext_lazy("Whoever may train may ask it in any case."),
            "groups": gettext_lazy("Counts where it is open to chosen groups."),
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["seen"].initial = stand_of(self.instance)


class TypedNameForm(forms.Form):
    """What is deleted for good is named first."""

    typed = forms.CharField(
        label=gettext_lazy("Its name, to confirm"),
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        strip=True,
    )

    def __init__(self, *args: Any, name: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self._name = name

    def clean_typed(self) -> str:
        typed = str(self.cleaned_data["typed"])
        if typed != self._name:
            raise forms.ValidationError(
                _("Expected “%(expected)s”, received “%(received)s”. Nothing was deleted."),
                params={"expected": self._name, "received": typed[:100]},
            )
        return typed
