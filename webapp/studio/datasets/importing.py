"""The job that reads a dataset: its files become rows."""

from collections.abc import Mapping
from typing import Any

from webapp.studio.datasets.reading import dataset_read
from webapp.studio.jobs.worker import Tell
from webapp.studio.models import Dataset, Job


def run(job: Job, tell: Tell) -> Mapping[str, Any]:
    """How many files are new, and how many are gone since it was read last."""
    dataset = job.dataset
    assert dataset is not None  # noqa: S101 - of this kind all have one
    tell("read", 0.0)
    try:
        new, gone = dataset_read(dataset)
    except Exception:
        never_read = Dataset.objects.filter(pk=dataset.pk, state=Dataset.State.READING)
        never_read.update(state=Dataset.State.FAILED)
        raise
    return {"new": new, "gone": gone}
