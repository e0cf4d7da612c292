"""The form to retrain."""

from pathlib import Path
from typing import Any

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from training.config import BOUNDS, DEFAULT_EPOCHS, TrainingConfig
from training.errors import ConfigRefused
from webapp.recognizers.models import Recognizer
from webapp.studio.models import Dataset, DatasetVersion
from webapp.studio.runs import choices
from webapp.studio.runs.estimate import Estimate, estimate_of
from webapp.studio.runs.room import NoRoom, Room, room_for
from webapp.studio.services import dataset_folders
from webapp.studio.wording import failure_code, run_failure_sentence

# The crop that is learned from must not be larger than what is kept of an upload.
MAX_IMAGE_SIZE = 512
DEFAULTS: dict[str, Any] = {
    name: field.default for name, field in TrainingConfig.__dataclass_fields__.items()
}  # fmt: skip
ALWAYS_STORED = ("backbone", "weights", "image_size", "epochs", "seed")


def _number(name: str, *, step: str = "1", **more: Any) -> Any:
    """A field for a number: its bounds are the browser's to show and TrainingConfig's to enforce."""
    lowest, highest = BOUNDS[name]
    widget = UnfoldAdminIntegerFieldWidget(attrs={"min": lowest, "max": highest, "step": step})
    field = forms.IntegerField if step == "1" else forms.FloatField
    return field(required=False, widget=widget, **more)


def _choice(label: Any, options: Any = (), **more: Any) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=options, widget=UnfoldAdminSelectWidget, **more)


