"""New datasets: of a folder that lies on the server, or of a ZIP that was received."""

import re
import unicodedata
from pathlib import Path, PurePath

from django.conf import settings

from webapp.accounts.models import User
from webapp.studio.datasets.incoming import Incoming
from webapp.studio.datasets.refusals import FolderRefused, UploadRefused
from webapp.studio.datasets.services import dataset_ensure
from webapp.studio.jobs.services import job_create
from webapp.studio.models import Dataset, Job
from webapp.studio.services import dataset_folders

# Of the key of its ZIP in the name of its folder: so the same ZIP, sent twice, is one dataset.
KEY_CHARACTERS = 12
_NO_FOLDER_NAME = re.compile(r"[^\w\-]+")


def new_folders() -> list[str]:
    """The names of the folders that are no dataset yet; what leads out is none of them."""
    known = set(Dataset.objects.values_list("folder_name", flat=True))
    return [name for name in dataset_folders() if name not in known]


def dataset_add_folder(*, folder_name: str, name: str, created_by: User) -> Dataset:
    """The dataset of a folder below the datasets' folder, which is read in the background. Raises
    FolderRefused."""
    if existing := Dataset.objects.filter(folder_name=folder_name).first():
        raise FolderRefused("taken", folder=folder_name, name=existing.name)
    path = Path(settings.DATASETS_DIR) / folder_name
    if PurePath(folder_name).name == folder_name and path.is_symlink():
        raise FolderRefused("leads_out", folder=folder_name)
    if folder_name not in dataset_folders():
        raise FolderRefused("unknown", folder=folder_name)
    dataset, is_new = dataset_ensure(
        folder_name=folder_name, name=name or folder_name, created_by=created_by
    )
    if not is_new:  # somebody else has, at the same moment
        raise FolderRefused("taken", folder=folder_name, name=dataset.name)
    dataset_import(dataset=dataset, requested_by=created_by)
    return dataset


def dataset_add_upload(*, incoming: Incoming, created_by: User) -> Dataset:
    """The dataset of a ZIP that is there as a whole, which is unpacked and read in the background; of
    one that was sent before, the same. Raises UploadRefused."""
    dataset = dataset_of_upload(incoming)
    if dataset is None:
        if not incoming.is_complete:
            raise UploadRefused(
                "incomplete", expected=incoming.num_bytes, received=incoming.num_received
            )
        name = incoming.name or PurePath(incoming.file_name).stem
        folder = _NO_FOLDER_NAME.sub("-", unicodedata.normalize("NFC", name)).strip("-")[:50]
        dataset, _ = dataset_ensure(
            # Its letters may take four bytes each, and a folder's name may have 255.
            folder_name=f"{folder or 'dataset'}-{incoming.key[:KEY_CHARACTERS]}",
            name=name,
            created_by=created_by,
            origin=Dataset.Origin.UPLOAD,
        )
    if dataset.state != Dataset.State.READY:
        dataset_import(dataset=dataset, requested_by=created_by, incoming=incoming)
    return dataset


def dataset_of_upload(incoming: Incoming) -> Dataset | None:
    """The dataset that was made of that very file."""
    return Dataset.objects.filter(
        folder_name__endswith=f"-{incoming.key[:KEY_CHARACTERS]}", origin=Dataset.Origin.UPLOAD
    ).first()


def dataset_import(
    *, dataset: Dataset, requested_by: User, incoming: Incoming | None = None
) -> tuple[Job, bool]:
    """The job that reads a dataset, and whether it is new. One that could not be unpacked is unpacked
    again, where its ZIP is still there."""
    params = {}
    if incoming is not None:
        params = {"upload": incoming.key, "file_name": incoming.file_name}
    elif dataset.origin == Dataset.Origin.UPLOAD and not dataset.path.is_dir():
        last = dataset.jobs.filter(kind=Job.Kind.IMPORT).first()
        params = last.params if last else {}
    Dataset.objects.filter(pk=dataset.pk, state=Dataset.State.FAILED).update(
        state=Dataset.State.READING
    )
    return job_create(
        kind=Job.Kind.IMPORT, dataset=dataset, params=params, requested_by=requested_by
    )
