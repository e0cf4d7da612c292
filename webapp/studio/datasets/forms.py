"""Forms of the datasets' pages."""

from django import forms
from django.utils.translation import gettext_lazy as _

from webapp.studio.models import Dataset


class RenameForm(forms.ModelForm[Dataset]):
    class Meta:
        model = Dataset
        fields = ("name",)
        error_messages = {
            "name": {"unique": _("There is a dataset of that name already. Choose another one.")}
        }


class NoteForm(forms.Form):
    note = forms.CharField(label=_("Note"), max_length=300, required=False, strip=True)
