"""python -m classifier.smoke BUNDLE: load a bundle and let it answer once, before it may go live."""

import sys
from pathlib import Path

import numpy as np

from classifier.answering import answer_batch
from classifier.bundle import Bundle
from classifier.engines.base import open_engine
from classifier.errors import BundleCorrupt, BundleError


def smoke_test(bundle: Bundle) -> None:
    """Two pictures of noise are answered with finite numbers, or a BundleError says why not."""
    size = bundle.manifest.image_size
    noise = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), np.uint8)
    try:
        answer_batch(open_engine(bundle), noise)
    except (RuntimeError, ValueError) as error:
        raise BundleCorrupt("graph_unreadable", path=bundle.path, problem=error) from error


if __name__ == "__main__":
    try:
        smoke_test(Bundle.load(Path(sys.argv[1])))
    except BundleError as error:
        sys.exit(str(error))
