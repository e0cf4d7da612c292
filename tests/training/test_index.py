"""training.sources.index: what goes in comes out, packed."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.indexes import found
from training.sources.index import SPLITS, Index, IndexBuilder, PackedPaths
from training.sources.remarks import Remark

ROOT = Path("root")
# Names of files are any bytes but a slash and NUL; those that are no UTF-8 become surrogates.
REMARK = Remark("other_files", 3)
file_names = st.binary(min_size=1, max_size=40).map(
    lambda raw: raw.decode(errors="surrogateescape")
)
class_names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=5)
examples = st.tuples(
    file_names,
    st.lists(class_names, max_size=3).map(tuple),
    st.sampled_from([*SPLITS, None]),
)


def built(rows: list[tuple[str, tuple[str, ...], str | None]]) -> Index:
    builder = IndexBuilder(ROOT)
    for path, names, split in rows:
        builder.add(path, names, split)
    assert len(builder) == len(rows)
    return builder.build([REMARK])


@given(st.lists(examples, max_size=20))
def test_an_index_gives_back_what_was_added(
    rows: list[tuple[str, tuple[str, ...], str | None]],
) -> None:
    index = built(rows)
    assert found(index) == [(path, tuple(sorted(set(n))), split) for path, n, split in rows]
    assert index.class_names == tuple(sorted({name for _, names, _ in rows for name in names}))
    assert len(set(index.label_sets)) == len(index.label_sets)
    assert all(labels == tuple(sorted(labels)) for labels in index.label_sets)
    assert index.is_multi_label == any(len(set(names)) != 1 for _, names, _ in rows)
    assert index.remarks == (REMARK,)
    assert (index.labels.dtype, index.splits.dtype) == (np.int32, np.int8)
    assert len(index) == len(index.labels) == len(index.splits) == len(rows)


@given(st.lists(file_names, max_size=20), st.slices(20))
def test_packed_paths_are_a_sequence_like_a_list(names: list[str], part: slice) -> None:
    paths = built([(name, (), None) for name in names]).paths
    assert isinstance(paths, PackedPaths)
    assert list(paths) == names
    assert paths[part] == names[part]
    assert [paths[i] for i in range(-len(names), len(names))] == names * 2
    assert list(reversed(paths)) == names[::-1]


@pytest.mark.parametrize("place", [2, -3])
def test_there_is_nothing_beyond_the_ends(place: int) -> None:
    paths = built([("a", (), None), ("b", (), None)]).paths
    with pytest.raises(IndexError):
        paths[place]


def test_an_index_of_nothing_is_empty() -> None:
    index = built([])
    assert (len(index), list(index.paths), index.class_names) == (0, [], ())
    assert not index.is_multi_label


def test_a_row_has_its_path_below_the_root() -> None:
    assert built([("ant/é.png", ("ant",), "val")]).path(0) == ROOT / "ant" / "é.png"
