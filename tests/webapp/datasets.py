"""Datasets for tests: folders of files that are no pictures unless asked for, and ZIPs of them."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

from tests.pictures import picture_bytes
from webapp.accounts.models import User
from webapp.studio.datasets.reading import dataset_read
from webapp.studio.datasets.services import dataset_get_or_create
from webapp.studio.jobs import worker
from webapp.studio.models import Dataset, Example, Job

FILES = ("ant/1.jpg", "ant/2.jpg", "ant/3.jpg", "bee/1.jpg", "bee/2.jpg")


def folder_of(name: str, *files: str) -> Path:
    """A labelled folder below the datasets' folder."""
    folder = Path(settings.DATASETS_DIR) / name
    for each in files or FILES:
        (folder / each).parent.mkdir(parents=True, exist_ok=True)
        (folder / each).write_bytes(picture_bytes())
    return folder


def dataset_of(name: str = "bugs", *files: str, created_by: User | None = None) -> Dataset:
    """A dataset that was read."""
    folder_of(name, *files)
    dataset = dataset_get_or_create(folder_name=name, created_by=created_by)
    dataset_read(dataset)
    return dataset


def row_of(dataset: Dataset, name: str) -> Example:
    return dataset.examples.get(path__endswith=f"/{name}")


def zip_of(files: Mapping[str, bytes] | None = None) -> bytes:
    """A ZIP with these files; else with a wrapped labelled folder."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in (files or {f"bugs/{name}": picture_bytes() for name in FILES}).items():
            archive.writestr(name, content)
    return data.getvalue()


def do_job(dataset: Dataset) -> Job:
    """What the studio's worker would do with the job that waits; how it ended."""
    assert worker.do_next()
    return dataset.jobs.latest("id")
