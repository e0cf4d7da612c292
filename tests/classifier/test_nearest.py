"""classifier.nearest: as exact as looking at everything, whatever the embeddings are like."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from classifier.nearest import NUM_ROWS_AT_ONCE, NearestSearch
from classifier.neighbours import Neighbours
from classifier.outliers import as_kept, unit

D = 160


def features(num: int, seed: int = 0, num_features: int = D) -> NDArray[np.float32]:
    """Like a backbone's after ReLU: none below 0, a few large."""
    drawn = np.random.default_rng(seed).exponential(size=(num, num_features))
    return np.asarray(drawn**2, np.float32)


def in_full(
    queries: NDArray[np.float32], known: NDArray[np.float16], num: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    cosines = queries @ known.astype(np.float32).T
    places = np.argsort(-cosines, axis=1, kind="stable")[:, :num]
    return places, np.take_along_axis(cosines, places, axis=1)


def crowd(num: int) -> NDArray[np.float32]:
    """Pictures that are all but the same, nearer to each other than 8 bits can tell."""
    return features(1) + features(num, seed=1) * np.float32(1e-3)


def spiky(num: int) -> NDArray[np.float32]:
    """One feature outshines the rest, which 8 bits then tell badly, and all to the same side."""
    drawn = 0.012 + features(num, seed=2) * np.float32(1e-4)
    drawn[:, 0] = 1
    return drawn


@pytest.mark.parametrize("num_known", [1, 4, 5, 16, 1_500, 3_000])
def test_it_finds_the_very_nearest_in_order(num_known: int) -> None:
    known = as_kept(features(num_known))
    queries = unit(features(9, seed=7))
    places, cosines = NearestSearch(known).nearest(queries, 5)
    expected_places, expected = in_full(queries, known, 5)
    assert (places == expected_places).all()
    assert cosines == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("many", [crowd, spiky, features])
def test_it_is_exact_where_a_rough_look_deceives(
    many: Callable[[int], NDArray[np.float32]],
) -> None:
    drawn = many(2_000)
    known = as_kept(drawn)
    queries = unit(
        drawn[:40] * np.random.default_rng(3).normal(1, 0.01, (40, D)).astype(np.float32)
    )
    _, cosines = NearestSearch(known).nearest(queries, 5)
    assert cosines == pytest.approx(in_full(queries, known, 5)[1], abs=1e-6)


def test_of_equals_the_first_comes_first() -> None:
    known = as_kept(np.repeat(features(3), 400, axis=0))
    places, _ = NearestSearch(known).nearest(unit(features(3)), 5)
    assert places.tolist() == [[i, i + 1, i + 2, i + 3, i + 4] for i in (0, 400, 800)]


def test_nearer_rows_that_8_bits_hide_are_found_behind_a_crowd_that_they_show_as_it_is() -> None:
    """The crowd is one number, or two that a step of the code meets. Of the nearer rows, the last, all
    numbers but the first are below half a step: 8 bits show .59 of .73."""
    num_features = 2048
    rows = np.zeros((45, num_features), np.float32)
    rows[:, 0] = 127
    rows[10:40, 1] = 16
    rows[40:, 1:] = 0.49
    query = np.full((1, num_features), 0.8 / np.sqrt(num_features - 1), np.float32)
    query[0, 0] = 0.6
    places, cosines = NearestSearch(as_kept(rows)).nearest(query, 5)
    assert places.tolist() == [[40, 41, 42, 43, 44]]
    assert cosines == pytest.approx(in_full(query, as_kept(rows), 5)[1], abs=1e-5)


def test_equals_come_in_order_wherever_they_stand() -> None:
    """A matrix product may round equal rows differently, by their place in it."""
    known = as_kept(features(2_000))
    same = np.random.default_rng(1).choice(2_000, 3 * NUM_ROWS_AT_ONCE + 5, replace=False)
    known[same] = known[same[0]]
    places, cosines = NearestSearch(known).nearest(unit(features(2_000)[same[:1]]), len(same))
    assert places[0].tolist() == sorted(same)
    assert len(set(cosines[0].tolist())) == 1


@pytest.mark.parametrize("many", [crowd, spiky, features])
@pytest.mark.parametrize("num_features", [8, 100, D])
def test_a_rough_look_is_never_further_off_than_it_says(
    many: Callable[[int], NDArray[np.float32]], num_features: int
) -> None:
    known = as_kept(many(700)[:, :num_features])
    queries = np.concatenate(
        [features(9, seed=7, num_features=num_features), -many(9)[:, :num_features]]
    )
    rough, highest = NearestSearch(known).rough_look(unit(queries))
    exact = unit(queries).astype(np.float64) @ known.astype(np.float64).T
    assert (np.abs(exact - rough) <= highest - rough).all()


def test_one_alone_is_found_as_in_a_batch() -> None:
    search = NearestSearch(as_kept(features(500)))
    queries = unit(features(8, seed=5))
    together, _ = search.nearest(queries, 5)
    alone = [search.nearest(query[None], 5)[0][0] for query in queries]
    assert (np.stack(alone) == together).all()


def test_an_embedding_of_nothing_is_far_from_all_and_breaks_nothing() -> None:
    known = as_kept(np.concatenate([features(20), np.zeros((1, D), np.float32)]))
    search = NearestSearch(known)
    assert search.nearest(np.zeros((1, D), np.float32), 5)[1].tolist() == [[0] * 5]
    assert search.nearest(unit(features(1)), 5)[0][0, 0] == 0


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 0.5])
def test_what_is_not_finite_or_not_of_unit_length_is_refused(odd: float) -> None:
    known = as_kept(features(1_100))
    known[1_090, 3] = odd
    known[1_090, 4] = odd
    with pytest.raises(ValueError, match="unit length"):
        NearestSearch(known)


def test_mapped_pages_do_not_stay_in_memory(tmp_path: Path) -> None:
    num = 4_000
    path = tmp_path / "neighbours.npz"
    hashes = np.zeros((num, 32), np.uint8)
    Neighbours(as_kept(features(num, 0, 1280)), np.zeros(num, np.int32), hashes).save(path)
    known = Neighbours.load(path)
    search = NearestSearch(known.embeddings)
    for seed in range(20):
        search.nearest(unit(features(8, seed, 1280)), 5)
    assert resident_kilobytes(path) < 1_000
    float(known.embeddings[:1_000].sum())
    assert resident_kilobytes(path) > 1_000  # so that this can tell


def resident_kilobytes(path: Path) -> int:
    """How much of a mapped file counts as this process' memory."""
    lines = iter(Path("/proc/self/smaps").read_text().splitlines())
    found = 0
    for line in lines:
        if line.endswith(str(path)):
            found += next(int(each.split()[1]) for each in lines if each.startswith("Rss:"))
    return found
