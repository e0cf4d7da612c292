"""training.dataset.survey: each file's facts, looked at once and remembered."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from classifier.images import EXIF_ORIENTATION, load_picture, read_bytes
from classifier.preprocess import read_input
from tests.training.folders import write_picture
from training.cache import Cache
from training.dataset.perceptual import perceptual_hashes, thumbnail
from training.dataset.pictures import Pictures
from training.dataset.survey import CHUNK, Survey, survey_files, thumbnails
from training.sources.index import Index, IndexBuilder

IMAGE_SIZE = 32


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    cache = Cache(tmp_path / "cache")
    yield cache
    cache.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The length of each file that is decoded from here on."""
    lengths: list[int] = []

    def counting(data: bytes, **options: Any) -> Any:
        lengths.append(len(data))
        return load_picture(data, **options)

    monkeypatch.setattr("training.dataset.survey.load_picture", counting)
    return lengths


def index_of(root: Path) -> Index:
    builder = IndexBuilder(root)
    for path in sorted(root.iterdir()):
        builder.add(path.name, ("thing",), None)
    return builder.build()


def survey(index: Index, cache: Cache, on_progress: Callable[[float], None] = print) -> Survey:
    return survey_files(index, cache, Pictures(index, IMAGE_SIZE), on_progress)


def save(path: Path, grey: Any, **options: Any) -> Path:
    Image.fromarray(np.asarray(grey, np.uint8)).save(path, **options)
    return path


# --- Facts


def test_the_facts_of_each_file_are_in_the_order_of_the_index(root: Path, cache: Cache) -> None:
    for seed, size in enumerate([(24, 20), (40, 30), (7, 50)]):
        write_picture(root / f"{seed}.png", seed, size)
    index = index_of(root)
    found = survey(index, cache)
    assert found.sizes.tolist() == [[24, 20], [40, 30], [7, 50]]
    assert not found.problems
    for row in range(3):
        data = index.path(row).read_bytes()
        assert found.sha256(row) == hashlib.sha256(data).digest()
        thumb = thumbnail(load_picture(data).image)
        assert tuple(found.perceptual[row].tolist()) == perceptual_hashes(thumb)
        assert found.contrasts[row] == pytest.approx(thumb.std())
        assert (thumbnails(cache, [found.sha256(row)])[found.sha256(row)] == thumb).all()


@pytest.mark.parametrize("is_known", [False, True])
def test_sizes_are_upright_and_those_of_the_file(is_known: bool, root: Path, cache: Cache) -> None:
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    save(root / "lying.jpg", np.zeros((20, 40)), exif=exif)
    save(root / "large.jpg", np.zeros((600, 900)))  # decoded at a fraction of its size
    index = index_of(root)
    if is_known:
        survey(index, cache)
    assert survey(index, cache).sizes.tolist() == [[900, 600], [20, 40]]


def test_contrast_is_the_deviation_of_the_grey_values(root: Path, cache: Cache) -> None:
    halves = np.zeros((64, 64))
    halves[:, 32:] = 255
    save(root / "a_flat.png", np.full((64, 64), 200))
    save(root / "b_ramp.png", np.tile(np.arange(64) * 4, (64, 1)))
    save(root / "c_halves.png", halves)
    flat, ramp, all_of_it = survey(index_of(root), cache).contrasts
    assert flat == 0
    assert ramp == pytest.approx(255 / np.sqrt(12), abs=1.5)
    assert all_of_it == pytest.approx(127.5)


def test_no_files_have_no_facts(root: Path, cache: Cache) -> None:
    found = survey(index_of(root), cache)
    assert found.hashes.shape == (0, 32)
    assert not found.problems


def test_progress_goes_from_chunk_to_chunk_up_to_one(root: Path, cache: Cache) -> None:
    for number in range(CHUNK + 1):
        (root / f"{number}.png").write_bytes(b"%d" % number)
    told: list[float] = []
    survey(index_of(root), cache, told.append)
    assert told == [pytest.approx(CHUNK / (CHUNK + 1)), 1.0]


# --- What was looked at before


def test_a_second_survey_decodes_nothing(root: Path, cache: Cache, decoded: list[int]) -> None:
    for seed in range(5):
        write_picture(root / f"{seed}.png", seed)
    index = index_of(root)
    first = survey(index, cache)
    assert len(decoded) == 5
    second = survey(index, cache)
    assert len(decoded) == 5
    for name in ("hashes", "sizes", "perceptual", "contrasts"):
        assert (getattr(first, name) == getattr(second, name)).all()


