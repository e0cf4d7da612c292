"""training.dataset.examples: content decides who learns and who is measured on, on indexes made up here."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from classifier.errors import InvalidImage
from training.dataset.duplicates import groups
from training.dataset.examples import (
    TRAIN,
    VAL,
    Examples,
    Settled,
    assign_splits,
    distinct,
    settle,
    straddling,
)
from training.dataset.survey import Survey
from training.sources.index import SPLITS, Index, IndexBuilder, Split

# Labels, the split of the source, and the content of a file.
File = tuple[tuple[str, ...], Split | None, str]
Pair = tuple[int, int]


def dataset(files: Sequence[File]) -> tuple[Index, Survey]:
    builder = IndexBuilder(Path("root"))
    for number, (labels, split, _) in enumerate(files):
        builder.add(f"{number:04}.jpg", labels, split)
    index = builder.build()
    digests = [hashlib.sha256(content.encode()).digest() for _, _, content in files]
    num = len(files)
    survey = Survey(
        hashes=np.frombuffer(b"".join(digests), np.uint8).reshape(num, 32).copy(),
        sizes=np.full((num, 2), 100, np.int32),
        perceptual=np.zeros((num, 2), np.uint64),
        contrasts=np.full(num, 50, np.float32),
        flatness=np.zeros(num, np.float32),
    )
    return index, survey


def links(pairs: Sequence[Pair]) -> NDArray[np.int64]:
    return np.array(pairs, np.int64).reshape(-1, 2)


def settled(
    index: Index,
    survey: Survey,
    near: Sequence[Pair] = (),
    *,
    val_fraction: float = 0.2,
    test_fraction: float = 0.0,
) -> Settled:
    kept, copies, contradictions = distinct(index, survey)
    return settle(
        index,
        survey,
        links(near),
        kept,
        copies,
        contradictions,
        val_fraction=val_fraction,
        test_fraction=test_fraction,
    )


def examples_of(files: Sequence[File], near: Sequence[Pair] = (), **fractions: float) -> Examples:
    return settled(*dataset(files), near, **fractions).examples


def split_of(examples: Examples) -> dict[int, Split]:
    """The split of each row that is left."""
    rows = zip(examples.rows.tolist(), examples.splits.tolist(), strict=True)
    return {row: SPLITS[split] for row, split in rows}


def unit(content: str) -> float:
    first = int.from_bytes(hashlib.sha256(content.encode()).digest()[:8], "big")
    return first / 2**64


def open_files(num: int, *names: str) -> list[File]:
    return [((names[i % len(names)],), None, f"content {i}") for i in range(num)]


def contents(num: int, lowest: float, highest: float, prefix: str = "") -> list[str]:
    """Contents whose hash falls between these parts of all hashes."""
    found: list[str] = []
    number = 0
    while len(found) < num:
        content = f"{prefix}{number}"
        if lowest <= unit(content) < highest:
            found.append(content)
        number += 1
    return found


# --- Who is measured on


def test_the_hash_of_the_content_decides() -> None:
    files = open_files(600, "ant", "bee")
    splits = split_of(examples_of(files, val_fraction=0.2, test_fraction=0.1))
    for row, (_, _, content) in enumerate(files):
        share = unit(content)
        assert splits[row] == ("val" if share < 0.2 else "test" if share < 0.3 else "train")
    assert set(splits.values()) == set(SPLITS)


def test_a_picture_stays_when_others_come_and_go() -> None:
    files = open_files(300, "ant", "bee")
    before = split_of(examples_of(files, test_fraction=0.2))
    others: list[File] = [(("wasp",), None, f"other {i}") for i in range(100)]
    after = split_of(examples_of([*others, *files[50:]], test_fraction=0.2))
    assert all(after[row + 50] == before[row] for row in range(50, 300))


def test_splits_of_the_source_stand() -> None:
    own: list[Split] = ["train", "val", "test"]
    files: list[File] = [(("ant", "bee")[i % 2 : i % 2 + 1], own[i % 3], f"{i}") for i in range(60)]
    splits = split_of(examples_of(files, val_fraction=0.5, test_fraction=0.5))
    assert splits == {row: own[row % 3] for row in range(60)}


def test_where_the_source_has_test_pictures_the_rest_is_learned_from_or_validated_on() -> None:
    files = [*open_files(100, "ant", "bee"), (("ant",), "test", "x"), (("bee",), "test", "y")]
    splits = split_of(examples_of(files, test_fraction=0.5))  # type: ignore[arg-type]
    assert [row for row, split in splits.items() if split == "test"] == [100, 101]
    assert {splits[row] for row in range(100)} == {"train", "val"}


# --- What looks alike


def test_a_group_goes_where_its_least_hash_says() -> None:
    files = open_files(200, "ant", "bee")
    pairs = [(i, i + 2) for i in range(0, 198, 4)]
    result = settled(*dataset(files), pairs, test_fraction=0.2)
    splits = split_of(result.examples)
    assert len(splits) == 200
    assert result.straddling == ()
    for a, b in pairs:
        least = min(unit(files[a][2]), unit(files[b][2]))
        expected = "val" if least < 0.2 else "test" if least < 0.4 else "train"
        assert splits[a] == splits[b] == expected


def test_chains_of_what_looks_alike_stay_together() -> None:
    files = open_files(120, "ant", "bee")
    chain = [(i, i + 10) for i in range(0, 100, 10)]
    splits = split_of(examples_of(files, chain, test_fraction=0.2))
    assert len({splits[row] for row in range(0, 101, 10)}) == 1


@pytest.mark.parametrize(
    ("first", "second", "goes"),
    [("train", "val", 0), ("train", "test", 0), ("val", "test", 0), ("val", "train", 1)],
)
def test_of_two_that_straddle_the_one_that_measures_stays(
    first: Split, second: Split, goes: int
) -> None:
    fixed: list[File] = [(("ant",), first, "a"), (("ant",), second, "b")]
    others: list[File] = [
        ((name,), split, f"{name} {split} {i}")
        for name in ("ant", "bee")
        for split in SPLITS
        for i in range(2)
    ]
    result = settled(*dataset([*fixed, *others]), [(0, 1)])
    assert result.straddling == (goes,)
    assert split_of(result.examples)[1 - goes] == (first, second)[1 - goes]
    assert len(result.examples) == 13


def test_of_a_chain_through_all_splits_only_the_test_picture_stays() -> None:
    splits: list[Split] = ["train", "val", "test", "train"]
    chain: list[File] = [(("ant",), split, f"chain {split} {i}") for i, split in enumerate(splits)]
    result = settled(*dataset([*chain, *open_files(40, "ant", "bee")]), [(0, 1), (1, 2), (2, 3)])
    assert result.straddling == (0, 1, 3)
    assert split_of(result.examples)[2] == "test"


def test_an_open_picture_that_looks_like_a_test_picture_goes() -> None:
    files: list[File] = [*open_files(40, "ant", "bee"), (("ant",), "test", "t")]
    result = settled(*dataset(files), [(4, 40)])
    assert result.straddling == (4,)


def test_places_that_straddle_are_those_measured_on_later_or_never() -> None:
    splits = np.array([SPLITS.index(split) for split in ("train", "val", "test", "train", "val")])
    pairs = links([(0, 1), (1, 2), (0, 3), (1, 4), (2, 3)])
    assert straddling(splits.astype(np.int8), pairs).tolist() == [0, 1, 3]
    assert straddling(splits.astype(np.int8), links([])).tolist() == []


# --- Every class is represented


def num_in(examples: Examples, split: Split, name: str) -> int:
    places = examples.places(split)
    return int(examples.targets(places)[:, examples.class_names.index(name)].sum())


@pytest.mark.parametrize(
    ("lowest", "highest"), [(0.0, 0.2), (0.2, 0.4), (0.4, 1.0)], ids=["val", "test", "train"]
)
@pytest.mark.parametrize("num", [2, 3, 7])
def test_a_class_that_chance_put_on_one_side_is_on_both(
    num: int, lowest: float, highest: float
) -> None:
    lone = contents(num, lowest, highest)
    files: list[File] = [
        *((("rare",), None, content) for content in lone),
        *open_files(60, "ant", "bee"),
    ]
    examples = examples_of(files, val_fraction=0.2, test_fraction=0.2)
    assert num_in(examples, "train", "rare") >= 1
    assert num_in(examples, "val", "rare") >= 1


def test_a_class_of_one_group_is_learned_from() -> None:
    lone = contents(3, 0.0, 0.2)
    files: list[File] = [
        *((("rare",), None, content) for content in lone),
        *open_files(60, "ant", "bee"),
    ]
    examples = examples_of(files, [(0, 1), (1, 2)])
    assert num_in(examples, "train", "rare") == 3
    assert num_in(examples, "val", "rare") == 0


def test_a_single_picture_of_a_class_is_learned_from() -> None:
    files: list[File] = [
        (("rare",), None, contents(1, 0.0, 0.2)[0]),
        *open_files(60, "ant", "bee"),
    ]
    assert num_in(examples_of(files), "train", "rare") == 1


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=8), min_size=2, max_size=5),
    st.integers(0, 10_000),
    st.sampled_from([(0.05, 0.0), (0.2, 0.2), (0.5, 0.4), (0.3, 0.5)]),
)
@settings(max_examples=60, deadline=None)
def test_every_class_of_two_groups_is_learned_from_and_validated_on(
    classes: list[list[int]], seed: int, fractions: tuple[float, float]
) -> None:
    files: list[File] = []
    pairs: list[Pair] = []
    for label, members in enumerate(classes):
        first: dict[int, int] = {}
        for group in members:
            row = len(files)
            files.append(((f"class {label}",), None, f"{seed} {row}"))
            pairs.extend([(first[group], row)] if group in first else [])
            first.setdefault(group, row)
    examples = examples_of(files, pairs, val_fraction=fractions[0], test_fraction=fractions[1])
    assert len(examples) == len(files)
    splits = split_of(examples)
    assert all(splits[a] == splits[b] for a, b in pairs)
    for label, members in enumerate(classes):
        assert num_in(examples, "train", f"class {label}") >= 1
        assert (num_in(examples, "val", f"class {label}") >= 1) == (len(set(members)) > 1)


@given(
    st.lists(st.sets(st.sampled_from("abcde"), max_size=3), min_size=4, max_size=30),
    st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=6),
    st.integers(0, 10_000),
)
@settings(max_examples=60, deadline=None)
def test_with_several_labels_every_class_is_learned_from(
    label_sets: list[set[str]], pairs: list[Pair], seed: int
) -> None:
    files: list[File] = [
        (tuple(labels), None, f"{seed} {i}") for i, labels in enumerate(label_sets)
    ]
    near = [(a, b) for a, b in pairs if a < b < len(files)]
    examples = examples_of(files, near, val_fraction=0.4, test_fraction=0.3)
    for name in examples.class_names:
        assert num_in(examples, "train", name) >= 1
    splits = split_of(examples)
    assert all(splits[a] == splits[b] for a, b in near)


def test_an_open_class_keeps_its_source_splits_and_moves_only_what_is_open() -> None:
    files: list[File] = [
        (("ant",), "test", "t"),
        *((("ant",), None, content) for content in contents(3, 0.5, 1.0)),
        *open_files(30, "bee"),
    ]
    splits = split_of(examples_of(files))
    assert splits[0] == "test"
    assert sorted(splits[row] for row in (1, 2, 3)) == ["train", "train", "val"]


def test_splits_of_nothing_are_none() -> None:
    index, survey = dataset([])
    splits, goes = assign_splits(
        index,
        np.empty(0, np.int64),
        survey.hashes,
        groups(0, links([])),
        val_fraction=0.2,
        test_fraction=0.2,
    )
    assert len(splits) == len(goes) == 0


# --- Copies


def test_which_copy_stays_does_not_depend_on_the_order_of_the_files() -> None:
    index, survey = dataset(
        [(("ant",), split, "same") for split in ("train", "test", None, "val")]  # type: ignore[misc]
    )
    kept, copies, contradictions = distinct(index, survey)
    assert kept.tolist() == [1]
    assert copies == [(1, 3, 0, 2)]  # what is measured on first; an open one gives way to all
    assert contradictions == []


def test_of_copies_in_one_split_the_first_by_name_stays() -> None:
    builder = IndexBuilder(Path("root"))
    for name in ("c.jpg", "a.jpg", "b.jpg"):
        builder.add(name, ("ant",), None)
    index = builder.build()
    _, survey = dataset([(("ant",), None, "same")] * 3)
    kept, copies, _ = distinct(index, survey)
    assert kept.tolist() == [1]
    assert copies == [(1, 2, 0)]


def test_one_content_under_two_labels_stays_nowhere() -> None:
    files: list[File] = [
        (("ant",), None, "same"),
        (("bee",), None, "same"),
        (("ant",), None, "same"),
        (("ant", "bee"), None, "other"),
        (("bee", "ant"), None, "other"),
        (("bee",), None, "third"),
    ]
    kept, copies, contradictions = distinct(*dataset(files))
    assert kept.tolist() == [3, 5]
    assert copies == [(3, 4)]  # the same labels in another order
    assert contradictions == [(0, 1, 2)]


def test_files_that_could_not_be_read_are_no_copies_of_each_other() -> None:
    index, survey = dataset(open_files(4, "ant", "bee"))
    survey.hashes[[0, 2]] = 0
    survey.problems = {row: InvalidImage("empty") for row in (0, 2)}
    kept, copies, contradictions = distinct(index, survey)
    assert kept.tolist() == [1, 3]
    assert copies == contradictions == []


# --- Labels


def test_with_several_labels_targets_and_names_have_all_of_them() -> None:
    files: list[File] = [
        (("bee", "ant"), "train", "0"),
        ((), "train", "1"),
        (("cat",), "val", "2"),
        (("ant",), "val", "3"),
    ]
    examples = examples_of(files)
    assert examples.class_names == ("ant", "bee", "cat")
    assert examples.targets(np.arange(4)).tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1], [1, 0, 0]]
    assert examples.targets(np.arange(4)).dtype == np.float32
    assert [examples.names(place) for place in range(4)] == [("ant", "bee"), (), ("cat",), ("ant",)]
    assert examples.targets(examples.places("val")).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert examples.places("val", "train").tolist() == [0, 1, 2, 3]
    assert examples.targets(examples.places("test")).shape == (0, 3)


def test_a_class_without_pictures_is_gone_and_the_others_move_up() -> None:
    files = open_files(40, "ant", "cat")
    index, survey = dataset([*files, (("bee",), None, "lost"), (("ant",), None, "lost")])
    examples = settled(index, survey).examples
    assert index.class_names == ("ant", "bee", "cat")
    assert examples.class_names == ("ant", "cat")
    places = np.arange(len(examples))
    expected = [row % 2 for row in examples.rows.tolist()]
    assert examples.first_labels(places).tolist() == expected
    assert examples.targets(places).argmax(axis=1).tolist() == expected


# --- Fingerprint


def fingerprint(files: Sequence[File]) -> str:
    return examples_of(files).fingerprint


def fixed_files() -> list[File]:
    return [
        (("ant", "bee")[i % 2 : i % 2 + 1], ("train", "val")[i // 2 % 2], f"{i}")  # type: ignore[misc]
        for i in range(24)
    ]


def test_the_fingerprint_is_independent_of_the_order_and_names_of_the_files() -> None:
    files = fixed_files()
    shuffled = [files[i] for i in np.random.default_rng(0).permutation(len(files))]
    assert fingerprint(shuffled) == fingerprint(files)


@pytest.mark.parametrize(
    "changed", [(("bee",), "train", "0"), (("ant",), "val", "0"), (("ant",), "train", "new")]
)
def test_the_fingerprint_changes_with_a_label_a_split_and_a_picture(changed: File) -> None:
    files = fixed_files()
    assert files[0] == (("ant",), "train", "0")
    assert fingerprint([changed, *files[1:]]) != fingerprint(files)
    assert fingerprint(files[1:]) != fingerprint(files)


# --- Without some


def test_without_some_examples_the_others_are_as_they_were() -> None:
    examples = examples_of(open_files(30, "ant", "bee"))
    fewer = examples.without(np.array([0, 7, 29]))
    stays = [place for place in range(30) if place not in (0, 7, 29)]
    assert fewer.rows.tolist() == examples.rows[stays].tolist()
    assert fewer.class_names == examples.class_names
    assert (fewer.targets(np.arange(27)) == examples.targets(np.array(stays))).all()
    assert (fewer.splits == examples.splits[stays]).all()
    assert fewer.sha256(np.arange(27)) == examples.sha256(np.array(stays))
    assert fewer.fingerprint != examples.fingerprint


def test_without_none_of_them_nothing_changes() -> None:
    examples = examples_of(open_files(30, "ant", "bee"))
    assert examples.without(np.empty(0, np.int64)).fingerprint == examples.fingerprint


def test_the_classes_stay_when_their_last_example_goes() -> None:
    examples = examples_of(open_files(10, "ant", "bee"))
    bees = np.flatnonzero(examples.first_labels(np.arange(10)) == 1)
    assert examples.without(bees).class_names == ("ant", "bee")


def test_the_numbers_of_splits_are_those_of_the_index() -> None:
    assert (SPLITS[TRAIN], SPLITS[VAL]) == ("train", "val")
    examples = examples_of(open_files(10, "ant", "bee"))
    everything = replace(examples, splits=np.full(10, VAL, np.int8))
    assert len(everything.places("val")) == 10
