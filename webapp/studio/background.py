"""How a job answers pictures without taking the machine from visitors. Brings an engine and numpy: not
for the web process."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from classifier.answering import Outcome, answer_pictures, open_answerer
from classifier.bundle import Bundle
from classifier.errors import BundleCorrupt, InvalidImage
from classifier.images import DEFAULT_LIMITS, load_picture, read_bytes
from classifier.preprocess import fit, short_side_for
from webapp.recognizers.models import ModelVersion

Source = TypeVar("Source")
NICENESS = 10
BATCH_SIZE = 16


def give_way() -> None:
    """From now on whoever else wants a core comes first. This process does one job and ends."""
    os.nice(NICENESS)


def open_bundle(version: ModelVersion) -> Bundle:
    """The bundle of a version, verified. Raises BundleError."""
    bundle = Bundle.load(version.bundle_path)
    if bundle.digest != version.bundle_digest:
        raise BundleCorrupt("manifest_changed", path=bundle.path)
    return bundle


class Answering:
    """A version that answers files. On the processor: the GPU is the visitors' and the trainings'.
    Raises BundleError."""

    def __init__(self, bundle: Bundle) -> None:
        self._image_size = bundle.manifest.image_size
        self._answerer = open_answerer(
            bundle, device="cpu", cache_dir=Path(settings.CACHE_DIR) / "engines"
        )

    def answers(
        self, sources: Sequence[Source], read: Callable[[Source], bytes]
    ) -> Iterator[tuple[Source, Outcome]]:
        """Each source with its answer, in their order, or with the InvalidImage that reading it raised."""

        def pixels(source: Source) -> NDArray[np.uint8]:
            short_side = short_side_for(self._image_size)
            return fit(load_picture(read(source), short_side=short_side).image, self._image_size)

        return answer_pictures(self._answerer, sources, pixels, batch_size=BATCH_SIZE)


def read_below(folder: Path, path: str, *, sha256: str = "") -> bytes:
    """The file at `path` below a folder. Raises InvalidImage where there is none, where a link leads out
    of the folder, and where it is not the one that has this hash."""
    file = (folder / path).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise InvalidImage("missing", path=path)
    data = read_bytes(file, DEFAULT_LIMITS)
    if sha256 and hashlib.sha256(data).hexdigest() != sha256:
        raise InvalidImage("missing", path=path)
    return data
