"""The upload form."""

import uuid
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from classifier.images import FILE_SUFFIXES, FORMAT_NAMES
from webapp.recognizers.models import Recognizer


class SeveralFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class SeveralFilesField(forms.FileField):
    """A list of uploaded files. What is in them is judged one by one, later, not here: one bad
    file must not cost the others."""

    widget = SeveralFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        files = [file for file in (data or []) if file]
        if not files:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        return files


class UploadForm(forms.Form):
    """Pictures and who shall answer. `upload` makes the same form sent twice one upload."""

    recognizer = forms.ModelChoiceField(
        Recognizer.objects.ready(), label=_("Recognizer"), empty_label=None
    )
    pictures = SeveralFilesField(
        label=_("Pictures"),
        error_messages={"required": _("Choose at least one picture.")},
        widget=SeveralFilesInput(attrs={"accept": ",".join(sorted(FILE_SUFFIXES)) + ",image/*"}),
    )
    upload = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    @property
    def limits_sentence(self) -> str:
        """What may be sent, said before it is sent."""
        return _("%(formats)s; up to %(num_files)s pictures of at most %(megabytes)s MB each.") % {
            "formats": FORMAT_NAMES,
            "num_files": settings.MAX_FILES_PER_UPLOAD,
            "megabytes": settings.PICTURE_LIMITS.max_bytes // 1_048_576,
        }
