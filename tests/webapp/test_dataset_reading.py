"""A dataset that is being read, was never read, or cannot be: no version has a part of its pictures."""

import threading
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from tests.webapp.corrections import colours_dataset, decided, judged
from tests.webapp.datasets import FILES, dataset_of, do_job, folder_of
from webapp.accounts.models import User
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.studio import trainer
from webapp.studio.datasets import services
from webapp.studio.datasets.adding import dataset_import
from webapp.studio.datasets.reading import dataset_read
from webapp.studio.datasets.refusals import FolderRefused
from webapp.studio.datasets.services import version_freeze
from webapp.studio.loop import routines
from webapp.studio.loop.routines import routine_set, routines_start_due
from webapp.studio.loop.taking import TakingRefused, corrections_take
from webapp.studio.models import Dataset, DatasetVersion, Routine, TrainingRun
from webapp.studio.runs.listed import version_of
from webapp.studio.services import run_create

State = Dataset.State
NEW = "/admin/studio/datasets/new/"


@pytest.fixture
def dataset(curator: User) -> Dataset:
    return dataset_of(created_by=curator)


def page(client: Client, dataset: Dataset) -> str:
    return client.get(reverse("studio:dataset", args=[dataset.pk])).content.decode()


def new_run(recognizer: Recognizer, **more: Any) -> TrainingRun:
    config = {"backbone": "mobilenet_v2", "weights": "none"}
    return run_create(
        recognizer=recognizer, folder_name="bugs", config=config, requested_by=None, **more
    )


# While it is read


def test_while_a_dataset_is_read_again_no_version_is_made_of_it(
    dataset: Dataset, curator: User, curator_client: Client
) -> None:
    dataset_import(dataset=dataset, requested_by=curator)
    address = reverse("studio:dataset_versions", args=[dataset.pk])
    text = curator_client.post(address, {"note": "half"}, follow=True).content.decode()
    assert "its pictures are being read just now" in text
    assert not DatasetVersion.objects.exists()
    do_job(dataset)
    curator_client.post(address, {"note": "whole"})
    assert DatasetVersion.objects.get().note == "whole"


def test_while_a_run_reads_its_dataset_it_alone_makes_a_version_of_it(
    dataset: Dataset, recognizer: Recognizer
) -> None:
    run = new_run(recognizer)
    TrainingRun.objects.update(state="running")
    folder_of("bugs", "wasp/1.jpg")
    with pytest.raises(FolderRefused, match="being read just now"):
        version_freeze(dataset=dataset)
    run.refresh_from_db()
    version = version_of(run)
    assert version.class_counts == {"ant": 3, "bee": 2, "wasp": 1}
    assert version_freeze(dataset=dataset) == version


def test_a_run_on_a_zip_that_is_being_read_again_reads_the_rest_itself(
    dataset: Dataset, recognizer: Recognizer, curator: User
) -> None:
    Dataset.objects.update(origin=Dataset.Origin.UPLOAD)
    run = new_run(recognizer)
    TrainingRun.objects.update(state="running")
    run.refresh_from_db()
    dataset_import(dataset=dataset, requested_by=curator)
    folder_of("bugs", "wasp/1.jpg", "wasp/2.jpg")
    assert version_of(run).class_counts["wasp"] == 2


@pytest.mark.django_db(transaction=True)
def test_who_makes_a_version_ends_that_before_a_reading_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset = dataset_of()
    folder_of("bugs", "wasp/1.jpg")
    write_manifest = services.write_manifest

    def read_again() -> None:
        try:
            dataset_read(Dataset.objects.get())
        finally:
            connection.close()

    reading = threading.Thread(target=read_again)

    def write_while_somebody_reads(dataset: Dataset, file: Path) -> tuple[Counter[str], str]:
        reading.start()
        reading.join(0.5)
        return write_manifest(dataset, file)

    monkeypatch.setattr(services, "write_manifest", write_while_somebody_reads)
    assert version_freeze(dataset=dataset).num_examples == len(FILES)
    reading.join()
    assert dataset.examples.count() == len(FILES) + 1


