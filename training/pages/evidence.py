"""Where the model looked on the pictures of the report's mistakes: class activation maps, a byte a cell.

Kept beside the report, so that a page can lay them over the pictures without an engine.
"""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier.bundle import Precision
from classifier.explain import activation_maps, in_levels
from classifier.preprocess import fit
from training.backbones.network import Network
from training.bundle_files import EVIDENCE
from training.dataset.pictures import NUM_THREADS, Pictures
from training.errors import DatasetRefused
from training.pages.schema import MistakeEvidence


def write_evidence(
    folder: Path,
    mistakes: Sequence[Mapping[str, Any]],
    *,
    class_names: Sequence[str],
    network: Network,
    precision: Precision,
    kernel: NDArray[np.float32],
    pictures: Pictures,
) -> None:
    """`mistakes.json` in a folder: a list of `MistakeEvidence`.

    `kernel`: the head's, `[D, C]`. A picture that can no longer be read has none: hours of training
    are not lost for a map.
    """

    def seen(mistake: Mapping[str, Any]) -> tuple[NDArray[np.uint8], tuple[int, int]] | None:
        try:
            image = pictures.open(mistake["row"])
        except DatasetRefused:
            return None
        return fit(image, pictures.image_size), image.size

    with ThreadPoolExecutor(NUM_THREADS) as threads:
        inputs = list(threads.map(seen, mistakes))
    places = {name: place for place, name in enumerate(class_names)}
    evidence: list[MistakeEvidence] = []
    for mistake, each in zip(mistakes, inputs, strict=True):
        if each is None:
            continue
        picture, size = each
        [feature_map] = network.feature_maps(picture[None], precision)
        classes = [places[name] for name in _classes_of(mistake)]
        levels, _ = in_levels(activation_maps(feature_map, kernel[:, classes]))
        evidence.append(
            {
                "row": mistake["row"],
                "picture_size": size,
                "num_columns": feature_map.shape[1],
                "maps": {
                    class_names[place]: b64encode(cells.tobytes()).decode()
                    for place, cells in zip(classes, levels, strict=True)
                },
            }
        )
    text = json.dumps(evidence, ensure_ascii=False)
    (folder / EVIDENCE).write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def _classes_of(mistake: Mapping[str, Any]) -> list[str]:
    """The class that it is about, and the right one where there is one other."""
    given = mistake["given"]
    return list(dict.fromkeys([mistake["about"], *(given if len(given) == 1 else [])]))
