"""What there is to choose from: what a run may learn from, and how."""

from collections.abc import Sequence
from typing import Any

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from webapp.studio.models import Dataset, DatasetVersion, TrainingRun
from webapp.studio.pages import number_of
from webapp.studio.services import dataset_folders

NUM_VERSIONS = 50
Choices = Sequence[tuple[str, str | Promise]]

BACKBONES = {
    "resnet50": _("ResNet50: accurate, and the one everybody knows"),
    "resnet50_v2": _("ResNet50V2: the same, a little later"),
    "mobilenet_v2": _("MobileNetV2: the light one, fast on small machines"),
    "efficientnet_v2_b0": _("EfficientNetV2-B0: light and accurate"),
    "convnext_tiny": _("ConvNeXt-Tiny: the most accurate, and the slowest"),
}
WEIGHTS: Choices = [
    ("imagenet", _("weights pretrained on ImageNet: best, downloaded once")),
    ("none", _("nothing: train all layers from scratch")),
]
MODES: Choices = [
    ("", _("what suits the start: the head, or from scratch all layers")),
    ("head", _("the head alone: seconds")),
    ("fine-tune", _("the head, then layers of the backbone: minutes to hours")),
]
AUGMENTATIONS: Choices = [
    ("none", _("none: the pictures as they are")),
    ("light", _("light: mirrored, a little cropped")),
    ("strong", _("strong: also other colours and smaller parts")),
]
FORMATS: Choices = [
    ("h5", _("H5, for Keras: always")),
    ("openvino", _("OpenVINO, which answers here: always")),
    ("onnx", _("ONNX")),
    ("tflite", _("TFLite, for phones")),
]


def folders() -> list[tuple[str, str]]:
    """(folder, name) of each dataset that may be learned from, and of folders that are none yet."""
    there = dataset_folders()
    known = {dataset.folder_name: dataset for dataset in Dataset.objects.all()}
    fresh = [(name, name) for name in there if name not in known]
    return sorted(
        [(d.folder_name, d.name) for d in known.values() if _may_learn(d, there)] + fresh,
        key=lambda choice: choice[1].casefold(),
    )


def _may_learn(dataset: Dataset, there: Sequence[str]) -> bool:
    if dataset.state == Dataset.State.READY:
        return True
    # A run reads a folder when its turn comes; a ZIP must be unpacked before.
    return dataset.origin == Dataset.Origin.FOLDER and dataset.folder_name in there


def versions(folder_name: str) -> list[tuple[str, str]]:
    """(id, name) of the versions of that folder's dataset, the latest first; the first is none of them."""
    rows = DatasetVersion.objects.filter(dataset__folder_name=folder_name).order_by("-number")
    return [("", gettext("as it is when the training begins"))] + [
        (
            str(version.pk),
            gettext("version %(number)s: %(num_pictures)s pictures %(note)s").rstrip()
            % {
                "number": version.number,
                "num_pictures": version.num_examples,
                "note": version.note,
            },
        )
        for version in rows[:NUM_VERSIONS]
    ]


def prefilled(asked: QueryDict) -> dict[str, Any]:
    """What the form begins with: `run` names a run whose settings it takes; `recognizer` and `dataset`
    take those of their latest, `version` is one of the dataset."""
    runs = TrainingRun.objects.select_related("dataset").order_by("-id")
    given = {name: str(value) for name, value in asked.items()}
    numbers = {n: number for n, v in given.items() if (number := number_of(v)) is not None}
    run = None
    if "run" in numbers:
        run = runs.filter(pk=numbers["run"]).first()
    elif "recognizer" in numbers:
        run = runs.filter(recognizer=numbers["recognizer"]).first()
    elif "dataset" in numbers:
        run = runs.filter(dataset=numbers["dataset"]).first()
    initial: dict[str, Any] = {}
    if run is not None:
        initial = {
            **run.config,
            "recognizer": run.recognizer_id,
            "folder_name": run.dataset.folder_name,
        }
        initial["int8"] = "" if run.config.get("int8", True) else "off"
    if "recognizer" in numbers:
        initial["recognizer"] = numbers["recognizer"]
    if dataset := Dataset.objects.filter(pk=numbers.get("dataset", 0)).first():
        initial["folder_name"] = dataset.folder_name
    if "folder_name" in given:
        initial["folder_name"] = given["folder_name"]
    if "version" in numbers:
        initial["version"] = numbers["version"]
    return initial
