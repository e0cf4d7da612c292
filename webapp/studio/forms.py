"""The form to retrain."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from training.config import BACKBONE_NAMES, DEFAULT_EPOCHS, TrainingConfig
from webapp.recognizers.models import Recognizer
from webapp.studio.services import dataset_folders

# The crop that is learned from must not be larger than what is kept of an upload.
MAX_IMAGE_SIZE = 512
BACKBONE_LABELS = {
    "resnet50": _("ResNet50: accurate, and the one everybody knows"),
    "resnet50_v2": _("ResNet50V2: the same, a little later"),
    "mobilenet_v2": _("MobileNetV2: the light one, fast on small machines"),
    "efficientnet_v2_b0": _("EfficientNetV2-B0: light and accurate"),
    "convnext_tiny": _("ConvNeXt-Tiny: the most accurate, and the slowest"),
}


class RetrainForm(forms.Form):
    """Which recognizer shall learn from which folder, and how."""

    recognizer = forms.ModelChoiceField(
        Recognizer.objects.all(), label=_("Recognizer"), required=False, empty_label=_("a new one")
    )
    new_name = forms.CharField(
        label=_("Name of the new recognizer"), max_length=100, required=False, strip=True
    )
    folder_name = forms.ChoiceField(label=_("Labelled folder"))
    backbone = forms.ChoiceField(
        label=_("Backbone"), choices=[(name, BACKBONE_LABELS[name]) for name in BACKBONE_NAMES]
    )
    weights = forms.ChoiceField(
        label=_("Start from"),
        choices=[
            ("imagenet", _("weights pretrained on ImageNet: best, downloaded once")),
            ("none", _("nothing: train all layers from scratch")),
        ],
    )
    mode = forms.ChoiceField(
        label=_("What learns"),
        required=False,
        choices=[
            ("", _("what suits the start: the head, or from scratch all layers")),
            ("head", _("the head alone: seconds")),
            ("fine-tune", _("the head, then layers of the backbone: minutes to hours")),
        ],
        help_text=_("Fine-tuning is kept only where it is better on the validation pictures."),
    )
    image_size = forms.IntegerField(
        label=_("Image size"),
        initial=224,
        min_value=32,
        max_value=MAX_IMAGE_SIZE,
        help_text=_("pixels a side"),
    )
    epochs = forms.IntegerField(
        label=_("Epochs"),
        initial=DEFAULT_EPOCHS,
        min_value=1,
        max_value=1000,
        help_text=_("passes over the pictures at most, when layers are trained"),
    )
    seed = forms.IntegerField(label=_("Seed"), initial=0, min_value=0, max_value=2**32 - 1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(name, name) for name in dataset_folders()]
        self.fields["folder_name"] = forms.ChoiceField(
            label=_("Labelled folder"),
            choices=choices,
            help_text=_("A folder in the data folder under datasets/, one subfolder a class."),
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if bool(cleaned.get("recognizer")) == bool(cleaned.get("new_name")):
            raise forms.ValidationError(
                _("Choose a recognizer or give the name of a new one, not both."), code="which"
            )
        if cleaned.get("mode") == "fine-tune" and cleaned.get("weights") == "none":
            raise forms.ValidationError(
                _(
                    "Fine-tuning starts from pretrained weights. Choose them, or what suits the start."
                ),
                code="fine_tune",
            )
        return cleaned

    def config(self) -> dict[str, Any]:
        """The run's settings, as TrainingConfig takes them, without folder and out."""
        names = TrainingConfig.__dataclass_fields__.keys() & self.cleaned_data.keys()
        return {
            name: self.cleaned_data[name]
            for name in names
            if name != "mode" or self.cleaned_data["mode"]
        }
