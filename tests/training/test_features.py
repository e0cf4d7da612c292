"""training.backbones.features: each picture's embedding is computed once, whoever asks and however often."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from classifier.bundle import Precision
from classifier.preprocess import read_input
from tests.bundles import colour_graph
from tests.training.folders import read, write_classes, write_picture
from training.backbones.features import BATCH_SIZE, compute_features, random_crop, views_of
from training.backbones.network import Network
from training.cache import Cache
from training.dataset.preparing import Prepared
from training.errors import DatasetRefused

IMAGE_SIZE = 32
ALL_VIEWS = views_of(mirrored=True, crops=2)


class CountingNetwork(Network):
    """A network that notes how many pictures each of its calls was given."""

    def __init__(self, key: str | None = "k") -> None:
        super().__init__(colour_graph(IMAGE_SIZE), key, lambda: None)
        self.batches: list[int] = []

    def embed(self, pictures: NDArray[np.uint8], precision: Precision) -> NDArray[np.float32]:
        self.batches.append(len(pictures))
        return super().embed(pictures, precision)

    @property
    def num_computed(self) -> int:
        return sum(self.batches)


@pytest.fixture
def network() -> CountingNetwork:
    return CountingNetwork()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_classes(tmp_path / "folder", {"ant": 20, "bee": 20})


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    cache = Cache(tmp_path / "features")
    yield cache
    cache.close()


def features(
    prepared: Prepared,
    network: Network,
    cache: Cache,
    views: tuple[str, ...] = ("plain",),
    places: NDArray[np.int64] | None = None,
    told: list[float] | None = None,
) -> NDArray[np.float32]:
    return compute_features(
        network,
        prepared.examples,
        np.arange(len(prepared.examples)) if places is None else places,
        prepared.pictures,
        cache,
        precision="fp32",
        views=views,
        on_progress=(told if told is not None else []).append,
    )


def crops_of(root: Path, scratch: Path) -> bytes:
    """The features of all crops, computed anew."""
    cache = Cache(scratch / "features")
    found = features(read(root, scratch), CountingNetwork(), cache, ("crop 0", "crop 1"))
    cache.close()
    return found.tobytes()


# --- What is computed


def test_features_are_the_networks_of_what_is_served(
    root: Path, tmp_path: Path, network: CountingNetwork, cache: Cache
) -> None:
    prepared = read(root, tmp_path)
    found = features(prepared, network, cache)
    assert found.shape == (1, 40, 3)
    assert found.dtype == np.float32
    for place, row in enumerate(prepared.examples.rows.tolist()):
        served = read_input(prepared.index.path(row), IMAGE_SIZE)
        assert found[0, place] == pytest.approx(served.mean(axis=(0, 1)) / 255, abs=1e-5)


def test_each_row_belongs_to_its_place(
    root: Path, tmp_path: Path, network: CountingNetwork, cache: Cache
) -> None:
    prepared = read(root, tmp_path)
    everything = features(prepared, network, cache, ALL_VIEWS)
    places = np.array([17, 3, 39, 4])
    assert (features(prepared, network, cache, ALL_VIEWS, places) == everything[:, places]).all()
    other = Cache(tmp_path / "other")
    assert (features(prepared, network, other, ALL_VIEWS, places) == everything[:, places]).all()
    other.close()


def test_of_no_pictures_there_are_no_features(
    root: Path, tmp_path: Path, network: CountingNetwork, cache: Cache
) -> None:
    nothing = np.empty(0, np.int64)
    found = features(read(root, tmp_path), network, cache, ALL_VIEWS, nothing)
    assert found.shape == (4, 0, 3)
    assert network.num_computed == 0


def test_progress_goes_up_to_one(
    root: Path, tmp_path: Path, network: CountingNetwork, cache: Cache
) -> None:
    told: list[float] = []
    prepared = read(root, tmp_path)
    features(prepared, network, cache, ALL_VIEWS, told=told)
    assert told == pytest.approx([BATCH_SIZE / 40, 2 * BATCH_SIZE / 40, 1.0])


# --- What was computed before


def test_a_second_training_computes_nothing_and_gets_the_same_bits(
    root: Path, tmp_path: Path, network: CountingNetwork, cache: Cache
) -> None:
    first = features(read(root, tmp_path), network, cache, ALL_VIEWS)
    assert network.num_computed == 4 * 40
    network.batches.clear()
    second = features(read(root, tmp_path), network, cache, ALL_VIEWS)
    assert network.batches == []
    assert second.tobytes() == first.tobytes()


def test_twenty_new_pictures_compute_twenty(
    root: Path, tmp_path: Path, network: CountingNetwork, cache: Cache
) -> None:
    before = read(root, tmp_path)
    first = features(before, network, cache, ALL_VIEWS)
    network.batches.clear()
    for number in range(20):
        write_picture(root / "ant" / f"a new one {number}.png", 5_000 + number)
    (root / "bee" / "0.png").rename(root / "bee" / "renamed.png")
    after = read(root, tmp_path)
    second = features(after, network, cache, ALL_VIEWS)
    assert network.num_computed == 4 * 20
    old = {sha256: first[:, i] for i, sha256 in enumerate(before.examples.sha256(np.arange(40)))}
    kept = [
        (second[:, i] == old[sha256]).all()
        for i, sha256 in enumerate(after.examples.sha256(np.arange(60)))
        if sha256 in old
    ]
    assert kept == [True] * 40


def test_a_view_more_computes_only_that_view(
    root: Path, tmp_path: Path, network: CountingNetwork, cache: Cache
) -> None:
    prepared = read(root, tmp_path)
    features(prepared, network, cache, ("plain", "crop 0"))
    network.batches.clear()
    features(prepared, network, cache, ("plain", "mirrored", "crop 0", "crop 1"))
    assert network.num_computed == 2 * 40


def test_pictures_that_lack_other_views_get_those_alone(
    root: Path, tmp_path: Path, network: CountingNetwork, cache: Cache
) -> None:
    prepared = read(root, tmp_path)
    features(prepared, network, cache, ("plain",), np.arange(0, 40, 2))
    features(prepared, network, cache, ("mirrored",), np.arange(0, 40, 3))
    network.batches.clear()
    found = features(prepared, network, cache, ("plain", "mirrored"))
    assert network.num_computed == 20 + 26
    other = Cache(tmp_path / "other")
    assert found.tobytes() == features(prepared, network, other, ("plain", "mirrored")).tobytes()
    other.close()


def test_another_network_computes_its_own(root: Path, tmp_path: Path, cache: Cache) -> None:
    prepared = read(root, tmp_path)
    features(prepared, CountingNetwork("one"), cache)
    other = CountingNetwork("other")
    features(prepared, other, cache)
    assert other.num_computed == 40


def test_the_key_tells_precisions_apart(network: CountingNetwork) -> None:
    assert network.key_in("fp32") != network.key_in("bf16")
    assert CountingNetwork("other").key_in("fp32") != network.key_in("fp32")
    assert CountingNetwork(None).key_in("fp32") is None


def test_an_interrupted_computation_keeps_what_was_done(
    root: Path, tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.backbones.features.BATCH_SIZE", 8)

    class Interrupted(CountingNetwork):
        def embed(self, pictures: NDArray[np.uint8], precision: Precision) -> NDArray[np.float32]:
            if self.num_computed >= 3 * 8:
                raise KeyboardInterrupt
            return super().embed(pictures, precision)

    prepared = read(root, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        features(prepared, Interrupted(), cache)
    network = CountingNetwork()
    features(prepared, network, cache)
    assert network.num_computed == 40 - 3 * 8


def test_a_network_without_key_keeps_nothing(root: Path, tmp_path: Path, cache: Cache) -> None:
    prepared = read(root, tmp_path)
    network = CountingNetwork(None)
    first = features(prepared, network, cache)
    second = features(prepared, network, cache)
    assert network.num_computed == 80
    assert (first == second).all()
    assert cache._used_bytes() < 50_000
    [(num,)] = cache._database.execute("SELECT count(*) FROM features")
    assert num == 0


# --- Views


def test_views_differ_and_the_mirrored_one_is_mirrored(
    root: Path, tmp_path: Path, network: CountingNetwork, cache: Cache
) -> None:
    prepared = read(root, tmp_path)
    seen: list[NDArray[np.uint8]] = []

    class Watching(CountingNetwork):
        def embed(self, pictures: NDArray[np.uint8], precision: Precision) -> NDArray[np.float32]:
            seen.append(pictures)
            return super().embed(pictures, precision)

    features(prepared, Watching(), cache, ALL_VIEWS)
    plain, mirrored, first, second = seen[:4]
    assert (mirrored == plain[:, :, ::-1]).all()
    for one, other in ((plain, first), (plain, second), (first, second), (mirrored, first)):
        assert all((a != b).any() for a, b in zip(one, other, strict=True))


def test_a_crop_is_the_same_in_another_run_and_in_another_process(
    root: Path, tmp_path: Path
) -> None:
    here = crops_of(root, tmp_path / "one")
    assert crops_of(root, tmp_path / "two") == here
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as processes:
        assert processes.submit(crops_of, root, tmp_path / "three").result(60) == here


def test_a_crop_does_not_depend_on_the_other_pictures(
    root: Path, tmp_path: Path, network: CountingNetwork, cache: Cache
) -> None:
    everything = features(read(root, tmp_path), network, cache, ("crop 1",))
    alone = Cache(tmp_path / "alone")
    place = np.array([7])
    found = features(read(root, tmp_path), network, alone, ("crop 0", "crop 1"), place)
    alone.close()
    assert (found[1, 0] == everything[0, 7]).all()


def test_crops_of_one_picture_differ_in_place_size_and_side() -> None:
    y, x = np.mgrid[0:120, 0:160]
    image = Image.fromarray(np.stack([x, y, x * 0], axis=2).astype(np.uint8))
    widths, lefts, flips = [], [], set()
    for number in range(40):
        crop = random_crop(image, 32, np.random.default_rng([1, number])).astype(int)
        assert crop.shape == (32, 32, 3)
        left, right = crop[16, 0, 0], crop[16, -1, 0]
        flips.add(bool(left < right))
        widths.append(abs(right - left) * 32 / 31)
        lefts.append(min(left, right))
        area = widths[-1] * (crop[-1, 16, 1] - crop[0, 16, 1]) * 32 / 31
        assert 0.3 <= area / (160 * 120) <= 1.05
    assert flips == {False, True}
    assert np.std(widths) > 8
    assert np.std(lefts) > 8


@pytest.mark.parametrize("size", [(2000, 4), (4, 2000), (1, 1)])
def test_of_a_strip_the_largest_square_is_taken_where_nothing_else_fits(
    size: tuple[int, int],
) -> None:
    crop = random_crop(Image.new("RGB", size, (9, 8, 7)), 32, np.random.default_rng(0))
    assert (crop == (9, 8, 7)).all()


# --- Pictures that change


@pytest.mark.parametrize("view", ["plain", "crop 0"])
def test_a_picture_that_has_vanished_is_refused_by_name(
    view: str, root: Path, tmp_path: Path, network: CountingNetwork, cache: Cache
) -> None:
    read(root, tmp_path)
    prepared = read(root, tmp_path)  # surveyed from the cache, so that none is kept in memory
    (root / "bee" / "3.png").unlink()
    with pytest.raises(DatasetRefused) as caught:
        features(prepared, network, cache, (view,))
    assert caught.value.code == "changed"
    assert "3.png" in str(caught.value)


def test_the_features_of_another_picture_in_its_place_are_not_kept(
    root: Path, tmp_path: Path, network: CountingNetwork, cache: Cache
) -> None:
    read(root, tmp_path)
    prepared = read(root, tmp_path)
    write_picture(root / "ant" / "0.png", 9_999)
    with pytest.raises(DatasetRefused) as caught:
        features(prepared, network, cache)
    assert caught.value.code == "changed"
