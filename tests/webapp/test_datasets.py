"""Datasets: what lies on the disk becomes rows, and what a run learns from stays as it was."""

import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from tests.pictures import picture_bytes
from training.sources.csv_manifest import read_csv
from training.sources.index import IndexBuilder
from training.sources.remarks import Remark
from webapp.accounts.models import User
from webapp.studio.datasets import reading
from webapp.studio.datasets.forms import RenameForm
from webapp.studio.datasets.reading import dataset_read, examples_write
from webapp.studio.datasets.refusals import FolderRefused
from webapp.studio.datasets.services import dataset_get_or_create, version_freeze
from webapp.studio.models import Dataset, Example
from webapp.studio.notes import note_text


@pytest.fixture
def dataset(folder: Path) -> Dataset:
    made = dataset_get_or_create(folder_name="bugs")
    dataset_read(made)
    return made


def labels_of(dataset: Dataset) -> dict[str, str]:
    rows = Example.objects.filter(dataset=dataset).included()
    return {Path(path).name: label for path, label in rows.values_list("path", "label")}


def test_a_folder_becomes_rows(dataset: Dataset) -> None:
    rows = dataset.examples.order_by("path").values_list("path", "label", "given_label", "split")
    assert list(rows) == [
        ("datasets/bugs/ant/1.jpg", "ant", "ant", ""),
        ("datasets/bugs/ant/2.jpg", "ant", "ant", ""),
        ("datasets/bugs/bee/1.jpg", "bee", "bee", ""),
    ]
    assert dataset.state == Dataset.State.READY


def test_read_again_it_learns_what_came_and_what_went_and_keeps_what_was_decided(
    dataset: Dataset, folder: Path
) -> None:
    dataset.examples.filter(path__endswith="ant/1.jpg").update(label="bee")
    (folder / "ant" / "3.jpg").touch()
    (folder / "ant" / "2.jpg").unlink()
    assert dataset_read(dataset) == (1, 1)
    assert dataset.examples.get(path__endswith="ant/1.jpg").label == "bee"
    assert dataset.examples.get(path__endswith="ant/2.jpg").excluded == Example.Excluded.GONE
    (folder / "ant" / "2.jpg").touch()
    assert dataset_read(dataset) == (0, 0)
    assert dataset.examples.get(path__endswith="ant/2.jpg").excluded == ""


def test_a_version_stays_what_it_was(dataset: Dataset, folder: Path) -> None:
    first = version_freeze(dataset=dataset)
    assert version_freeze(dataset=dataset) == first, "nothing has changed"
    dataset.examples.filter(path__endswith="ant/1.jpg").update(label="bee")
    dataset.examples.filter(path__endswith="ant/2.jpg").update(excluded="curator")
    second = version_freeze(dataset=dataset)
    assert (first.number, second.number) == (1, 2)
    assert (first.class_counts, second.class_counts) == ({"ant": 2, "bee": 1}, {"bee": 2})
    index = read_csv(first.manifest_path, root=folder.parent.parent)
    assert list(index.paths)[:2] == ["datasets/bugs/ant/1.jpg", "datasets/bugs/ant/2.jpg"]
    assert index.class_names == ("ant", "bee")


def test_a_folder_that_leads_out_is_refused(dataset: Dataset, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "ant").mkdir(parents=True)
    (folder.parent / "linked").symlink_to(tmp_path / "elsewhere")
    linked = dataset_get_or_create(folder_name="linked")
    with pytest.raises(FolderRefused, match="leads out of it"):
        dataset_read(linked)


def test_its_pictures_are_encoded_anew_for_curators_alone(
    dataset: Dataset, folder: Path, curator_client: Client, owner_client: Client
) -> None:
    (folder / "ant" / "1.jpg").write_bytes(picture_bytes() + b"<script>")
    example = dataset.examples.get(path__endswith="ant/1.jpg")
    for name in ("example_thumbnail", "example_picture"):
        address = reverse(f"studio:{name}", args=[dataset.pk, example.pk])
        for _ in range(2):  # made, and kept
            response = curator_client.get(address)
            assert response["Content-Type"] == "image/jpeg"
            assert b"<script>" not in response.content
        assert owner_client.get(address).status_code == 302
    empty = dataset.examples.get(path__endswith="ant/2.jpg")
    address = reverse("studio:example_thumbnail", args=[dataset.pk, empty.pk])
    assert curator_client.get(address).status_code == 404, "it is no picture"


def test_a_picture_that_a_link_leads_out_to_is_not_shown(
    dataset: Dataset, folder: Path, curator_client: Client, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "secret.jpg"
    elsewhere.write_bytes(picture_bytes())
    (folder / "ant" / "1.jpg").unlink()
    (folder / "ant" / "1.jpg").symlink_to(elsewhere)
    example = dataset.examples.get(path__endswith="ant/1.jpg")
    address = reverse("studio:example_thumbnail", args=[dataset.pk, example.pk])
    assert curator_client.get(address).status_code == 404


# Read in several transactions


def stop_at(fraction: float) -> Callable[[float], None]:
    """A worker that dies there."""

    def tell(now: float) -> None:
        if now >= fraction:
            raise SystemExit

    return tell


@pytest.mark.django_db(transaction=True)
def test_others_write_while_a_dataset_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "ROWS_AT_ONCE", 1)

    def write(name: str) -> None:
        try:
            User.objects.create_user(name)
        finally:
            connection.close()

    def tell(fraction: float) -> None:
        thread = threading.Thread(target=write, args=[f"visitor {fraction:.1f}"])
        thread.start()
        thread.join()

    assert dataset_read(dataset_get_or_create(folder_name="bugs"), tell=tell) == (3, 0)
    names = [f"visitor {number}" for number in ("0.0", "0.3", "0.7")]
    assert list(User.objects.order_by("username").values_list("username", flat=True)) == names