def test_only_new_content_is_decoded_whatever_its_name(
    root: Path, cache: Cache, decoded: list[int]
) -> None:
    for seed in range(4):
        write_picture(root / f"{seed}.png", seed)
    survey(index_of(root), cache)
    decoded.clear()
    (root / "0.png").rename(root / "renamed.png")
    new = write_picture(root / "new.png", 99)
    survey(index_of(root), cache)
    assert decoded == [new.stat().st_size]


def test_what_was_decoded_is_not_decoded_again_for_a_model_of_the_usual_size(
    root: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_picture(root / "0.jpg", 0, (200, 150))
    index = index_of(root)
    pictures = Pictures(index, 224)
    survey_files(index, cache, pictures)
    expected = read_input(root / "0.jpg", 224)
    monkeypatch.setattr(Pictures, "open", None)
    assert (pictures.read(0) == expected).all()


# --- Problems


def test_facts_do_not_depend_on_the_image_size(root: Path, tmp_path: Path) -> None:
    for seed in range(6):
        write_picture(root / f"{seed}.jpg", seed, (900, 700))
    index = index_of(root)
    found = []
    for size in (32, 224, 512):
        cache = Cache(tmp_path / str(size))
        found.append(survey_files(index, cache, Pictures(index, size)))
        cache.close()
    for other in found[1:]:
        assert (other.perceptual == found[0].perceptual).all()
        assert (other.contrasts == found[0].contrasts).all()


def test_problems_are_looked_at_again_each_time(root: Path, cache: Cache) -> None:
    whole = write_picture(root / "fine.jpg", 0).read_bytes()
    (root / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "empty.png").touch()
    (root / "text.png").write_text("hello")
    index = index_of(root)
    first = survey(index, cache).problems
    second = survey(index, cache).problems
    assert {index.paths[row]: problem.code for row, problem in first.items()} == {
        "cut.jpg": "damaged",
        "empty.png": "empty",
        "text.png": "unknown_format",
    }
    assert {row: (p.code, str(p)) for row, p in first.items()} == {
        row: (p.code, str(p)) for row, p in second.items()
    }


def test_a_file_without_picture_has_a_hash_and_no_thumbnail(root: Path, cache: Cache) -> None:
    (root / "text.png").write_text("hello")
    found = survey(index_of(root), cache)
    assert found.sha256(0) == hashlib.sha256(b"hello").digest()
    assert thumbnails(cache, [found.sha256(0)]) == {}


def test_a_file_that_has_vanished_is_a_problem_until_it_is_back(root: Path, cache: Cache) -> None:
    content = write_picture(root / "0.png", 0).read_bytes()
    index = index_of(root)
    (root / "0.png").unlink()
    found = survey(index, cache)
    assert found.problems[0].code == "missing"
    assert found.sha256(0) == bytes(32)
    (root / "0.png").write_bytes(content)
    assert not survey(index, cache).problems


def test_a_file_that_vanishes_in_between_is_no_problem_for_good(
    root: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = write_picture(root / "0.png", 0).read_bytes()
    index = index_of(root)

    def read_and_delete(path: Path) -> bytes:
        data = read_bytes(path)
        path.unlink()
        return data

    with monkeypatch.context() as patch:
        patch.setattr("training.dataset.survey.read_bytes", read_and_delete)
        assert survey(index, cache).problems[0].code == "missing"
    (root / "0.png").write_bytes(content)
    found = survey(index, cache)
    assert not found.problems
    assert found.sizes.tolist() == [[24, 20]]


def test_the_facts_of_a_file_that_changes_in_between_are_those_of_its_hash(
    root: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = write_picture(root / "0.png", 0).read_bytes()
    index = index_of(root)

    def read_and_change(path: Path) -> bytes:
        data = read_bytes(path)
        write_picture(path, 1, (50, 40))
        return data

    with monkeypatch.context() as patch:
        patch.setattr("training.dataset.survey.read_bytes", read_and_change)
        survey(index, cache)
    (root / "0.png").write_bytes(content)
    found = survey(index, cache)
    assert not found.problems
    assert found.sizes.tolist() == [[24, 20]]
