"""training.exports.thumbnails: the training pictures, small, one after the other in a file."""

from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.folders import write_picture
from training.dataset.pictures import Pictures
from training.exports.thumbnails import LONG_SIDE, write_thumbnails
from training.pages.reporting import thumbnails_of
from training.sources.index import Index, IndexBuilder

NUM = 70  # more than are in work at once


@pytest.fixture
def index(tmp_path: Path) -> Index:
    builder = IndexBuilder(tmp_path)
    for number in range(NUM):
        write_picture(tmp_path / f"{number}.jpg", number, (200 + number, 50))
        builder.add(f"{number}.jpg", ("thing",), None)
    return builder.build()


def written(index: Index, rows: list[int], path: Path) -> list[bytes]:
    told: list[float] = []
    offsets = write_thumbnails(path, Pictures(index, 32), np.array(rows), told.append)
    assert told == sorted(told)
    assert told[-1] == 1
    data = path.read_bytes()
    assert (offsets[0], offsets[-1], offsets.dtype) == (0, len(data), np.int64)
    return [data[a:b] for a, b in pairwise(offsets)]


def test_each_picture_has_its_own_in_order(index: Index, tmp_path: Path) -> None:
    rows = list(reversed(range(NUM)))
    thumbnails = written(index, rows, tmp_path / "thumbnails")
    assert len(thumbnails) == NUM
    for row, thumbnail in zip(rows, thumbnails, strict=True):
        image = Image.open(BytesIO(thumbnail))
        assert image.format == "JPEG"
        assert LONG_SIDE * 0.9 <= image.width <= LONG_SIDE * 1.1
        assert image.width / image.height == pytest.approx((200 + row) / 50, rel=0.1)
    assert sum(map(len, thumbnails)) < 4_000 * NUM


def test_a_picture_that_is_gone_or_damaged_has_none_and_the_rest_do(
    index: Index, tmp_path: Path
) -> None:
    index.path(1).unlink()
    index.path(2).write_bytes(b"no picture any more")
    thumbnails = written(index, [0, 1, 2, 3], tmp_path / "thumbnails")
    assert [bool(thumbnail) for thumbnail in thumbnails] == [True, False, False, True]


def test_what_shall_not_be_shown_has_none(index: Index, tmp_path: Path) -> None:
    private = replace(index, unshown_prefix="1")  # 1.jpg, and 10.jpg to 19.jpg
    thumbnails = written(private, [0, 1, 2, 10], tmp_path / "thumbnails")
    assert [bool(thumbnail) for thumbnail in thumbnails] == [True, False, True, False]
    assert sorted(thumbnails_of(private, [0, 1, 2, 10])) == [0, 2], "nor in a report"


def test_a_file_that_is_there_already_is_left_alone(index: Index, tmp_path: Path) -> None:
    path = tmp_path / "thumbnails"
    path.write_bytes(b"somebody's")
    with pytest.raises(FileExistsError):
        write_thumbnails(path, Pictures(index, 32), np.array([0]), lambda fraction: None)
    assert path.read_bytes() == b"somebody's"
