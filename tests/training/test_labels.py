"""training.head.labels: what only features show. Pictures are real files, their features are made up."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from classifier.decide import Head
from tests.training.folders import read, write_classes
from training.config import TrainingConfig
from training.dataset.findings import Finding
from training.dataset.preparing import Prepared
from training.head.labels import check_labels, without_leaks
from training.sources.index import SPLITS

CONFIG = TrainingConfig(Path("folder"), Path("out"))
Pair = tuple[str, str]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "folder"


def path_of(prepared: Prepared, place: int) -> str:
    return prepared.index.paths[int(prepared.examples.rows[place])]


def place_of(prepared: Prepared, path: str) -> int:
    paths = [path_of(prepared, place) for place in range(len(prepared.examples))]
    return paths.index(path)


def splits(prepared: Prepared) -> dict[str, str]:
    examples = prepared.examples
    return {
        path_of(prepared, place): SPLITS[examples.splits[place]] for place in range(len(examples))
    }


def finding(prepared: Prepared, code: str) -> Finding | None:
    found = [each for each in prepared.audit.findings if each.code == code]
    assert len(found) <= 1
    return found[0] if found else None


# --- Leaks


@pytest.fixture
def split(root: Path, tmp_path: Path) -> Prepared:
    """Twelve pictures of each class to learn from, and four each to validate and to test on."""
    for seed, (name, num) in enumerate({"train": 12, "val": 4, "test": 4}.items()):
        write_classes(root / name, {"ant": num, "bee": num}, first_seed=100 * seed)
    return read(root, tmp_path)


def with_alike(prepared: Prepared, *pairs: Pair, num_views: int = 2) -> NDArray[np.float32]:
    """Features `[V, M, D]` that have nothing in common but in these pairs; the first view counts."""
    generator = np.random.default_rng(0)
    features = generator.normal(size=(num_views, len(prepared.examples), 64)).astype(np.float32)
    for first, second in pairs:
        a, b = place_of(prepared, first), place_of(prepared, second)
        features[0, b] = 1.2 * features[0, a] + 0.01 * generator.normal(size=64)
    if num_views > 1:
        features[1, 0] = features[1, -1]
    return features


def test_a_picture_that_shows_one_that_is_measured_on_is_not_learned_from(
    split: Prepared,
) -> None:
    features = with_alike(
        split,
        ("train/ant/3.png", "val/ant/1.png"),
        ("train/bee/5.png", "test/bee/2.png"),
        ("val/ant/0.png", "test/ant/0.png"),
    )
    less, kept = without_leaks(split, features)
    gone = {"train/ant/3.png", "train/bee/5.png", "val/ant/0.png"}
    expected = {path: name for path, name in splits(split).items() if path not in gone}
    assert splits(less) == expected  # whoever stays is on the side where it was
    stays = [place for place in range(len(split.examples)) if path_of(split, place) not in gone]
    assert (kept == features[:, stays]).all()
    found = finding(less, "straddling")
    assert found is not None
    assert found.num == 3
    assert {item.paths for item in found.items} == {
        ("train/ant/3.png", "val/ant/1.png"),
        ("train/bee/5.png", "test/bee/2.png"),
        ("val/ant/0.png", "test/ant/0.png"),
    }
    assert less.audit.examples is less.examples


def test_two_alike_on_one_side_stay_and_belong_together(split: Prepared) -> None:
    pair = ("train/ant/3.png", "train/ant/7.png")
    features = with_alike(split, pair)
    less, kept = without_leaks(split, features)
    assert splits(less) == splits(split)
    assert kept.shape == features.shape
    first, second = (place_of(less, path) for path in pair)
    groups = less.alike()
    assert groups[first] == groups[second]
    assert len(set(groups.tolist())) == len(groups) - 1
    assert finding(less, "straddling") is None
    assert finding(less, "alike") is not None


def test_two_alike_of_two_classes_are_told(split: Prepared) -> None:
    features = with_alike(split, ("train/ant/3.png", "train/bee/7.png"))
    less, _ = without_leaks(split, features)
    found = finding(less, "alike_other_label")
    assert found is not None
    assert found.items[0].labels == ("ant", "bee")


def test_without_leaks_everything_stays_as_it_is(split: Prepared) -> None:
    features = with_alike(split)
    less, kept = without_leaks(split, features)
    assert less is split
    assert kept is features


def test_pairs_that_were_known_are_not_told_again(split: Prepared) -> None:
    features = with_alike(split, ("train/ant/3.png", "train/ant/7.png"))
    less, kept = without_leaks(split, features)
    again, kept_again = without_leaks(less, kept)
    assert again is less
    assert kept_again is kept
    first, second = (
        int(split.examples.rows[place_of(split, path)])
        for path in ("train/ant/7.png", "train/ant/3.png")
    )
    known = replace(split, near=np.array([[first, second]]))  # in whichever order
    assert without_leaks(known, features)[0] is known


# --- Wrong labels


def with_clouds(
    prepared: Prepared, seed: int = 0, distance: float = 1.5
) -> tuple[NDArray[np.float32], list[str]]:
    """Embeddings `[M, D]` that lie by class, but for five pictures of ants that show bees and five the
    other way round; their paths."""
    generator = np.random.default_rng(seed)
    examples = prepared.examples
    labels = examples.first_labels(np.arange(len(examples)))
    shown = labels.copy()
    planted = np.concatenate(
        [generator.choice(np.flatnonzero(labels == label), 5, replace=False) for label in (0, 1)]
    )
    shown[planted] = 1 - shown[planted]
    centres = generator.normal(size=(2, 32)) * distance
    embeddings = centres[shown] + generator.normal(size=(len(labels), 32))
    return embeddings.astype(np.float32), [path_of(prepared, int(place)) for place in planted]


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_planted_wrong_labels_are_listed_first(kind: Head, root: Path, tmp_path: Path) -> None:
    prepared = read(write_classes(root, {"ant": 40, "bee": 40}), tmp_path, test_fraction=0.2)
    embeddings, planted = with_clouds(prepared)
    alike = np.arange(80, dtype=np.int32)
    checked = check_labels(prepared, embeddings, alike, kind, CONFIG, penalty=0.1)
    assert checked.audit.findings[:-1] == prepared.audit.findings
    found = checked.audit.findings[-1]
    assert (found.code, found.level) == ("suspects", "warns")
    assert found.num == len(found.items) < 20
    assert {item.paths[0] for item in found.items[:10]} == set(planted)
    for item in found.items[:10]:
        own, other = ("ant", "bee") if item.paths[0].startswith("ant") else ("bee", "ant")
        assert item.labels == (own,)
        assert item.note.startswith(f"labelled {own} (")
        assert f"looks like {other} (" in item.note
    # Whatever split they are in: a wrong label hurts there as well.
    assert {splits(prepared)[path] for path in planted} == set(SPLITS)
    assert checked.examples is prepared.examples


def test_where_all_labels_fit_nobody_is_suspected(root: Path, tmp_path: Path) -> None:
    prepared = read(write_classes(root, {"ant": 40, "bee": 40}), tmp_path)
    labels = prepared.examples.first_labels(np.arange(80))
    embeddings = np.eye(2, 16, dtype=np.float32)[labels] * 9
    embeddings += np.random.default_rng(0).normal(size=(80, 16)).astype(np.float32)
    alike = np.arange(80, dtype=np.int32)
    checked = check_labels(prepared, embeddings, alike, "softmax", CONFIG, penalty=0.1)
    assert finding(checked, "suspects") is None


def test_a_wrong_label_is_not_hidden_by_a_copy_with_the_same_one(
    root: Path, tmp_path: Path
) -> None:
    """Near duplicates are in one fold, so that none of them vouches for another."""
    prepared = read(write_classes(root, {"ant": 40, "bee": 40}), tmp_path)
    embeddings, planted = with_clouds(prepared, distance=0.6)
    [first, second] = [place_of(prepared, path) for path in planted[:2]]
    embeddings[second] = embeddings[first]
    alike = np.arange(80, dtype=np.int32)
    alike[second] = alike[first]
    checked = check_labels(prepared, embeddings, alike, "softmax", CONFIG, penalty=1.0)
    found = finding(checked, "suspects")
    assert found is not None
    listed = [item.paths[0] for item in found.items]
    assert set(planted[:2]) <= set(listed)