class RetrainForm(forms.Form):
    """Which recognizer shall learn from which dataset, and how. What is left out is as usual."""

    recognizer = forms.ModelChoiceField(
        Recognizer.objects.active(),
        label=_("Recognizer"),
        required=False,
        empty_label=_("a new one"),
        widget=UnfoldAdminSelectWidget,
    )
    new_name = forms.CharField(
        label=_("Name of the new recognizer"),
        max_length=100,
        required=False,
        strip=True,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": " "}),
    )
    folder_name = _choice(_("Dataset"))
    version = _choice(_("Version of the dataset"), required=False)
    backbone = _choice(_("Backbone"), list(choices.BACKBONES.items()))

    weights = _choice(_("Start from"), choices.WEIGHTS)
    mode = _choice(
        _("What learns"),
        choices.MODES,
        required=False,
        help_text=_("Fine-tuning is kept only where it is better on the validation pictures."),
    )
    epochs = _number(
        "epochs",
        label=_("Epochs"),
        initial=DEFAULT_EPOCHS,
        help_text=_("passes over the pictures at most, when layers are trained"),
    )
    augmentation = _choice(
        _("Changed pictures"),
        choices.AUGMENTATIONS,
        required=False,
        initial=DEFAULTS["augmentation"],
        help_text=_("how much a picture is changed each time that layers learn from it"),
    )
    image_size = forms.IntegerField(
        label=_("Image size"),
        initial=DEFAULTS["image_size"],
        min_value=32,
        max_value=MAX_IMAGE_SIZE,
        help_text=_("pixels a side"),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    batch_size = _number(
        "batch_size",
        label=_("Batch size"),
        initial=DEFAULTS["batch_size"],
        help_text=_("pictures that layers learn from at a time; fewer take less memory"),
    )
    learning_rate = _number(
        "learning_rate",
        step="any",
        label=_("Learning rate"),
        help_text=_("at its highest; empty: what suits that which learns"),
    )
    seed = _number("seed", label=_("Seed"), initial=0)
    balance = forms.BooleanField(
        label=_("Every class counts the same, however many pictures it has"),
        required=False,
        widget=UnfoldBooleanWidget,
    )
    outliers = _choice(
        _("Pictures of other things"),
        required=False,
        help_text=_(
            "a folder below datasets/, to measure how often “none of these” is said rightly"
        ),
    )
    formats = forms.MultipleChoiceField(
        label=_("Formats to export"),
        choices=choices.FORMATS,
        required=False,
        initial=list(DEFAULTS["formats"]),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    int8 = _choice(
        _("Arithmetic in int8"),
        [("", _("try it, and use it where it answers as well")), ("off", _("do without"))],
        required=False,
    )

    FIRST = ("recognizer", "new_name", "folder_name", "version", "backbone")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.estimate: Estimate | None = None
        self.room: Room | None = None
        folders = choices.folders()
        self.has_datasets = bool(folders)
        self._choose("folder_name", folders)
        self._choose("outliers", [("", _("none")), *((name, name) for name in dataset_folders())])
        chosen = self["folder_name"].value() or (folders[0][0] if folders else "")
        self._choose("version", choices.versions(str(chosen)))

    def _choose(self, name: str, options: Any) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
        field.choices = options

    def first(self) -> list[BoundField]:
        """The fields that everybody fills in."""
        return [self[name] for name in self.FIRST]

    def advanced(self) -> list[BoundField]:
        """The others."""
        return [self[name] for name in self.fields if name not in self.FIRST]

    def has_advanced_errors(self) -> bool:
        return any(name not in self.FIRST and name != "__all__" for name in self.errors)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if bool(cleaned.get("recognizer")) == bool(cleaned.get("new_name")):
            self.add_error(
                None,
                forms.ValidationError(
                    _("Choose a recognizer or give the name of a new one, not both."), code="which"
                ),
            )
        self._check_name(cleaned.get("new_name", ""))
        if cleaned.get("mode") == "fine-tune" and cleaned.get("weights") == "none":
            self.add_error(
                "mode",
                forms.ValidationError(
                    _(
                        "Fine-tuning starts from pretrained weights. Choose them, or what suits the "
                        "start."
                    ),
                    code="fine_tune",
                ),
            )
        else:
            self._check_bounds(cleaned)
        if not self.has_advanced_errors() and {"folder_name", "backbone"} <= cleaned.keys():
            self._check_room()
        return cleaned

    def dataset_version(self) -> DatasetVersion | None:
        """What was chosen of the dataset; None: as it is when the run's turn comes."""
        chosen = self.cleaned_data.get("version")
        return DatasetVersion.objects.filter(pk=chosen).first() if chosen else None

    def config(self) -> dict[str, Any]:
        """The run's settings, as TrainingConfig takes them, without those that are as usual."""
        cleaned = self.cleaned_data
        config = {
            name: cleaned[name] if cleaned[name] not in (None, "") else DEFAULTS[name]
            for name in ALWAYS_STORED
            if name in cleaned
        }
        for name in ("mode", "augmentation", "batch_size", "learning_rate", "balance", "outliers"):
            value = cleaned.get(name)
            if value is not None and value != "" and value != DEFAULTS[name]:
                config[name] = value
        formats = sorted({*DEFAULTS["formats"], *cleaned.get("formats", ())})
        if set(formats) != set(DEFAULTS["formats"]):
            config["formats"] = formats
        if cleaned.get("int8"):
            config["int8"] = False
        return config

    def _check_name(self, name: str) -> None:
        """What is archived is not offered, and learns by its name no more than by its number."""
        same = Recognizer.objects.filter(name__iexact=name).first() if name else None
        if same is not None and same.archived_at is not None:
            sentence = _(
                "Expected the name of a new recognizer, but “%(name)s” is archived. Take it back, or "
                "choose another name."
            )
            error = forms.ValidationError(sentence, code="archived", params={"name": same.name})
            self.add_error("new_name", error)

    def _check_bounds(self, cleaned: dict[str, Any]) -> None:
        config = {key: value for key, value in self.config().items() if key != "outliers"}
        try:
            TrainingConfig(folder=Path("folder"), out=Path("out"), **config)
        except ConfigRefused as error:
            name = str(error.params.get("name", ""))
            sentence = run_failure_sentence(failure_code(error), error.params)
            self.add_error(name if name in self.fields else None, sentence)

    def _check_room(self) -> None:
        folder_name = self.cleaned_data["folder_name"]
        self.estimate = estimate_of(
            config=self.config(),
            dataset=Dataset.objects.filter(folder_name=folder_name).first(),
            folder_name=folder_name,
            version=self.dataset_version(),
        )
        self.room = room_for(self.estimate.needed_bytes)
        try:
            self.room.expect_enough()
        except NoRoom as error:
            self.add_error(None, run_failure_sentence(failure_code(error), error.params))
