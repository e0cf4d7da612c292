"""Decided pictures become examples of a dataset: files and rows together, each once, and gone with their
owner's."""

import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
from django.db import connection
from django.db.models.deletion import ProtectedError
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from tests.webapp.corrections import PICTURE, colours_dataset, decided, judged
from webapp.accounts.models import User
from webapp.belongings.leaving import account_leave, leave_finish
from webapp.predictions.corrections import prediction_correct
from webapp.predictions.deletions import UNDO_MINUTES, predictions_delete, sweep
from webapp.predictions.models import Prediction
from webapp.predictions.pictures import path_of
from webapp.recognizers.models import ModelVersion
from webapp.studio.datasets import pictures
from webapp.studio.loop import files, taking
from webapp.studio.loop.measuring import corrections_measured
from webapp.studio.loop.taking import (
    TakingRefused,
    corrections_release,
    corrections_take,
)
from webapp.studio.models import Dataset, Example, Review, TrainingRun


@pytest.fixture
def taken(
    live_version: ModelVersion, corrected_dataset: Dataset, owner: User, curator: User
) -> Callable[..., Example]:
    def take(by: User = owner) -> Example:
        row = judged(by, live_version)
        decided(row, curator)
        corrections_take(recognizer=live_version.recognizer, dataset=corrected_dataset, by=curator)
        return Example.objects.get(prediction=row)

    return take


def copies() -> list[Path]:
    return sorted(files._file_of(files.FOLDER).rglob("*.jpg"))


def raise_(error: BaseException) -> NoReturn:
    raise error


def test_accepted_and_relabelled_pictures_become_a_version_and_dropped_ones_do_not(
    live_version: ModelVersion, corrected_dataset: Dataset, owner: User, curator: User
) -> None:
    accepted, relabelled, dropped, undecided = (judged(owner, live_version) for _ in range(4))
    decided(accepted, curator)
    decided(relabelled, curator, "relabelled", "green")
    decided(dropped, curator, "dropped")
    taken = corrections_take(
        recognizer=live_version.recognizer, dataset=corrected_dataset, by=curator
    )
    assert (taken.number, taken.num_gone) == (2, 0)
    assert (taken.version.note, taken.version.num_examples) == ("2 corrections", 8)
    assert taken.version.created_by == curator
    rows = {row.prediction_id: row for row in Example.objects.exclude(prediction=None)}
    assert {pk: (row.label, row.split) for pk, row in rows.items()} == {
        accepted.pk: ("blue", ""),
        relabelled.pk: ("green", ""),
    }
    for row in rows.values():
        assert row.path.startswith(f"corrections/{corrected_dataset.pk}/")
        assert row.file.read_bytes() == PICTURE
        assert row.path in taken.version.manifest_path.read_text()
    # A second name of the same file: no room is taken.
    assert rows[accepted.pk].file.samefile(path_of(accepted.picture_name))
    assert Review.objects.filter(taken_at=None).get().prediction == dropped
    assert undecided.pk not in rows
    again = corrections_take(
        recognizer=live_version.recognizer, dataset=corrected_dataset, by=curator
    )
    assert (again.number, again.version) == (0, taken.version)
    assert len(copies()) == 2


def test_where_splits_are_given_corrections_are_learned_from(
    live_version: ModelVersion, owner: User, curator: User
) -> None:
    dataset = colours_dataset(live_version.recognizer, split="val")
    decided(judged(owner, live_version), curator)
    corrections_take(recognizer=live_version.recognizer, dataset=dataset)
    assert Example.objects.exclude(prediction=None).get().split == "train"


