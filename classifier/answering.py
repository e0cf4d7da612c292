"""Many pictures through one engine: decode in threads, run in batches, decide one by one."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from classifier.decide import Answer, decide
from classifier.engines.base import Engine
from classifier.errors import InvalidImage

Source = TypeVar("Source")
Outcome = Answer | InvalidImage
NUM_DECODING_THREADS = 4


def answer_pictures(
    engine: Engine,
    sources: Sequence[Source],
    read: Callable[[Source], NDArray[np.uint8]],
    *,
    batch_size: int = 16,
    top_k: int = 5,
) -> Iterator[tuple[Source, Outcome]]:
    """Each source with its answer, or with the InvalidImage that `read` raised, in their order.

    `read` gives uint8 `[image_size, image_size, 3]`; Pillow lets go of the interpreter while it
    decodes, so threads help. Only a batch at a time is held in memory.
    """
    for start in range(0, len(sources), batch_size):
        batch = sources[start : start + batch_size]
        inputs = read_all(batch, read)
        good = [picture for picture in inputs if not isinstance(picture, InvalidImage)]
        answers = iter(answer_batch(engine, np.stack(good), top_k=top_k) if good else [])
        for source, picture in zip(batch, inputs, strict=True):
            yield source, picture if isinstance(picture, InvalidImage) else next(answers)


def read_all(
    sources: Sequence[Source], read: Callable[[Source], NDArray[np.uint8]]
) -> list[NDArray[np.uint8] | InvalidImage]:
    """What `read` gives for each source, or the InvalidImage it raised, decoded in threads."""

    def read_or_refuse(source: Source) -> NDArray[np.uint8] | InvalidImage:
        try:
            return read(source)
        except InvalidImage as error:
            return error

    if len(sources) == 1:  # a lone picture needs no threads
        return [read_or_refuse(sources[0])]
    with ThreadPoolExecutor(NUM_DECODING_THREADS) as pool:
        return list(pool.map(read_or_refuse, sources))


def answer_batch(engine: Engine, pictures: NDArray[np.uint8], *, top_k: int = 5) -> list[Answer]:
    """The answers for uint8 `[N, image_size, image_size, 3]`."""
    manifest = engine.bundle.manifest
    return [
        decide(
            logits,
            manifest.class_names,
            head=manifest.head,
            temperature=manifest.temperature,
            thresholds=manifest.thresholds,
            top_k=top_k,
        )
        for logits in engine.run(pictures).logits
    ]
