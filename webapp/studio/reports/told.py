"""What a version's page is made of: the report in its bundle, and what is missing there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from classifier.bundle import Manifest
from classifier.errors import BundleError
from training.bundle_files import OUTCOMES, REPORT
from webapp.languages import sentence_of
from webapp.recognizers.models import ModelVersion
from webapp.studio.models import Dataset, TrainingRun
from webapp.studio.reports import values
from webapp.studio.reports.bundle_files import FileDamaged, json_of, manifest_of

MAX_CLASSES = 2000


@dataclass(frozen=True)
class Told:
    """A version and its report. `manifest`: None where the bundle cannot be read. `problems`: sentences
    on what cannot be shown."""

    version: ModelVersion
    manifest: Manifest | None
    report: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @cached_property
    def run(self) -> TrainingRun | None:
        """The training that it came of; None where it is not known."""
        return run_of(self.version)

    @property
    def has_outcomes(self) -> bool:
        """Whether each measured picture's answer was kept."""
        return self.manifest is not None and OUTCOMES in self.manifest.files

    @property
    def evaluation(self) -> Mapping[str, Any]:
        return values.part(self.report, "evaluation")

    @property
    def is_sigmoid(self) -> bool:
        return self.evaluation.get("head") == "sigmoid"

    @property
    def measured_on(self) -> str:
        return "test" if self.report.get("measured_on") == "test" else "val"

    @cached_property
    def class_names(self) -> list[str]:
        return values.texts(self.evaluation, "class_names", MAX_CLASSES)


def run_of(version: ModelVersion) -> TrainingRun | None:
    run: TrainingRun | None = getattr(version, "run", None)
    return run


def dataset_of(version: ModelVersion) -> Dataset | None:
    """The dataset that it learned from; None where it is not known."""
    run = run_of(version)
    return run.dataset if run else None


def told_of(version: ModelVersion) -> Told:
    """What there is to tell of a version. Reads two files of its bundle and no other."""
    try:
        manifest = manifest_of(version)
    except BundleError as error:
        return Told(version, None, problems=(sentence_of(error),))
    try:
        report = json_of(version, manifest, REPORT)
    except FileNotFoundError:
        problem = _("This version has no report: its bundle holds no report.json.")
        return Told(version, manifest, problems=(problem,))
    except FileDamaged as error:
        return Told(version, manifest, problems=(str(error),))
    if not isinstance(report, dict):
        problem = _("The report cannot be shown: report.json holds no report.")
        return Told(version, manifest, problems=(problem,))
    return Told(version, manifest, report)
