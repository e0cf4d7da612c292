"""What the pages of one dataset have in common: its name, what is done with it just now, its tabs."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from webapp.studio.models import Dataset, Job
from webapp.studio.pages import page


def dataset_or_404(dataset_id: int) -> Dataset:
    return get_object_or_404(Dataset.objects.select_related("created_by"), pk=dataset_id)


def import_of(dataset: Dataset) -> Job | None:
    """The last reading of a dataset."""
    return dataset.jobs.filter(kind=Job.Kind.IMPORT).first()


def job_context(dataset: Dataset) -> dict[str, Any]:
    job = import_of(dataset)
    return {"dataset": dataset, "job": job}


def dataset_page(
    request: HttpRequest, template: str, *, dataset: Dataset, tab: str, **context: Any
) -> HttpResponse:
    """A page of a dataset, below its name and tabs."""
    inside = {**job_context(dataset), "tab": tab, **context}
    return page(request, f"studio/datasets/{template}", title=dataset.name, **inside)
