"""What lies in a dataset's folder, and what is refused of it."""

from django.test import Client
from django.urls import reverse

from tests.webapp.datasets import do_job, folder_of
from webapp.studio.models import Dataset

NEW = "/admin/studio/datasets/new/"


def test_a_folder_whose_name_would_be_two_classes_is_refused(
    curator_client: Client, db: None
) -> None:
    folder_of("bugs", "ant/1.jpg", "ant|bee/1.jpg")
    curator_client.post(NEW, {"folder_name": "bugs"})
    dataset = Dataset.objects.get()
    job = do_job(dataset)
    assert "found “ant|bee”. Rename it" in job.failure_sentence
    (dataset.path / "ant|bee").rename(dataset.path / "ant and bee")
    curator_client.post(reverse("studio:dataset_read_again", args=[dataset.pk]))
    do_job(dataset)
    assert set(dataset.examples.values_list("label", flat=True)) == {"ant", "ant and bee"}
