"""Versions of a dataset: made with a note, shown as they were, compared with what became of it; and the
end of a dataset, with what goes with it."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.webapp.corrections import colours_dataset, decided, judged
from tests.webapp.datasets import dataset_of, do_job, row_of
from tests.webapp.rows import version_of
from webapp.accounts.models import User
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.studio.datasets.adding import dataset_import
from webapp.studio.datasets.deletion import dataset_delete
from webapp.studio.datasets.services import dataset_get_or_create, manifest_rows, version_freeze
from webapp.studio.datasets.versions import PAGE_SIZE, differences
from webapp.studio.loop.inbox import DECIDED, queue_of, reviews_to_take
from webapp.studio.loop.taking import corrections_take
from webapp.studio.models import Dataset, DatasetVersion, Routine, TrainingRun


@pytest.fixture
def dataset(curator: User) -> Dataset:
    return dataset_of(created_by=curator)


@pytest.fixture
def version(dataset: Dataset) -> DatasetVersion:
    return version_freeze(dataset=dataset, note="as it came")


def run_of(dataset: Dataset, recognizer: Recognizer, **fields: object) -> TrainingRun:
    values = {"config": {}, "state": "succeeded", **fields}
    return TrainingRun.objects.create(dataset=dataset, recognizer=recognizer, **values)


def text_of(client: Client, name: str, pk: int, query: str = "") -> str:
    response = client.get(reverse(f"studio:{name}", args=[pk]) + query)
    assert response.status_code == 200
    return response.content.decode()


def make(client: Client, dataset: Dataset, note: str = "") -> str:
    address = reverse("studio:dataset_versions", args=[dataset.pk])
    return client.post(address, {"note": note}, follow=True).content.decode()


def test_a_version_is_made_with_a_note_and_only_when_something_has_changed(
    curator_client: Client, dataset: Dataset
) -> None:
    assert "Version 1 holds" in make(curator_client, dataset, "before the autumn")
    text = make(curator_client, dataset, "another note")
    assert "Nothing has changed since version 1" in text
    assert "Its note stays “before the autumn”" in text
    dataset.examples.filter(path__endswith="ant/1.jpg").update(label="bee")
    assert "Version 2 holds" in make(curator_client, dataset)
    assert [version.num_examples for version in dataset.versions.all()] == [5, 5]


def test_a_dataset_that_was_never_read_has_no_version(curator_client: Client, db: None) -> None:
    dataset = dataset_get_or_create(folder_name="unread")
    assert "Make a version" not in text_of(curator_client, "dataset_versions", dataset.pk)
    assert "no pictures to make a version of" in make(curator_client, dataset)
    assert not dataset.versions.exists()


def test_a_version_says_what_learned_from_it(
    curator_client: Client, version: DatasetVersion, recognizer: Recognizer
) -> None:
    run = run_of(
        version.dataset, recognizer, dataset_version=version, version=version_of(recognizer)
    )
    for name, pk in (("dataset_versions", version.dataset_id), ("dataset_version", version.pk)):
        text = text_of(curator_client, name, pk)
        assert str(run) in text
        assert str(run.version) in text
        assert "as it came" in text


def test_a_version_is_shown_as_it_was(curator_client: Client, version: DatasetVersion) -> None:
    dataset = version.dataset
    dataset.examples.filter(path__endswith="ant/1.jpg").update(label="wasp")
    dataset.examples.filter(path__endswith="ant/2.jpg").update(excluded="curator")
    dataset.examples.filter(path__endswith="ant/3.jpg").update(excluded="gone")
    row_of(dataset, "bee/1.jpg").delete()
    text = text_of(curator_client, "dataset_version", version.pk)
    assert len(re.findall(r"studio-tile", text)) == 5
    assert "now: wasp" in text
    assert "now left out: by a curator" in text
    assert text.count("its file is gone") == 2
    only = text_of(curator_client, "dataset_version", version.pk, "?class=bee")
    assert len(re.findall(r"studio-tile", only)) == 2
    changes = text_of(curator_client, "dataset_version_changes", version.pk)
    assert "0 pictures came" in changes
    assert "3 pictures went" in changes
    assert "1 picture has another class" in changes


def test_what_came_since_is_counted_and_what_is_the_same_is_said(
    curator_client: Client, version: DatasetVersion
) -> None:
    changes = text_of(curator_client, "dataset_version_changes", version.pk)
    assert "still exactly like this" in changes
    dataset_of("bugs", "ant/4.jpg", "wasp/1.jpg")
    found = differences(version)
    assert found is not None
    assert (found.num_added, found.num_removed, found.num_relabelled) == (2, 0, 0)


def test_a_long_version_is_shown_page_by_page(curator_client: Client) -> None:
    names = [f"{label}/{i:03}.jpg" for label in ("ant", "bee") for i in range(50)]
    version = version_freeze(dataset=dataset_of("many", *names))
    text = text_of(curator_client, "dataset_version", version.pk)
    match = re.search(r'rel="next"\s+href="([^"]+)"', text)
    assert match
    rest = text_of(curator_client, "dataset_version", version.pk, match[1])
    assert text.count("studio-tile") == PAGE_SIZE
    assert rest.count("studio-tile") == 100 - PAGE_SIZE
    with CaptureQueriesContext(connection) as queries:
        text_of(curator_client, "dataset_version", version.pk)
    assert len(queries) <= 9


def test_a_version_whose_list_is_gone_says_so(
    curator_client: Client, version: DatasetVersion
) -> None:
    version.manifest_path.unlink()
    assert "not on the server any more" in text_of(curator_client, "dataset_version", version.pk)
    changes = text_of(curator_client, "dataset_version_changes", version.pk)
    assert "nothing left to compare" in changes


@pytest.mark.parametrize(
    "content", [b"path,label,split\na.jpg,ant\n", b"a\n\xff", b'a\n"' + b"b" * 200_000]
)
def test_what_is_no_list_is_none_for_whoever_reads_it(
    curator_client: Client, version: DatasetVersion, content: bytes
) -> None:
    version.manifest_path.write_bytes(content)
    with pytest.raises(ValueError, match=r"unpack|decode|field larger"):
        list(manifest_rows(version.manifest_path))
    assert "not on the server any more" in text_of(curator_client, "dataset_version", version.pk)


def test_a_dataset_is_renamed_to_a_name_that_is_free(
    curator_client: Client, dataset: Dataset
) -> None:
    dataset_of("birds")
    address = reverse("studio:dataset_settings", args=[dataset.pk])
    assert (
        "of that name already" in curator_client.post(address, {"name": "birds"}).content.decode()
    )
    curator_client.post(address, {"name": "Garden bugs"})
    dataset.refresh_from_db()
    assert (dataset.name, dataset.folder_name) == ("Garden bugs", "bugs")
    Dataset.objects.filter(folder_name="birds").update(name="bugs 2")
    assert dataset_get_or_create(folder_name="bugs 2").name == "bugs 2 2"


def test_a_dataset_goes_with_what_is_its_own_and_its_folder_stays(
    curator_client: Client, version: DatasetVersion, recognizer: Recognizer
) -> None:
    dataset = version.dataset
    run_of(dataset, recognizer, state="failed", dataset_version=version)
    Routine.objects.create(recognizer=recognizer, dataset=dataset)
    text = text_of(curator_client, "dataset_remove", dataset.pk)
    for each in (
        "5 pictures",
        "1 version",
        "1 training run",
        "no longer learns",
        "stay where they are",
    ):
        assert each in text
    assert Dataset.objects.exists(), "only shown so far"
    address = reverse("studio:dataset_remove", args=[dataset.pk])
    text = curator_client.post(address, follow=True).content.decode()
    assert "was deleted" in text
    assert not Dataset.objects.exists()
    assert not TrainingRun.objects.exists()
    assert dataset.path.is_dir()
    assert not version.manifest_path.exists()
    assert curator_client.post(address).status_code == 404, "pressed twice"


def test_the_files_of_a_zip_go_with_its_dataset(curator_client: Client, dataset: Dataset) -> None:
    Dataset.objects.filter(pk=dataset.pk).update(origin=Dataset.Origin.UPLOAD)
    assert "which came in a ZIP" in text_of(curator_client, "dataset_remove", dataset.pk)
    curator_client.post(reverse("studio:dataset_remove", args=[dataset.pk]))
    assert list(dataset.path.parent.iterdir()) == []


def test_corrections_of_a_dataset_that_is_deleted_wait_to_be_taken_into_another(
    live_version: ModelVersion, owner: User, curator: User
) -> None:
    recognizer = live_version.recognizer
    dataset = colours_dataset(recognizer)
    TrainingRun.objects.all().delete()
    review = decided(judged(owner, live_version), curator)
    corrections_take(recognizer=recognizer, dataset=dataset)
    assert list(reviews_to_take(recognizer)) == []
    assert dataset_delete(dataset=dataset)
    assert list(reviews_to_take(recognizer)) == [review]
    assert list(queue_of(recognizer, DECIDED).ids) == [review.prediction_id]
    other = dataset_of("others")
    assert corrections_take(recognizer=recognizer, dataset=other).number == 1


def test_a_dataset_that_is_needed_is_not_deleted_and_says_what_needs_it(
    curator_client: Client, curator: User, dataset: Dataset, recognizer: Recognizer
) -> None:
    learned = run_of(dataset, recognizer, version=version_of(recognizer))
    waiting = run_of(dataset, recognizer, state="queued")
    dataset_import(dataset=dataset, requested_by=curator)
    address = reverse("studio:dataset_remove", args=[dataset.pk])
    text = curator_client.post(address).content.decode()
    assert "was not deleted" in text
    for each in (str(learned.version), str(waiting), "reading a dataset"):
        assert each in text
    assert dataset.examples.count() == 5
    do_job(dataset)
    TrainingRun.objects.all().delete()
    curator_client.post(address)
    assert not Dataset.objects.exists()


def test_the_list_finds_datasets_and_leads_to_their_pages(
    curator_client: Client, dataset: Dataset
) -> None:
    dataset_of("birds")
    text = curator_client.get("/admin/studio/dataset/?q=bug").content.decode()
    assert "bugs" in text
    assert "birds" not in text
    change = curator_client.get(f"/admin/studio/dataset/{dataset.pk}/change/")
    assert change["Location"] == reverse("studio:dataset", args=[dataset.pk])
    add = curator_client.get("/admin/studio/dataset/add/")
    assert add["Location"] == reverse("studio:dataset_new")
    delete = curator_client.get(f"/admin/studio/dataset/{dataset.pk}/delete/")
    assert delete.status_code == 403, "its own page shows first what goes with it"