def test_where_the_disk_has_no_links_the_picture_is_copied(
    live_version: ModelVersion,
    corrected_dataset: Dataset,
    owner: User,
    curator: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = judged(owner, live_version)
    decided(row, curator)
    monkeypatch.setattr(os, "link", lambda *paths: raise_(OSError(18, "Invalid cross-device link")))
    corrections_take(recognizer=live_version.recognizer, dataset=corrected_dataset)
    example = Example.objects.get(prediction=row)
    assert example.file.read_bytes() == PICTURE
    assert not example.file.samefile(path_of(row.picture_name))


def test_a_picture_that_is_gone_from_the_disk_is_left_out_and_told(
    live_version: ModelVersion, corrected_dataset: Dataset, owner: User, curator: User
) -> None:
    gone, there = judged(owner, live_version), judged(owner, live_version)
    for row in (gone, there):
        decided(row, curator)
    path_of(gone.picture_name).unlink()
    taken = corrections_take(recognizer=live_version.recognizer, dataset=corrected_dataset)
    assert (taken.number, taken.num_gone) == (1, 1)


def test_what_its_owner_says_anew_or_takes_back_is_not_taken(
    live_version: ModelVersion, corrected_dataset: Dataset, owner: User, curator: User
) -> None:
    anew, back, deleted = (judged(owner, live_version) for _ in range(3))
    for row in (anew, back, deleted):
        decided(row, curator)
    prediction_correct(owner=owner, public_id=anew.public_id, verdict="right")
    prediction_correct(owner=owner, public_id=back.public_id, verdict="")
    Prediction.objects.filter(pk=deleted.pk).update(deleted_at=timezone.now())
    assert (
        corrections_take(recognizer=live_version.recognizer, dataset=corrected_dataset).number == 0
    )
    assert copies() == []


def test_a_dataset_that_is_not_read_yet_takes_nothing(
    live_version: ModelVersion, corrected_dataset: Dataset, owner: User, curator: User
) -> None:
    Dataset.objects.update(state=Dataset.State.READING)
    corrected_dataset.refresh_from_db()
    decided(judged(owner, live_version), curator)
    with pytest.raises(TakingRefused, match="not read yet"):
        corrections_take(recognizer=live_version.recognizer, dataset=corrected_dataset)


@pytest.mark.parametrize("moment", ["copy_of", "sync", "version_freeze"])
def test_what_the_disk_does_not_take_is_told_and_can_be_taken_later(
    live_version: ModelVersion,
    corrected_dataset: Dataset,
    owner: User,
    curator: User,
    curator_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    decided(judged(owner, live_version), curator)
    address = reverse("studio:inbox_take", args=[live_version.recognizer_id])
    with monkeypatch.context() as patch:
        full = OSError(28, "No space left on device")
        place = taking if moment == "version_freeze" else files
        patch.setattr(place, moment, lambda *given, **more: raise_(full))
        page = curator_client.post(address, {"dataset": corrected_dataset.pk}, follow=True)
    assert "could not be read or written: No space left on device" in page.content.decode()
    assert copies() == []
    assert not Example.objects.exclude(prediction=None).exists()
    curator_client.post(address, {"dataset": corrected_dataset.pk})
    assert len(copies()) == Example.objects.exclude(prediction=None).count() == 1


def test_a_dataset_that_is_deleted_meanwhile_is_told(
    live_version: ModelVersion,
    corrected_dataset: Dataset,
    owner: User,
    curator: User,
    curator_client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decided(judged(owner, live_version), curator)
    sync = files.sync

    def sync_while_it_goes(dataset_id: int) -> None:
        sync(dataset_id)
        TrainingRun.objects.all().delete()
        Dataset.objects.get(pk=dataset_id).delete()

    monkeypatch.setattr(files, "sync", sync_while_it_goes)
    address = reverse("studio:inbox_take", args=[live_version.recognizer_id])
    page = curator_client.post(address, {"dataset": corrected_dataset.pk}, follow=True)
    assert "Expected a dataset to take the pictures into" in page.content.decode()
    assert copies() == []
    assert Review.objects.get().taken_at is None


# Killed in between


@pytest.mark.parametrize("moment", ["before the rows", "before the version"])
def test_killed_in_between_nothing_is_lost_and_nothing_double(
    live_version: ModelVersion,
    corrected_dataset: Dataset,
    owner: User,
    curator: User,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    row = judged(owner, live_version)
    decided(row, curator)
    name = {"before the rows": "_take", "before the version": "version_freeze"}[moment]
    with monkeypatch.context() as patch:
        patch.setattr(taking, name, lambda *a, **more: raise_(KeyboardInterrupt()))
        patch.setattr(files, "forget", lambda path: None)  # who is killed tidies nothing up
        with pytest.raises(KeyboardInterrupt):
            corrections_take(recognizer=live_version.recognizer, dataset=corrected_dataset)
    assert not Example.objects.exclude(prediction=None).exists()
    [left] = copies()
    assert (
        corrections_take(recognizer=live_version.recognizer, dataset=corrected_dataset).number == 1
    )
    assert len(copies()) == 2
    assert files.sweep() == 0, "its row might be about to be written"
    monkeypatch.setattr(files, "KEPT_WITHOUT_ROW_SECONDS", -1)
    time.sleep(0.01)
    assert files.sweep() == 1
    assert not left.exists()
    assert copies() == [Example.objects.get(prediction=row).file]


def test_what_another_curator_takes_at_the_same_moment_is_taken_once(
    live_version: ModelVersion,
    corrected_dataset: Dataset,
    owner: User,
    curator: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decided(judged(owner, live_version), curator)
    sync = files.sync

    def sync_while_another_takes(dataset_id: int) -> None:
        monkeypatch.setattr(files, "sync", sync)
        corrections_take(recognizer=live_version.recognizer, dataset=corrected_dataset)

    monkeypatch.setattr(files, "sync", sync_while_another_takes)
    assert (
        corrections_take(recognizer=live_version.recognizer, dataset=corrected_dataset).number == 0
    )
    assert len(copies()) == Example.objects.exclude(prediction=None).count() == 1


# Gone with their owner's


def test_what_a_visitor_deletes_is_gone_from_the_dataset_with_its_copies(
    owner: User,
    taken: Callable[..., Example],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    example, stays = taken(), taken()
    pictures.thumbnail_of(example)
    pictures.thumbnail_of(stays)
    thumbnails = list((Path(pictures.settings.CACHE_DIR) / "thumbnails").rglob("*.jpg"))
    assert len(thumbnails) == 2
    [public_id] = Prediction.objects.filter(pk=example.prediction_id).values_list(
        "public_id", flat=True
    )
    predictions_delete(owner=owner, public_ids=[public_id], deletion=public_id)
    long_ago = timezone.now() - timedelta(minutes=UNDO_MINUTES + 1)
    Prediction.objects.filter(pk=example.prediction_id).update(deleted_at=long_ago)
    with django_capture_on_commit_callbacks(execute=True):
        assert sweep() == 1
    assert not example.file.exists()
    assert copies() == [stays.file]
    assert sum(path.exists() for path in thumbnails) == 1
    assert Example.objects.exclude(prediction=None).get() == stays
    assert Review.objects.count() == 1


def test_who_leaves_takes_their_pictures_out_of_datasets(
    other: User,
    taken: Callable[..., Example],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    taken(), taken(by=other)
    with django_capture_on_commit_callbacks(execute=True):
        account_leave(user=other)
        assert leave_finish(seconds=10, only=other)
    assert len(copies()) == Example.objects.exclude(prediction=None).count() == 1


@pytest.mark.parametrize("is_allowed", [False, True])
def test_what_an_owner_takes_back_leaves_the_dataset_with_the_next_round(
    is_allowed: bool,
    owner: User,
    taken: Callable[..., Example],
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    settings.CURATORS_SEE_UNCERTAIN = is_allowed  # of what it was sure of, that changes nothing
    example, stays = taken(), taken()
    assert example.prediction
    public_id = example.prediction.public_id
    prediction_correct(owner=owner, public_id=public_id, verdict="")
    with django_capture_on_commit_callbacks(execute=True):
        assert corrections_release() == 1
    assert copies() == [stays.file]
    assert not Review.objects.filter(prediction__public_id=public_id).exists()
    prediction_correct(owner=owner, public_id=public_id, verdict="right")
    assert corrections_release() == 0


def test_the_sweep_asks_of_one_dataset_at_a_time(
    taken: Callable[..., Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index that finds a file begins with its dataset."""
    example = taken()
    monkeypatch.setattr(files, "KEPT_WITHOUT_ROW_SECONDS", -1)
    with CaptureQueriesContext(connection) as queries:
        assert files.sweep() == 0
    [query] = [each["sql"] for each in queries if "studio_example" in each["sql"]]
    assert f'"dataset_id" = {example.dataset_id}' in query


def test_a_file_of_a_folder_is_never_touched(
    corrected_dataset: Dataset, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    example = Example.objects.filter(prediction=None).first()
    assert example
    example.file.parent.mkdir(parents=True)
    example.file.write_bytes(PICTURE)
    with django_capture_on_commit_callbacks(execute=True):
        example.delete()
    assert example.file.exists()


# What became of them


def test_the_run_says_how_many_corrections_are_right_now_and_were_before(
    live_version: ModelVersion,
    new_version: Callable[..., ModelVersion],
    corrected_dataset: Dataset,
    owner: User,
    curator: User,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    from classifier.answering import open_answerer
    from classifier.bundle import Bundle

    for label in ("blue", "green"):  # all pictures are blue
        row = judged(owner, live_version, "wrong", label)
        decided(row, curator)
    taken = corrections_take(recognizer=live_version.recognizer, dataset=corrected_dataset)
    run = TrainingRun.objects.create(
        recognizer=live_version.recognizer,
        dataset=corrected_dataset,
        dataset_version=taken.version,
        config={},
    )
    other = new_version(class_names=("green", "blue", "red"))  # calls blue green
    answerer = open_answerer(Bundle.load(other.bundle_path), device="cpu")
    figures: Any = corrections_measured(run, answerer)
    assert figures == {"corrections": {"num": 2, "right_now": 1, "right_before": 1}}
    # What has become of the dataset since is another version's.
    later = judged(owner, live_version)
    decided(later, curator)
    corrections_take(recognizer=live_version.recognizer, dataset=corrected_dataset)
    learned = Example.objects.exclude(prediction=None).exclude(prediction=later)
    learned.filter(label="green").update(excluded=Example.Excluded.CURATOR)
    learned.filter(label="blue").update(label="red")
    assert corrections_measured(run, answerer) == figures
    # What its owner has deleted is looked at no more.
    with django_capture_on_commit_callbacks(execute=True):
        learned.filter(label="green").delete()
    figures = corrections_measured(run, answerer)
    assert figures == {"corrections": {"num": 1, "right_now": 0, "right_before": 1}}
    with django_capture_on_commit_callbacks(execute=True):
        learned.delete()
    assert corrections_measured(run, answerer) == {}


def test_a_dataset_that_a_run_used_cannot_go_before_it(corrected_dataset: Dataset) -> None:
    with pytest.raises(ProtectedError):
        corrected_dataset.delete()
