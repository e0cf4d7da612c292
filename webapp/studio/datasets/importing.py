"""The job that reads a dataset: an uploaded ZIP is unpacked first, and files become rows."""

from collections.abc import Mapping
from typing import Any

from classifier.errors import ClassifierError
from webapp.studio.datasets.reading import dataset_read
from webapp.studio.datasets.refusals import UploadRefused
from webapp.studio.datasets.told import for_curator
from webapp.studio.datasets.unpacking import dataset_unpack
from webapp.studio.jobs.worker import Tell
from webapp.studio.models import Dataset, Job


def run(job: Job, tell: Tell) -> Mapping[str, Any]:
    """How many files are new, and how many are gone since it was read last.

    `params["upload"]`: the key of a received ZIP, `params["file_name"]` what it was called.
    """
    dataset = job.dataset
    assert dataset is not None  # noqa: S101 - of this kind all have one
    try:
        if key := job.params.get("upload"):
            tell("unpack", 0.0)
            dataset_unpack(
                dataset=dataset,
                key=key,
                file_name=job.params.get("file_name", ""),
                tell=lambda fraction: tell("unpack", fraction),
            )
        tell("read", 0.0)
        new, gone = dataset_read(dataset, tell=lambda fraction: tell("read", fraction))
    except Exception as error:
        # A dataset that was read before stays as it was, and so does one that another worker reads.
        never_read = Dataset.objects.filter(
            pk=dataset.pk, state=Dataset.State.READING, jobs__lease=job.lease
        )
        never_read.update(state=Dataset.State.FAILED)
        if isinstance(error, OSError):
            raise UploadRefused("disk", problem=error.strerror or error) from error
        if isinstance(error, ClassifierError):
            raise for_curator(error, dataset) from error
        raise
    return {"new": new, "gone": gone}