def test_a_reading_that_died_in_the_middle_and_is_repeated_has_each_picture_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, curator_client: Client
) -> None:
    monkeypatch.setattr(reading, "ROWS_AT_ONCE", 1)
    dataset = dataset_get_or_create(folder_name="bugs")
    page = reverse("studio:dataset", args=[dataset.pk])
    with pytest.raises(SystemExit):
        dataset_read(dataset, tell=stop_at(0.5))
    dataset.refresh_from_db()
    assert (dataset.state, dataset.examples.count()) == (Dataset.State.READING, 2)
    assert "1.jpg" not in curator_client.get(page).content.decode(), "it would look like all"
    assert dataset_read(dataset) == (1, 0)
    assert labels_of(dataset) == {"1.jpg": "bee", "2.jpg": "ant"}
    assert (dataset.state, dataset.examples.count()) == (Dataset.State.READY, 3)
    assert "1.jpg" in curator_client.get(page).content.decode()


def test_two_workers_that_read_the_same_dataset_make_each_picture_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "ROWS_AT_ONCE", 1)
    dataset = dataset_get_or_create(folder_name="bugs")
    others: list[tuple[int, int]] = []

    def tell(fraction: float) -> None:
        if not others:
            others.append((0, 0))
            others.append(dataset_read(dataset))

    dataset_read(dataset, tell=tell)
    assert others[1] == (3, 0)
    assert dataset.examples.count() == 3


def test_what_a_curator_decides_while_it_is_read_again_stays(
    dataset: Dataset, folder: Path
) -> None:
    (folder / "ant" / "2.jpg").unlink()
    row = dataset.examples.filter(path__endswith="ant/2.jpg")
    dataset_read(dataset, tell=lambda fraction: row.update(excluded="curator") and None)
    assert row.get().excluded == "curator"


def test_paths_that_no_index_takes_are_left_out_and_counted(dataset: Dataset, folder: Path) -> None:
    letters = random.Random(7)
    builder = IndexBuilder(folder)
    # Such as do not get shorter when a database packs them.
    names = ["".join(chr(letters.randrange(0x4E00, 0x9FFF)) for _ in range(n)) for n in (800, 900)]
    for name in (*names, "x" * 1000, "name \udcff"):
        builder.add(f"ant/{name}.jpg", ("ant",), None)
    builder.add("ant/short.jpg", ("a|" * 130,), None)
    index = builder.build([Remark("other_files", 2)])
    assert examples_write(dataset=dataset, index=index) == (1, 3)
    assert dataset.examples.included().get().path.endswith(f"{names[0]}.jpg")
    assert [note_text(note) for note in dataset.notes] == [
        "Files that are no pictures by their name, left out: 2.",
        "Pictures whose path or class is too long or no text, left out: 4. Rename them.",
    ]


# Its name


def test_a_new_name_takes_back_nothing_that_a_reading_has_written_meanwhile(
    dataset: Dataset, curator_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_valid = RenameForm.is_valid

    def is_valid_while_it_is_read(form: RenameForm) -> bool:
        Dataset.objects.update(state=Dataset.State.FAILED, notes=["A note."])
        return is_valid(form)

    monkeypatch.setattr(RenameForm, "is_valid", is_valid_while_it_is_read)
    curator_client.post(reverse("studio:dataset_settings", args=[dataset.pk]), {"name": "Garden"})
    dataset.refresh_from_db()
    assert (dataset.name, dataset.state, dataset.notes) == (
        "Garden",
        Dataset.State.FAILED,
        ["A note."],
    )


def test_a_new_name_brings_no_dataset_back_that_was_deleted_meanwhile(
    dataset: Dataset, curator_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_valid_while_it_is_deleted(form: RenameForm) -> bool:
        form.full_clean()
        Dataset.objects.all().delete()
        return True

    monkeypatch.setattr(RenameForm, "is_valid", is_valid_while_it_is_deleted)
    address = reverse("studio:dataset_settings", args=[dataset.pk])
    assert curator_client.post(address, {"name": "Garden"}).status_code == 404
    assert not Dataset.objects.exists()


def test_of_two_datasets_that_are_given_one_name_at_the_same_moment_the_second_is_told(
    dataset: Dataset, curator_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_valid_while_another_is_renamed(form: RenameForm) -> bool:
        form.full_clean()
        Dataset.objects.create(name="Garden", folder_name="garden")
        return True

    monkeypatch.setattr(RenameForm, "is_valid", is_valid_while_another_is_renamed)
    address = reverse("studio:dataset_settings", args=[dataset.pk])
    text = curator_client.post(address, {"name": "Garden"}).content.decode()
    assert "of that name already" in text
    dataset.refresh_from_db()
    assert dataset.name == "bugs"
