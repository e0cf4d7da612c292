"""training.dataset.duplicates and training.dataset.perceptual: the same picture is found again, whatever was done to it."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from tests.shared import SHARED_DATA, needs_shared_data
from training.cache import Cache
from training.dataset.duplicates import (
    MAX_BITS,
    _alike_by_hash,
    alike_embeddings,
    groups,
    near_duplicates,
)
from training.dataset.perceptual import perceptual_hashes, shape, thumbnail
from training.dataset.pictures import Pictures
from training.dataset.survey import survey_files
from training.sources.index import IndexBuilder

Pair = tuple[int, int]


def photo(seed: int, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """Soft colours, coarse and fine, with some edges: what hashes see of a photograph."""
    generator = np.random.default_rng(seed)
    mixed = np.zeros((*size[::-1], 3))
    for cells, weight in ((4, 0.6), (9, 0.3), (24, 0.1)):
        noise = generator.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        mixed += weight * np.asarray(Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC))
    left, top = generator.integers(0, 80), generator.integers(0, 60)
    mixed[top : top + 50, left : left + 60] += generator.uniform(-90, 90, 3)
    return Image.fromarray(mixed.clip(0, 255).astype(np.uint8))


def silhouette(seed: int) -> Image.Image:
    """The same shape on black, a little wider or higher each time."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:28j, -1:1:28j]
    width, height, neck = generator.uniform(0.5, 0.7), generator.uniform(0.7, 0.9), 0.15
    body = (np.abs(x) < width) & (np.abs(y) < height) & ~((y < -0.6) & (np.abs(x) < neck))
    grey = body * generator.uniform(120, 255) + generator.normal(0, 8, x.shape) * body
    return Image.fromarray(grey.clip(0, 255).astype(np.uint8))


def near(
    pictures: Sequence[Image.Image], folder: Path, qualities: Sequence[int] | None = None
) -> set[Pair]:
    """The pairs found among pictures that are written to JPEGs of these qualities."""
    folder.mkdir(exist_ok=True)
    builder = IndexBuilder(folder)
    for number, picture in enumerate(pictures):
        quality = qualities[number] if qualities else 92
        picture.save(folder / f"{number}.jpg", quality=quality)
        builder.add(f"{number}.jpg", ("thing",), None)
    index = builder.build()
    cache = Cache(folder / "cache")
    survey = survey_files(index, cache, Pictures(index, 32))
    pairs = near_duplicates(survey, np.arange(len(index)), cache)
    cache.close()
    assert pairs.shape == (len(pairs), 2)
    assert (pairs[:, 0] < pairs[:, 1]).all()
    return {(int(a), int(b)) for a, b in pairs}


