"""Batches of pictures, decoded by threads while the batches before them train."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from classifier.engines.hardware import num_cores

NUM_THREADS = max(2, num_cores())
# Batches that are decoded ahead. More help only where decoding stumbles, and cost memory.
MAX_AHEAD = 4
MAX_AHEAD_BYTES = 512 * 2**20
# Pictures a thread takes at a time: a task for each would cost more than it does where they are small.
TASK_SIZE = 8
# Pictures that are seen the same way every epoch are decoded once while they fit in here: 7,000 of
# 224 pixels. The others are decoded again in each epoch.
MAX_KEPT_BYTES = 2**30


class PictureSource(Protocol):
    """Where pictures come from, by row. Called from several threads at once.

    training.dataset.pictures.Pictures is one.
    """

    def read(self, row: int) -> NDArray[np.uint8]:
        """The picture as the model is served it (the centre fit), uint8 `[S, S, 3]`."""
        ...

    def open(self, row: int, short_side: int) -> Image.Image:
        """The whole picture, upright and RGB; the caller needs no more pixels than `short_side`."""
        ...


@dataclass(frozen=True)
class LabelledPictures:
    """N rows of a source, int64 `[N]`, and their targets of 0 and 1, float32 `[N, C]`."""

    source: PictureSource
    rows: NDArray[np.int64]
    targets: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rows)


class Kept:
    """A source that remembers the centre fits, as long as there is room for them.

    Where the source keeps them itself, both hold the same arrays and the memory is used once.
    """

    def __init__(self, source: PictureSource, max_bytes: int = MAX_KEPT_BYTES) -> None:
        self._source = source
        self._room = max_bytes
        self._kept: dict[int, NDArray[np.uint8]] = {}

    def read(self, row: int) -> NDArray[np.uint8]:
        kept = self._kept.get(row)
        if kept is None:
            kept = self._source.read(row)
            # Two threads may both find room for their last picture: a few bytes over are no harm.
            if self._room >= kept.nbytes and row not in self._kept:
                self._room -= kept.nbytes
                self._kept[row] = kept
        return kept

    def open(self, row: int, short_side: int) -> Image.Image:
        return self._source.open(row, short_side)


class Batch(NamedTuple):
    """`places`: where its pictures are among the labelled ones, int64 `[B]`; uint8 `[B, S, S, 3]`."""

    number: int
    places: NDArray[np.int64]
    pictures: NDArray[np.uint8]


# From a source, a row of it, and what is random about it, to what the model sees: uint8 `[S, S, 3]`.
View = Callable[[PictureSource, int, np.random.Generator], NDArray[np.uint8]]


class _Asked(NamedTuple):
    """A batch that threads are working on."""

    number: int
    places: NDArray[np.int64]
    tasks: list[Future[list[NDArray[np.uint8]]]]

    def wait(self) -> Batch:
        pictures = [picture for task in self.tasks for picture in task.result()]
        return Batch(self.number, self.places, np.stack(pictures))


def num_ahead(batch_size: int, image_size: int) -> int:
    """How many batches to decode ahead, so that what waits fits into memory."""
    return max(1, min(MAX_AHEAD, MAX_AHEAD_BYTES // (batch_size * 3 * image_size**2)))


def decoded(
    pictures: LabelledPictures,
    plan: Iterable[tuple[int, NDArray[np.int64]]],
    view: View,
    *,
    seed: int,
    ahead: int = MAX_AHEAD,
    num_threads: int = NUM_THREADS,
) -> Generator[Batch, None, None]:
    """The batches whose numbers and places `plan` tells, in its order.

    What is random in one depends on the seed, its number and the place in it, not on threads or on
    the batches before. Close the generator to stop the threads; what the source raises is raised here.
    """

    def see(number: int, first: int, rows: Sequence[int]) -> list[NDArray[np.uint8]]:
        return [
            view(pictures.source, row, np.random.default_rng([seed, number, first + i]))
            for i, row in enumerate(rows)
        ]

    with ThreadPoolExecutor(num_threads, thread_name_prefix="decode") as threads:
        coming: deque[_Asked] = deque()
        try:
            for number, places in plan:
                rows = pictures.rows[places].tolist()
                tasks = [
                    threads.submit(see, number, start, rows[start : start + TASK_SIZE])
                    for start in range(0, len(rows), TASK_SIZE)
                ]
                coming.append(_Asked(number, places, tasks))
                if len(coming) > ahead:
                    yield coming.popleft().wait()
            while coming:
                yield coming.popleft().wait()
        finally:
            threads.shutdown(wait=True, cancel_futures=True)


def in_order(num_pictures: int, batch_size: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """A plan that sees every picture once; the last batch is filled up with the last picture."""
    for number, start in enumerate(range(0, num_pictures, batch_size)):
        places = np.arange(start, start + batch_size)
        yield number, np.minimum(places, num_pictures - 1)
