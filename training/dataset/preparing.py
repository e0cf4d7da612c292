"""From a source to examples that can be learned from, and what the audit says of them."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.cache import Cache
from training.config import TrainingConfig
from training.dataset.audit import Audit, audit_files, near_duplicate_findings, refusals
from training.dataset.duplicates import Pairs, groups, near_duplicates
from training.dataset.examples import Examples, distinct, settle
from training.dataset.findings import Finding
from training.dataset.pictures import Pictures
from training.dataset.survey import Survey, survey_files
from training.events import StepClock
from training.sources.archive_rules import DEFAULT_LIMITS, ArchiveLimits
from training.sources.index import Index
from training.sources.reading import read_index
from training.workplace import Workplace


@dataclass(frozen=True)
class Prepared:
    """A dataset that was read and audited. Whether it can be learned from, `audit` says.

    `near`: pairs of rows of the index that look alike, int64 `[P, 2]`.
    """

    index: Index
    survey: Survey
    pictures: Pictures
    examples: Examples
    near: Pairs
    audit: Audit

    @property
    def known_pairs(self) -> set[tuple[int, int]]:
        """The pairs that are known to look alike, smaller row first."""
        return {(min(a, b), max(a, b)) for a, b in self.near.tolist()}

    def alike(self) -> NDArray[np.int32]:
        """A group for each example, int32 `[M]`: examples that look alike are in one."""
        rows = self.examples.rows
        stays = np.isin(self.near, rows).all(axis=1)
        return groups(len(rows), np.searchsorted(rows, self.near[stays]).reshape(-1, 2))

    def with_findings(self, *findings: Finding) -> "Prepared":
        """With more findings in its audit."""
        audit = replace(self.audit, findings=(*self.audit.findings, *findings))
        return replace(self, audit=audit)

    def without(self, places: NDArray[np.int64], pairs: NDArray[np.int64]) -> "Prepared":
        """Without the examples at `places`, which the pairs of rows were found to leak by."""
        examples = self.examples.without(places)
        rows = self.examples.rows[places].tolist()
        findings = (
            *refusals(self.index, examples),
            *self.audit.findings,
            *near_duplicate_findings(self.index, rows, pairs),
        )
        audit = replace(self.audit, examples=examples, findings=findings)
        near = np.concatenate([self.near, np.sort(pairs, axis=1)])
        return replace(self, examples=examples, near=near, audit=audit)


def prepare_for(config: TrainingConfig, place: Workplace, clock: StepClock) -> Prepared:
    """What `prepare` makes of the source that a configuration names, in a run's own place."""
    return prepare(
        config.folder,
        image_size=config.image_size,
        val_fraction=config.val_fraction,
        test_fraction=config.test_fraction,
        cache=place.cache,
        unpack_into=place.source,
        limits=ArchiveLimits(config.max_archive_bytes, config.max_archive_files),
        root=config.root,
        unshown_prefix=config.unshown_prefix,
        clock=clock,
    )


def prepare(
    source: Path,
    *,
    image_size: int,
    val_fraction: float,
    test_fraction: float,
    cache: Cache,
    unpack_into: Path,
    limits: ArchiveLimits = DEFAULT_LIMITS,
    root: Path | None = None,
    unshown_prefix: str = "",
    clock: StepClock,
) -> Prepared:
    """The examples of a source and the audit of its files. Raises DatasetRefused only for a source
    that cannot be read at all; what blocks a training is among the findings."""
    with clock.step("read") as on_progress:
        index = read_index(source, into=unpack_into, limits=limits, root=root)
        index = replace(index, unshown_prefix=unshown_prefix)
        pictures = Pictures(index, image_size)
        survey = survey_files(index, cache, pictures, on_progress)
    with clock.step("audit"):
        kept, copies, contradictions = distinct(index, survey)
        near = near_duplicates(survey, kept, cache)
        settled = settle(
            index,
            survey,
            near,
            kept,
            copies,
            contradictions,
            val_fraction=val_fraction,
            test_fraction=test_fraction,
        )
        findings = tuple(audit_files(index, survey, settled, near, image_size=image_size))
    audit = Audit(source, len(index), settled.examples, findings)
    return Prepared(index, survey, pictures, settled.examples, near, audit)
