"""classifier.neighbours: the training pictures in a bundle, and files that are none."""

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier.neighbours import Neighbours
from classifier.outliers import as_kept, distance_scores, unit
from tests.classifier.embeddings import drawn


def neighbours(num: int = 40, num_features: int = 128) -> Neighbours:
    return Neighbours(
        embeddings=as_kept(drawn(num, num_features)),
        labels=np.arange(num, dtype=np.int32) % 4,
        hashes=np.random.default_rng(0).integers(0, 256, (num, 32), dtype=np.uint8),
        label_sets=((2,), (0, 1), (), (3, 0, 2)),
        offsets=np.r_[0, 0, np.arange(1, num) * 1_000],
    )


def test_they_come_back_from_their_file(tmp_path: Path) -> None:
    known = neighbours()
    path = tmp_path / "neighbours.npz"
    known.save(path)
    again = Neighbours.load(path)
    assert again.embeddings.dtype == np.float16
    assert (again.embeddings == known.embeddings).all()
    assert (again.labels == known.labels).all()
    assert (again.hashes == known.hashes).all()
    assert again.label_sets == known.label_sets
    strangers = drawn(10, 128, seed=2)
    assert (
        distance_scores(strangers, again.embeddings) == distance_scores(strangers, known.embeddings)
    ).all()
    assert path.stat().st_size < 40 * (2 * 128 + 4 + 32 + 8) + 3_000  # half precision


def test_half_precision_is_near_enough() -> None:
    strangers, known = drawn(50, 128, seed=2), drawn(40, 128)
    kept, exact = as_kept(known), unit(known)
    cosines = unit(strangers) @ exact.T
    plain = 1 - np.sort(cosines, axis=1)[:, -3:].mean(axis=1)
    assert distance_scores(strangers, kept) == pytest.approx(plain, abs=1e-3)


def test_a_picture_has_several_classes_or_none(tmp_path: Path) -> None:
    known = neighbours()
    known.save(tmp_path / "neighbours.npz")
    again = Neighbours.load(tmp_path / "neighbours.npz")
    assert [again.classes_of(place) for place in range(5)] == [(2,), (0, 1), (), (3, 0, 2), (2,)]


def test_a_thumbnail_without_length_is_none(tmp_path: Path) -> None:
    known = neighbours()
    known.save(tmp_path / "neighbours.npz")
    again = Neighbours.load(tmp_path / "neighbours.npz")
    assert [again.thumbnail_of(place) for place in range(3)] == [None, (0, 1_000), (1_000, 1_000)]
    assert replace(known, offsets=None).thumbnail_of(1) is None


def test_the_first_bundles_have_neither_label_sets_nor_thumbnails(tmp_path: Path) -> None:
    known = neighbours()
    path = tmp_path / "neighbours.npz"
    np.savez(path, embeddings=known.embeddings, labels=known.labels, hashes=known.hashes)
    again = Neighbours.load(path)
    assert again.label_sets == ()
    assert again.thumbnail_of(0) is None


def test_no_pickle_is_written_and_none_is_read(tmp_path: Path) -> None:
    path = tmp_path / "neighbours.npz"
    neighbours().save(path)
    with zipfile.ZipFile(path) as archive:
        assert {name.removesuffix(".npy") for name in archive.namelist()} == {
            "embeddings",
            "hashes",
            "labels",
            "offsets",
            "set_classes",
            "set_ends",
        }
        for name in archive.namelist():
            assert b"'|O'" not in archive.read(name)[:128]
    objects = np.array([{"any": "object"}], dtype=object)
    np.savez(path, embeddings=objects, labels=objects, hashes=objects)
    with pytest.raises(ValueError, match="pickle"):
        Neighbours.load(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"labels": np.arange(39, dtype=np.int32) % 4}, "39 labels"),
        ({"hashes": np.zeros((3, 32), np.uint8)}, "embeddings with"),
        ({"labels": np.full(40, 4, np.int32)}, "beyond the 4 sets"),
        ({"labels": np.full(40, -1, np.int32)}, "beyond the 4 sets"),
        ({"embeddings": np.zeros((40, 8), np.float32)}, "half precision"),
        ({"embeddings": np.zeros(40, np.float16)}, "half precision"),
        ({"offsets": np.arange(40)}, "follow each other"),
        ({"offsets": np.arange(41)[::-1]}, "follow each other"),
        ({"offsets": np.arange(1, 42)}, "follow each other"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "neighbours.npz"
    replace(neighbours(), **changes).save(path)
    with pytest.raises(ValueError, match=words):
        Neighbours.load(path)


@pytest.mark.parametrize("content", [b"", b"PK", b"text" * 100])
def test_what_is_no_archive_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "neighbours.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r".+"):
        Neighbours.load(path)


def test_a_compressed_archive_cannot_be_mapped_and_is_refused(tmp_path: Path) -> None:
    known = neighbours()
    path = tmp_path / "neighbours.npz"
    np.savez_compressed(path, embeddings=known.embeddings, labels=known.labels, hashes=known.hashes)
    with pytest.raises(ValueError, match="uncompressed"):
        Neighbours.load(path)
