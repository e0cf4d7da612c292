"""Many pictures through one engine: decode in threads, run in batches, decide and explain one by one."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from classifier.bundle import Bundle, Precision
from classifier.decide import Answer, decide
from classifier.engines.base import Device, Engine, open_engine
from classifier.errors import InvalidImage
from classifier.explain import Explainer

Source = TypeVar("Source")
Outcome = Answer | InvalidImage
NUM_DECODING_THREADS = 4


class Answerer:
    """One loaded bundle that answers, with reasons. Not for several threads at once.

    Raises BundleCorrupt when what the bundle explains with does not fit its model.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.bundle = engine.bundle
        self._explainer = Explainer(engine.bundle, engine.head_kernel)

    @property
    def num_bytes(self) -> int:
        """What it holds in memory, estimated."""
        return self.engine.num_bytes + self._explainer.num_bytes

    def answer(self, pictures: NDArray[np.uint8], *, top_k: int = 5) -> list[Answer]:
        """The answers for uint8 `[N, image_size, image_size, 3]`, all from one pass.

        Raises RuntimeError when the engine fails, ValueError when what it computes is not finite.
        """
        manifest = self.bundle.manifest
        outputs = self.engine.run(pictures)
        answers = [
            decide(
                logits,
                manifest.class_names,
                head=manifest.head,
                temperature=manifest.temperature,
                thresholds=manifest.thresholds,
                top_k=top_k,
            )
            for logits in outputs.logits
        ]
        tops = [[ranked.index for ranked in answer.top] for answer in answers]
        return [
            replace(
                answer,
                is_outlier=explanation.is_outlier,
                outlier_score=explanation.outlier_score,
                why=replace(explanation.why, scores=answer.scores),
            )
            for answer, explanation in zip(
                answers, self._explainer.explain(outputs, tops), strict=True
            )
        ]


def open_answerer(
    bundle: Bundle,
    *,
    device: Device = "auto",
    cache_dir: Path | None = None,
    precision: Precision | None = None,
) -> Answerer:
    """A bundle, loaded and ready to answer; the options are `open_engine`'s, and so are the errors."""
    return Answerer(open_engine(bundle, precision=precision, device=device, cache_dir=cache_dir))


def answer_pictures(
    answerer: Answerer,
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
        answers = iter(answerer.answer(np.stack(good), top_k=top_k) if good else [])
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
    return list(_decoding_threads(os.getpid()).map(read_or_refuse, sources))


@cache
def _decoding_threads(process: int) -> ThreadPoolExecutor:
    """Kept, as starting threads took longer than some pictures; a forked child has its own."""
    return ThreadPoolExecutor(NUM_DECODING_THREADS, thread_name_prefix="decoding")
