"""The pictures in one cell of the confusion matrix, or all that a class was not told by."""

from collections.abc import Callable
from dataclasses import dataclass

from training.bundle_files import OUTCOMES
from webapp.recognizers.models import ModelVersion
from webapp.recognizers.templatetags.shares import percent
from webapp.studio.models import Example
from webapp.studio.reports import values
from webapp.studio.reports.bundle_files import file_path, manifest_of
from webapp.studio.reports.examples import examples_by_path
from webapp.studio.reports.outcomes import Outcome, find_outcomes
from webapp.studio.reports.told import dataset_of

PICTURES_A_PAGE = 60


@dataclass(frozen=True)
class Answered:
    """A measured picture and its answer. `example`: None where the picture is gone."""

    example: Example | None
    path: str
    labels: str
    predicted: str
    confidence: str
    is_outlier: bool


@dataclass(frozen=True)
class CellPage:
    """`more_at`: where the next page begins, None at the end; `is_cut`: there may be more, further on."""

    pictures: tuple[Answered, ...]
    more_at: int | None
    is_cut: bool


def cell_page(
    version: ModelVersion, given: int | None, predicted: int | None, start: int
) -> CellPage:
    """The pictures of class `given` that got `predicted`.

    Of one class alone: those that have it and did not get it, or that got it and have it not. Raises
    BundleError, FileNotFoundError where the answers were not kept, and ValueError where they are another
    version's.
    """
    manifest, names = manifest_of(version), list(version.class_names)
    found = find_outcomes(
        file_path(version, manifest, OUTCOMES),
        names,
        _wanted(given, predicted, manifest.head == "softmax"),
        start=start,
        limit=PICTURES_A_PAGE,
    )
    examples = examples_by_path(dataset_of(version), [each.path for each in found.outcomes])

    def named(classes: tuple[int, ...]) -> str:
        return ", ".join(values.as_text(names[place]) for place in classes)

    pictures = tuple(
        Answered(
            example=examples.get(outcome.path),
            path=values.as_text(outcome.path),
            labels=named(outcome.labels),
            predicted=named(outcome.predicted),
            confidence=percent(outcome.confidence),
            is_outlier=outcome.is_outlier,
        )
        for outcome in found.outcomes
    )
    return CellPage(pictures, found.more_at, found.is_cut)


def _wanted(
    given: int | None, predicted: int | None, is_softmax: bool
) -> Callable[[Outcome], bool]:
    def is_wanted(outcome: Outcome) -> bool:
        # With a softmax head the first label is the one that was measured.
        labels = outcome.labels[:1] if is_softmax else outcome.labels
        if given is not None and given not in labels:
            return False
        if predicted is not None and predicted not in outcome.predicted:
            return False
        if given is None:
            return predicted not in labels
        return predicted is not None or given not in outcome.predicted

    return is_wanted
