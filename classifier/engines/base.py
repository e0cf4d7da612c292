"""What an engine does, whichever library it runs on."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from classifier.bundle import Bundle, Precision


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

    def run(self, pictures: NDArray[np.uint8]) -> Outputs:
        """One pass over uint8 RGB `[N, image_size, image_size, 3]`, N of 1 or more."""


def open_engine(bundle: Bundle, *, precision: Precision | None = None) -> Engine:
    """An engine for a bundle on this machine's processor.

    `precision`: instead of the one recorded in the bundle. Raises BundleCorrupt or
    BundleIncompatible when the graph does not load or does not fit the manifest.
    """
    from classifier.engines.openvino import OpenVinoEngine  # 55 MB that a reader of types can spare

    return OpenVinoEngine(bundle, precision=precision)
