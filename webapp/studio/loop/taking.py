"""Decided pictures become examples of a dataset, and the dataset a new version."""

import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webapp.accounts.models import User
from webapp.languages import sentence_of
from webapp.recognizers.models import Recognizer
from webapp.studio.datasets.refusals import FolderRefused
from webapp.studio.datasets.services import expect_at_rest, version_freeze
from webapp.studio.loop import files
from webapp.studio.loop.inbox import may_be_seen, reviews_to_take
from webapp.studio.models import Dataset, DatasetVersion, Example, Review

logger = logging.getLogger(__name__)

# What a request can do; the next press takes the next.
MAX_TAKEN = 1000
RELEASED_AT_ONCE = 500


@dataclass(frozen=True)
class Taken:
    """`version` has what was taken, and is an older one where nothing was new. `num_gone`: pictures
    that are no longer on the disk, and were left out."""

    version: DatasetVersion
    number: int
    num_gone: int


class TakingRefused(Exception):
    """Its text is a sentence for people."""


class TakingDelayed(TakingRefused):
    """It will do in a moment."""


def corrections_take(*, recognizer: Recognizer, dataset: Dataset, by: User | None = None) -> Taken:
    """All that is accepted or relabelled and not taken yet, as examples in a new version of a dataset.

    Raises TakingRefused.
    """
    with corrections_copied(recognizer=recognizer, dataset=dataset) as copies:
        return copies.take(by=by)


@dataclass
class Copies:
    """What could be taken, its files beside the dataset's: `paths` by reviews. See corrections_copied."""

    recognizer: Recognizer
    dataset: Dataset
    num_found: int
    paths: Mapping[int, str]
    taken: Collection[int] = ()

    def take(self, *, by: User | None = None) -> Taken:
        """Write all rows, in one transaction: of two at once, each picture is taken by one. Raises
        TakingRefused."""
        with _told(self.dataset), transaction.atomic():
            Dataset.objects.select_for_update().get(pk=self.dataset.pk)
            taken = _take(self.recognizer, self.dataset, self.paths)
            note = ngettext("%(number)s correction", "%(number)s corrections", len(taken))
            with _at_rest():
                version = version_freeze(
                    dataset=self.dataset,
                    created_by=by,
                    note=note % {"number": len(taken)} if taken else "",
                )
        self.taken = taken
        return Taken(version, len(taken), self.num_found - len(self.paths))


@contextmanager
def corrections_copied(*, recognizer: Recognizer, dataset: Dataset) -> Iterator[Copies]:
    """Copies of all that could be taken, before anything is locked for it. What is not taken when the
    block ends, and all of them where it raises, goes again; whoever is killed leaves files that the sweep
    finds. Raises TakingRefused.
    """
    if dataset.state != Dataset.State.READY:
        raise TakingRefused(
            _("“%(dataset)s” is not read yet. Expected a dataset whose pictures are known.")
            % {"dataset": dataset}
        )
    with _at_rest():
        expect_at_rest(dataset)
    found = list(
        reviews_to_take(recognizer).select_related("prediction").order_by("id")[:MAX_TAKEN]
    )
    paths: dict[int, str] = {}
    kept: Collection[int] = ()
    try:
        with _told(dataset):
            for review in found:
                try:
                    paths[review.pk] = files.copy_of(
                        review.prediction.picture_name, dataset_id=dataset.pk
                    )
                except FileNotFoundError:
                    continue
            if paths:
                files.sync(dataset.pk)
        copies = Copies(recognizer, dataset, len(found), paths)
        yield copies
        kept = copies.taken
    finally:
        for pk, path in paths.items():
            if pk not in kept:  # another curator was faster, or its owner has deleted it
                files.forget(path)


def corrections_release() -> int:
    """Take out of datasets what owners no longer let curators see, and what was decided on words that
    they have taken back; returns how many. Where they delete a picture, its row takes that along by itself.
    """
    num_gone = 0
    unjudged = Example.objects.filter(prediction__isnull=False, prediction__verdict="")
    with_some = unjudged.order_by().values_list("prediction__recognizer", flat=True).distinct()
    for recognizer in Recognizer.objects.filter(pk__in=list(with_some)):
        # While a version cannot say what it was unsure of, nothing goes for that: it would be for good.
        seen = may_be_seen(recognizer, if_unknown=Q(outlier_score__isnull=False))
        withdrawn = unjudged.filter(
            Q(prediction__review__said_at__isnull=False) | ~Q(prediction__in=seen),
            prediction__recognizer=recognizer,
        )
        with transaction.atomic():
            predictions = list(withdrawn.values_list("prediction", flat=True)[:RELEASED_AT_ONCE])
            Review.objects.filter(prediction__in=predictions).delete()
            Example.objects.filter(prediction__in=predictions).delete()
        num_gone += len(predictions)
    return num_gone


@contextmanager
def _told(dataset: Dataset) -> Iterator[None]:
    """What the disk does not take, and a dataset that is gone meanwhile, as TakingRefused."""
    try:
        yield
    except OSError as error:
        logger.exception("Corrections could not be taken into %s", dataset)
        raise TakingRefused(
            _(
                "A file could not be read or written: %(problem)s. Look at the disk, and ask for it again."
            )
            % {"problem": error.strerror or error}
        ) from error
    except Dataset.DoesNotExist as error:
        raise TakingRefused(
            _("Expected a dataset to take the pictures into, received none.")
        ) from error


def _take(recognizer: Recognizer, dataset: Dataset, copies: Mapping[int, str]) -> Collection[int]:
    """Write the rows of those that still stand; returns whose."""
    current = reviews_to_take(recognizer).filter(pk__in=copies)
    standing = list(current.select_for_update(of=("self",)).order_by("id"))
    # Where a dataset comes with its splits, what is set aside stays what it was measured on before.
    is_split = dataset.examples.filter(prediction=None).exclude(split="").exists()
    split = Example.Split.TRAIN if is_split else Example.Split.OPEN
    Example.objects.bulk_create(
        Example(
            dataset=dataset,
            path=copies[review.pk],
            label=review.label,
            given_label=review.label,
            split=split,
            prediction_id=review.prediction_id,
        )
        for review in standing
    )
    pks = [review.pk for review in standing]
    Review.objects.filter(pk__in=pks, taken_at=None).update(taken_at=timezone.now())
    return pks


@contextmanager
def _at_rest() -> Iterator[None]:
    """Raises TakingDelayed where the dataset is being read."""
    try:
        yield
    except FolderRefused as error:
        raise TakingDelayed(sentence_of(error)) from error