# While it is read: corrections


@pytest.fixture
def colours(live_version: ModelVersion, owner: User, curator: User) -> Dataset:
    """Being read again; a correction could be taken into it."""
    made = colours_dataset(live_version.recognizer)
    decided(judged(owner, live_version), curator)
    dataset_import(dataset=made, requested_by=curator)
    return made


def test_corrections_are_not_taken_into_a_dataset_that_is_being_read(
    colours: Dataset, recognizer: Recognizer
) -> None:
    with pytest.raises(TakingRefused, match="being read just now"):
        corrections_take(recognizer=recognizer, dataset=colours)
    assert not colours.examples.exclude(prediction=None).exists()
    colours.jobs.update(state="succeeded")
    assert corrections_take(recognizer=recognizer, dataset=colours).number == 1


def test_a_reading_that_begins_while_corrections_are_copied_has_them_wait(
    colours: Dataset, recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.studio.loop.taking.expect_at_rest", lambda dataset: None)
    with pytest.raises(TakingRefused, match="being read just now"):
        corrections_take(recognizer=recognizer, dataset=colours)
    assert not colours.examples.exclude(prediction=None).exists()


def test_a_night_that_finds_the_dataset_being_read_is_not_lost(
    colours: Dataset, recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routines, "machines_zone", lambda: UTC)
    routine_set(
        recognizer=recognizer,
        dataset=colours,
        config={},
        after_corrections=None,
        at_night=True,
        promote=False,
    )
    yesterday = datetime(2026, 1, 1, 12, tzinfo=UTC)
    Routine.objects.update(last_started_at=yesterday)
    at_night = datetime(2026, 1, 2, 2, 1, tzinfo=UTC)
    assert routines_start_due(now=at_night) == 0
    colours.jobs.update(state="succeeded")
    assert routines_start_due(now=at_night) == 1


# Not read


def test_a_dataset_that_waits_for_its_run_says_that_it_is_not_read_and_not_that_it_is_empty(
    recognizer: Recognizer, curator_client: Client
) -> None:
    folder_of("bugs")
    dataset = new_run(recognizer).dataset
    text = page(curator_client, dataset)
    assert "This dataset is not read yet." in text
    assert "There are no pictures yet" not in text
    dataset_read(dataset)
    dataset.examples.all().delete()
    text = page(curator_client, dataset)
    assert "This dataset is not read yet." not in text
    assert "There are no pictures yet" in text


def test_a_dataset_whose_first_reading_a_run_is_refused_says_so_and_can_be_read_again(
    recognizer: Recognizer, curator_client: Client
) -> None:
    folder_of("bugs", "1.jpg")  # in no class
    run = new_run(recognizer)
    trainer.train_next()
    run.refresh_from_db()
    assert run.state == TrainingRun.State.FAILED
    dataset = Dataset.objects.get()
    assert dataset.state == State.FAILED
    text = page(curator_client, dataset)
    assert "The dataset could not be read." in text
    assert reverse("studio:dataset_read_again", args=[dataset.pk]) in text
    folder_of("bugs")
    curator_client.post(reverse("studio:dataset_read_again", args=[dataset.pk]))
    do_job(dataset)
    assert "could not be read" not in page(curator_client, dataset)


@pytest.mark.parametrize(("state", "is_in_a_job"), [(State.READY, False), (State.READING, True)])
def test_what_was_read_before_or_is_read_by_a_job_is_not_given_up_with_a_run(
    recognizer: Recognizer, dataset: Dataset, curator: User, state: State, is_in_a_job: bool
) -> None:
    for file in FILES:
        (dataset.path / file).unlink()
    for name in ("ant", "bee"):
        (dataset.path / name).rmdir()
    Dataset.objects.update(state=state)
    if is_in_a_job:
        dataset_import(dataset=dataset, requested_by=curator)
    new_run(recognizer)
    trainer.train_next()
    assert TrainingRun.objects.get().state == TrainingRun.State.FAILED
    assert Dataset.objects.get().state == state


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