def cropped(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    return picture.crop((width // 50, height // 50, width - width // 50, height - height // 50))


def varied(picture: Image.Image, number: int) -> Image.Image:
    """A copy as it comes back from somewhere else: each number does more than one thing to it."""
    width, height = picture.size
    factor = (0.5, 0.75, 1.3)[number % 3]
    picture = picture.resize((round(width * factor), round(height * factor)))
    if number % 2:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    picture = ImageEnhance.Brightness(picture).enhance((0.92, 1.0, 1.1)[number // 2 % 3])
    return cropped(picture) if number % 5 == 4 else picture


# --- Pictures that are alike


@pytest.mark.parametrize("block", [4_096, 7])
def test_copies_are_found_resized_encoded_again_mirrored_and_brightened(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    originals = [photo(seed) for seed in range(40)]
    copies = [varied(originals[number], number) for number in range(20)]
    qualities = [92] * 40 + [40 + 10 * (number % 4) for number in range(20)]
    monkeypatch.setattr("training.dataset.duplicates.BLOCK", block)
    found = near([*originals, *copies], tmp_path, qualities)
    planted = {(number, 40 + number) for number in range(20)}
    assert found <= planted
    assert len(found) >= 19


def test_different_pictures_are_not_alike(tmp_path: Path) -> None:
    assert near([photo(seed) for seed in range(60)], tmp_path) == set()


def test_the_same_scene_in_other_sizes_is_one_pair_each(tmp_path: Path) -> None:
    originals = [photo(seed) for seed in range(20)]
    versions = [originals[0].resize((64, 48)), originals[0].resize((320, 240))]
    found = near([*originals, *versions], tmp_path)
    assert found == {(0, 20), (0, 21), (20, 21)}


def test_among_near_identical_silhouettes_resembling_proves_nothing(tmp_path: Path) -> None:
    silhouettes = [silhouette(seed) for seed in range(150)]
    hashes = np.array([perceptual_hashes(thumbnail(each)) for each in silhouettes], np.uint64)
    assert len(_alike_by_hash(hashes)) > 1_000
    assert len(near(silhouettes, tmp_path)) <= 3


def test_pictures_of_one_colour_are_no_copies_of_each_other(tmp_path: Path) -> None:
    flat = [Image.new("RGB", (60, 40), (grey, grey, grey)) for grey in range(0, 250, 25)]
    assert near([*flat, *(photo(seed) for seed in range(10))], tmp_path) == set()


@pytest.mark.parametrize("num", [0, 1, 2])
def test_of_hardly_any_pictures_nothing_is_said(num: int, tmp_path: Path) -> None:
    copies = [photo(0), photo(0).resize((80, 60))][:num]
    assert near(copies, tmp_path) == set()


def test_of_three_pictures_two_may_be_alike(tmp_path: Path) -> None:
    assert near([photo(0), photo(1), photo(0).resize((80, 60))], tmp_path) == {(0, 2)}


def test_pairs_are_told_as_rows_of_the_index(tmp_path: Path) -> None:
    builder = IndexBuilder(tmp_path)
    pictures = [*(photo(seed) for seed in range(12)), photo(7).resize((100, 75))]
    for number, picture in enumerate(pictures):
        picture.save(tmp_path / f"{number}.png")
        builder.add(f"{number}.png", ("thing",), None)
    index = builder.build()
    cache = Cache(tmp_path / "cache")
    survey = survey_files(index, cache, Pictures(index, 32))
    assert near_duplicates(survey, np.arange(3, 13), cache).tolist() == [[7, 12]]
    assert near_duplicates(survey, np.arange(8, 13), cache).tolist() == []
    cache.close()


def test_without_thumbnails_nothing_is_alike(tmp_path: Path) -> None:
    builder = IndexBuilder(tmp_path)
    for number, picture in enumerate([photo(0), photo(0).resize((80, 60)), photo(1), photo(2)]):
        picture.save(tmp_path / f"{number}.png")
        builder.add(f"{number}.png", ("thing",), None)
    index = builder.build()
    cache, empty = Cache(tmp_path / "cache"), Cache(tmp_path / "empty")
    survey = survey_files(index, cache, Pictures(index, 32))
    assert len(near_duplicates(survey, np.arange(4), cache)) == 1
    assert len(near_duplicates(survey, np.arange(4), empty)) == 0
    cache.close()
    empty.close()


@needs_shared_data
def test_copies_of_real_photographs_are_found_and_nothing_else(tmp_path: Path) -> None:
    paths = sorted((SHARED_DATA / "hymenoptera" / "train" / "bees").glob("*.jpg"))[:60]
    originals = []
    for path in paths:
        with Image.open(path) as image:
            image.draft("RGB", (250, 250))
            originals.append(image.convert("RGB"))
    copies = [varied(originals[number], number) for number in range(20)]
    qualities = [92] * len(originals) + [40 + 10 * (number % 4) for number in range(20)]
    found = near([*originals, *copies], tmp_path, qualities)
    planted = {(number, len(originals) + number) for number in range(20)}
    assert found <= planted
    assert len(found) >= 18


# --- Hashes


def test_the_mirrored_hash_is_the_hash_of_the_mirror_image() -> None:
    for seed in range(20):
        thumb = thumbnail(photo(seed))
        plain, mirrored = perceptual_hashes(thumb)
        assert perceptual_hashes(thumb[:, ::-1]) == (mirrored, plain)
        assert plain != mirrored


def test_hashes_forget_brightness_contrast_and_size() -> None:
    for seed in range(20):
        plain, _ = perceptual_hashes(thumbnail(photo(seed)))
        thumb = thumbnail(photo(seed).resize((320, 200))).astype(np.float64) * 0.7 + 30
        other, _ = perceptual_hashes(thumb.astype(np.uint8))
        assert (plain ^ other).bit_count() <= 4


def test_a_shape_is_a_unit_vector_whose_product_is_the_correlation() -> None:
    thumbs = np.stack([thumbnail(photo(seed)) for seed in range(3)])
    vectors = shape(np.concatenate([thumbs, thumbs[:1] // 2 + 40]))
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert vectors[0] @ vectors[3] == pytest.approx(1, abs=1e-3)
    halves = thumbs.reshape(3, 16, 2, 16, 2).mean(axis=(2, 4)).reshape(3, -1)
    assert vectors[0] @ vectors[1] == pytest.approx(np.corrcoef(halves[0], halves[1])[0, 1])
    assert not shape(np.full((1, 32, 32), 77, np.uint8)).any()


def bits(a: int, b: int) -> int:
    return (a ^ b).bit_count()


def compared(hashes: NDArray[np.uint64], *, max_compared: int) -> set[Pair]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.dataset.duplicates.MAX_COMPARED", max_compared)
        pairs = _alike_by_hash(hashes)
    assert (pairs[:, 0] < pairs[:, 1]).all()
    found = [(int(a), int(b)) for a, b in pairs]
    assert len(set(found)) == len(found)
    return set(found)


words = st.integers(0, 2**64 - 1)
# Hashes of pictures and of their copies: some other bits, in the hash or in its mirror image's.
copied = st.lists(
    st.tuples(st.integers(0, 5), st.sets(st.integers(0, 63), max_size=9), st.booleans())
)


@given(st.lists(st.tuples(words, words), min_size=6, max_size=6), copied)
@settings(max_examples=60, deadline=None)
def test_sharing_two_bytes_finds_whatever_comparing_all_with_all_finds_up_to_six_bits(
    originals: list[Pair], copies: list[tuple[int, set[int], bool]]
) -> None:
    pairs = list(originals)
    for place, flipped, is_mirrored in copies:
        plain, mirrored = originals[place][::-1] if is_mirrored else originals[place]
        other = sum(1 << bit for bit in flipped)
        pairs.append((plain ^ other, mirrored ^ other))
    hashes = np.array(pairs, np.uint64)
    all_with_all = compared(hashes, max_compared=len(pairs))
    in_two_bytes = compared(hashes, max_compared=0)

    def distance(a: int, b: int) -> int:
        return min(bits(one, other) for one in pairs[a] for other in pairs[b])

    closest = {
        (a, b)
        for a, b in combinations(range(len(pairs)), 2)
        if min(bits(pairs[a][0], pairs[b][0]), bits(pairs[a][0], pairs[b][1])) <= 6
    }
    assert closest <= all_with_all
    assert closest <= in_two_bytes
    assert all(distance(a, b) <= MAX_BITS for a, b in in_two_bytes | all_with_all)


def test_comparing_all_with_all_finds_exactly_the_pairs_within_the_limit() -> None:
    base = 0x0123456789ABCDEF
    hashes = [base, base ^ (2**MAX_BITS - 1), base ^ (2 ** (MAX_BITS + 1) - 1)]
    found = compared(np.array([(each, 0) for each in hashes], np.uint64), max_compared=3)
    assert found == {(0, 1), (1, 2)}


def test_a_picture_is_not_its_own_copy_even_when_it_is_symmetrical() -> None:
    hashes = np.array([(5, 5), (2**60, 2**60)], np.uint64)
    for max_compared in (0, 2):
        assert compared(hashes[:1], max_compared=max_compared) == set()


# --- Groups


def links(*pairs: Pair) -> NDArray[np.int64]:
    return np.array(pairs, np.int64).reshape(-1, 2)


def test_groups_connect_chains() -> None:
    found = groups(7, links((0, 3), (3, 5), (6, 5), (1, 2)))
    assert len({found[place] for place in (0, 3, 5, 6)}) == 1
    assert found[1] == found[2]
    assert len(set(found.tolist())) == 3


@pytest.mark.parametrize("num", [0, 1, 3])
def test_without_pairs_everything_is_a_group_of_its_own(num: int) -> None:
    assert sorted(groups(num, links()).tolist()) == list(range(num))


# --- Embeddings


def embeddings(num: int, seed: int = 0) -> NDArray[np.float32]:
    """What a backbone gives: no number below nothing, some classes."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(4, 128))
    drawn = centres[np.arange(num) % 4] + generator.normal(size=(num, 128))
    return np.maximum(drawn, 0).astype(np.float32)


def turned(vectors: NDArray[np.float32], by: float) -> NDArray[np.float32]:
    """Vectors in another direction and of another length, as a turned picture's are."""
    noise = np.random.default_rng(9).normal(size=vectors.shape)
    noise *= by * np.linalg.norm(vectors, axis=1, keepdims=True) / np.sqrt(vectors.shape[1])
    return ((vectors + noise) * 1.5).astype(np.float32)


def found_in(vectors: NDArray[np.float32]) -> set[Pair]:
    pairs = alike_embeddings(vectors)
    assert pairs.shape == (len(pairs), 2)
    return {(int(a), int(b)) for a, b in pairs}


@pytest.mark.parametrize(("num", "block"), [(40, 4_096), (40, 7), (1_500, 4_096)])
def test_turned_pictures_are_found_by_their_embedding(
    num: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.dataset.duplicates.BLOCK", block)
    vectors = embeddings(num)
    both = np.concatenate([vectors, turned(vectors[:10], 0.2)])
    assert found_in(both) == {(place, num + place) for place in range(10)}


def test_in_a_crowd_where_all_are_alike_only_the_much_more_alike_count() -> None:
    generator = np.random.default_rng(0)
    crowd = (1 + 0.1 * generator.normal(size=(200, 128))).astype(np.float32)
    assert (crowd[0] @ crowd[1]) / np.linalg.norm(crowd[0]) / np.linalg.norm(crowd[1]) > 0.98
    assert found_in(crowd) == set()
    both = np.concatenate([crowd, crowd[:3] + 0.01 * generator.normal(size=(3, 128))])
    assert found_in(both.astype(np.float32)) == {(0, 200), (1, 201), (2, 202)}


@pytest.mark.parametrize("num", [0, 1, 2, 5])
def test_of_hardly_any_embeddings_nothing_is_said(num: int) -> None:
    assert found_in(np.ones((num, 8), np.float32)) == set()


def test_embeddings_of_nothing_are_not_alike() -> None:
    assert found_in(np.zeros((20, 8), np.float32)) == set()


def test_more_embeddings_than_can_be_compared_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.dataset.duplicates.MAX_EMBEDDED", 19)
    vectors = embeddings(10)
    assert found_in(np.concatenate([vectors, vectors[:9]])) != set()
    assert found_in(np.concatenate([vectors, vectors])) == set()
