"""What an engine does, whichever library it runs on, and which one a bundle gets."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from classifier.bundle import Bundle, Precision
from classifier.engines.hardware import has_nvidia
from classifier.errors import EngineError

logger = logging.getLogger(__name__)

Device = Literal["auto", "cpu", "gpu"]
RealDevice = Literal["cpu", "gpu"]
OUTPUT_NAMES = ("logits", "embedding", "feature_map")


@dataclass(frozen=True)
class Outputs:
    """All that one pass over a batch of N pictures yields.

    `logits`: float32 `[N, C]`, before the temperature. `embedding`: float32 `[N, D]`, the pooled
    features the head sees. `feature_map`: float32 `[N, h, w, D]`, the features before pooling.
    """

    logits: NDArray[np.float32]
    embedding: NDArray[np.float32]
    feature_map: NDArray[np.float32]


class Engine(Protocol):
    """A bundle, loaded and ready. Not safe for several threads at once."""

    @property
    def bundle(self) -> Bundle: ...

    @property
    def precision(self) -> Precision:
        """What it really computes in, which depends on the processor too."""

    @property
    def device(self) -> RealDevice: ...

    @property
    def batch_size(self) -> int:
        """What it likes best: the smallest batch within 5 % of its most pictures a second.

        A processor is tried with up to 32, a GPU with up to 256, as long as one takes half a second.
        Measured once and kept in the cache folder; without one, measured when it is first asked for.
        """

    @property
    def head_kernel(self) -> NDArray[np.float32]:
        """`[D, C]`: the logits are the embedding times this, plus a bias. For class activation maps."""

    @property
    def num_bytes(self) -> int:
        """What its weights hold in memory, estimated; a batch at work takes some more."""

    def run(self, pictures: NDArray[np.uint8]) -> Outputs:
        """One pass over uint8 RGB `[N, image_size, image_size, 3]`, N of 1 or more.

        Raises RuntimeError where the library below fails, EngineError among them.
        """


def open_engine(
    bundle: Bundle,
    *,
    precision: Precision | None = None,
    device: Device = "auto",
    cache_dir: Path | None = None,
) -> Engine:
    """An engine for a bundle on this machine.

    `precision`: instead of the one recorded in the bundle. `device`: `auto` takes the GPU when
    TensorFlow sees one; TensorFlow is not even imported where there is no NVIDIA device. `cache_dir`:
    where the compiled graph and the measured batch size are kept for the next process; None keeps
    nothing. Raises BundleCorrupt or BundleIncompatible when the graph does not load, does not fit
    the manifest or is not finite, EngineError when there is no GPU to be had or no room on it.
    """
    if device == "gpu" or (device == "auto" and has_nvidia()):
        if not has_nvidia():
            raise EngineError("no_gpu")
        from classifier.engines.keras import KerasEngine, gpu_problem  # imports TensorFlow

        if (problem := gpu_problem()) is None:
            return KerasEngine(bundle, precision=precision, device="gpu", cache_dir=cache_dir)
        if device == "gpu":
            raise problem
        logger.warning("The processor answers instead of the GPU: %s", problem)
    from classifier.engines.openvino import OpenVinoEngine  # 55 MB that a reader of types can spare

    return OpenVinoEngine(bundle, precision=precision, cache_dir=cache_dir)
