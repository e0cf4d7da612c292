"""Datasets: what lies on the disk becomes rows, and what a run learns from stays as it was."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from tests.pictures import picture_bytes
from training.sources.csv_manifest import read_csv
from webapp.studio.datasets.reading import dataset_read
from webapp.studio.datasets.refusals import FolderRefused
from webapp.studio.datasets.services import dataset_get_or_create, version_freeze
from webapp.studio.models import Dataset, Example

MakeFolder = Callable[..., Dataset]


@pytest.fixture
def folder(db: None, settings: Settings, tmp_path: Path) -> Path:
    settings.DATA_DIR, settings.DATASETS_DIR = tmp_path, tmp_path / "datasets"
    settings.MANIFESTS_DIR = tmp_path / "manifests"
    for name in ("ant/1.jpg", "ant/2.jpg", "bee/1.jpg"):
        file = tmp_path / "datasets" / "bugs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path / "datasets" / "bugs"


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
