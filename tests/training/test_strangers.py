"""training.dataset.strangers: the pictures of other things that "none of these" is measured on."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from classifier.preprocess import read_input
from tests.bundles import colour_graph
from tests.training.folders import write_picture
from training.backbones.network import Network
from training.dataset.strangers import embeddings_of_folder
from training.errors import DatasetRefused
from training.workplace import Workplace

IMAGE_SIZE = 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "others").mkdir()
    return tmp_path / "others"


def network() -> Network:
    return Network(colour_graph(IMAGE_SIZE), "k", lambda: None)


def embeddings(folder: Path, place: Workplace) -> NDArray[np.float32]:
    return embeddings_of_folder(folder, network(), IMAGE_SIZE, "fp32", place)


def test_every_picture_below_the_folder_is_embedded_in_order(
    folder: Path, place: Workplace
) -> None:
    names = ["b.png", "a.JPG", "deep/er/c.png", os.fsdecode(b"\xff.png")]
    paths = [write_picture(folder / name, seed) for seed, name in enumerate(names[:3])]
    odd = write_picture(folder / "odd.png", 3)
    paths.append(odd.rename(folder / names[3]))
    found = embeddings(folder, place)
    assert found.shape == (4, 3)
    assert found.dtype == np.float32
    expected = [read_input(path, IMAGE_SIZE).mean(axis=(0, 1)) / 255 for path in sorted(paths)]
    assert found == pytest.approx(np.array(expected), abs=1e-5)


def test_what_is_no_picture_is_passed_over(folder: Path, place: Workplace) -> None:
    write_picture(folder / "fine.png", 0)
    write_picture(folder / ".hidden.png", 1)
    write_picture(folder / ".thumbnails" / "small.png", 2)
    (folder / "notes.txt").write_text("hello")
    (folder / "broken.jpg").write_text("hello")
    assert len(embeddings(folder, place)) == 1


def test_copies_count_once(folder: Path, place: Workplace) -> None:
    write_picture(folder / "a.png", 0)
    shutil.copy(folder / "a.png", folder / "b.png")
    write_picture(folder / "c.png", 1)
    assert len(embeddings(folder, place)) == 2


def test_a_second_look_computes_nothing(
    folder: Path, place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(5):
        write_picture(folder / f"{seed}.png", seed)
    first = embeddings(folder, place)
    monkeypatch.setattr(Network, "embed", None)
    monkeypatch.setattr("training.dataset.survey.load_picture", None)
    assert (embeddings(folder, place) == first).all()


@pytest.mark.parametrize("content", ["nothing", "no folder", "a file", "no pictures", "broken"])
def test_a_folder_without_pictures_is_refused_by_name(
    content: str, folder: Path, place: Workplace
) -> None:
    if content == "no folder":
        folder.rmdir()
    elif content == "a file":
        folder.rmdir()
        write_picture(folder.with_suffix(".png"), 0).rename(folder)
    elif content == "no pictures":
        (folder / "notes.txt").write_text("hello")
    elif content == "broken":
        (folder / "broken.jpg").write_text("hello")
    with pytest.raises(DatasetRefused) as caught:
        embeddings(folder, place)
    assert caught.value.code == "no_outliers"
    assert str(folder) in str(caught.value)
