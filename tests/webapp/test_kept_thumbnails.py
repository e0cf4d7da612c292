"""webapp.predictions.pictures: the thumbnail of a kept picture is made when somebody looks at it."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from classifier.errors import InvalidImage
from tests.pictures import picture_bytes
from webapp.predictions import pictures
from webapp.predictions.models import Prediction


@pytest.fixture
def name() -> str:
    data = picture_bytes(size=(3000, 2000))
    file = SimpleUploadedFile("large.jpg", data)
    return pictures.keep(file, len(data), name=pictures.new_name()).name


def files() -> set[str]:
    folder = pictures.path_of("")
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_to_keep_a_picture_makes_none(name: str) -> None:
    assert files() == {Path(name).name}


def test_it_is_made_once_and_fits(name: str) -> None:
    first = pictures.thumbnail_of(name)
    assert Image.open(BytesIO(first)).size == (240, 160)
    pictures.thumbnail_path_of(name).write_bytes(b"kept")
    assert pictures.thumbnail_of(name) == b"kept"


def test_nothing_but_it_is_left_over_and_forgetting_takes_it_along(name: str) -> None:
    pictures.thumbnail_of(name)
    assert len(files()) == 2
    pictures.forget(name)
    assert files() == set()


def test_a_disk_that_takes_nothing_more_costs_only_the_keeping(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert Image.open(BytesIO(pictures.thumbnail_of(name))).size == (240, 160)
    assert files() == {Path(name).name}


def test_a_picture_that_is_forgotten_meanwhile_leaves_no_thumbnail(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = pictures.encode_jpeg

    def forgotten_meanwhile(*arguments: object, **options: object) -> bytes:
        pictures.forget(name)
        return encode(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(pictures, "encode_jpeg", forgotten_meanwhile)
    assert pictures.thumbnail_of(name)
    assert files() == set()


def test_without_its_picture_there_is_none(name: str) -> None:
    pictures.forget(name)
    with pytest.raises(FileNotFoundError):
        pictures.thumbnail_of(name)
    assert files() == set()


def test_a_damaged_picture_has_none(name: str) -> None:
    pictures.path_of(name).write_bytes(b"not a picture")
    with pytest.raises(InvalidImage):
        pictures.thumbnail_of(name)


@pytest.mark.parametrize("damage", ["gone", "damaged"])
def test_the_page_says_404_for_what_cannot_be_shown(
    damage: str, owner_client: Client, upload_of: Callable[..., list[Prediction]]
) -> None:
    [prediction] = upload_of("red")
    path = prediction.picture_path
    path.unlink() if damage == "gone" else path.write_bytes(b"not a picture")
    response = owner_client.get(f"/predictions/{prediction.public_id}/thumbnail.jpg")
    assert response.status_code == 404
