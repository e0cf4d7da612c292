"""The upload form, and the one that a script sends for each file."""

import uuid
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from classifier.images import FILE_SUFFIXES, FORMAT_NAMES
from webapp.predictions.incoming import clean_file_name
from webapp.predictions.services import MAX_SLOT
from webapp.recognizers.models import Person, Recognizer

ACCEPTED = ",".join((*sorted(FILE_SUFFIXES), "image/*", ".zip", "application/zip"))
MEGABYTE = 1_048_576


class SeveralFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class SeveralFilesField(forms.FileField):
    """A list of uploaded files. What is in them is judged one by one, later, not here: one bad
    file must not cost the others."""

    widget = SeveralFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        return [file for file in (data or []) if file]


class AddressField(forms.CharField):
    """A picture's address; what is no address is told where it would be fetched."""

    def __init__(self) -> None:
        super().__init__(
            label=_("Or the address of a picture"),
            required=False,
            max_length=2000,
            widget=forms.URLInput(
                attrs={"placeholder": "https://", "autocomplete": "off", "inputmode": "url"}
            ),
        )


class RecognizerField(forms.ModelChoiceField[Recognizer]):
    """One of the recognizers that can answer, for whom it is open to: `of` says whose form it is."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid_choice": _(
            "This recognizer is not open to you, or it answers no longer. Please choose another one."
        )
    }

    def __init__(self) -> None:
        super().__init__(Recognizer.objects.none(), label=_("Recognizer"), empty_label=None)

    def of(self, person: Person) -> None:
        self.queryset = Recognizer.objects.ready().open_to(person)


class UploadForm(forms.Form):
    """Pictures and who shall answer. `upload` makes the same form sent twice one upload."""

    recognizer = RecognizerField()
    pictures = SeveralFilesField(
        label=_("Pictures"),
        required=False,
        widget=SeveralFilesInput(attrs={"accept": ACCEPTED, "aria-describedby": "upload-limits"}),
    )
    address = AddressField()
    upload = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    def __init__(self, *args: Any, person: Person, **options: Any) -> None:
        super().__init__(*args, **options)
        _choose_for(self, person)
        if not settings.FETCH_ADDRESSES:
            del self.fields["address"]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if (
            not values.get("pictures")
            and not values.get("address")
            and "address" not in self.errors
        ):
            self.add_error("pictures", _("Choose at least one picture."))
        return values

    @property
    def limits_sentence(self) -> str:
        """What may be sent, said before it is sent."""
        return _(
            "%(formats)s; up to %(num_files)s pictures of at most %(megabytes)s MB and "
            "%(megapixels)s megapixels each, or ZIPs of them; %(all_megabytes)s MB in one go."
        ) % {
            "formats": FORMAT_NAMES,
            "num_files": settings.MAX_FILES_PER_UPLOAD,
            "megabytes": settings.PICTURE_LIMITS.max_bytes // MEGABYTE,
            "megapixels": settings.PICTURE_LIMITS.max_pixels // 1_000_000,
            "all_megabytes": settings.MAX_UPLOAD_BYTES // MEGABYTE,
        }


class FileForm(forms.Form):
    """One file of an upload, or the address of one, in its place."""

    recognizer = RecognizerField()
    position = forms.IntegerField(min_value=0, max_value=MAX_SLOT)
    file = forms.FileField(required=False, allow_empty_file=True)
    # As the visitor's system writes it; what frames a file in a request changes some letters.
    name = forms.CharField(required=False, max_length=1000)
    address = AddressField()

    def __init__(self, *args: Any, person: Person, **options: Any) -> None:
        super().__init__(*args, **options)
        _choose_for(self, person)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not settings.FETCH_ADDRESSES:
            values["address"] = ""
        name = clean_file_name(values.get("name", ""))
        if values.get("file") is not None and name not in {"", ".", ".."}:
            values["file"].name = name
        if values.get("file") is None and not values.get("address") and not self.errors:
            self.add_error(None, _("Choose at least one picture."))
        return values

    @property
    def sentence(self) -> str:
        """What is wrong with it, all of it."""
        return " ".join(str(error) for errors in self.errors.values() for error in errors)


def _choose_for(form: forms.Form, person: Person) -> None:
    field = form.fields["recognizer"]
    if isinstance(field, RecognizerField):
        field.of(person)
