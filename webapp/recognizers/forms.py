"""What every form of a recognizer asks."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from webapp.recognizers.models import Recognizer


class AccessForm(forms.ModelForm[Recognizer]):
    """One that is open to chosen groups alone wants at least one of them."""

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if values.get("access") == Recognizer.Access.GROUPS and not values.get("groups"):
            self.add_error(
                "groups",
                _("Expected at least one group, received none: nobody could ask the recognizer."),
            )
        return values
