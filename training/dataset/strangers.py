"""A folder of pictures of other things, as embeddings: what "none of these" is measured on."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifier.bundle import Precision
from classifier.images import FILE_SUFFIXES
from training.backbones.features import compute_features
from training.backbones.network import Network
from training.dataset.examples import Examples, distinct
from training.dataset.pictures import Pictures
from training.dataset.survey import survey_files
from training.errors import DatasetRefused
from training.sources.index import Index, IndexBuilder
from training.workplace import Workplace


def embeddings_of_folder(
    folder: Path, network: Network, image_size: int, precision: Precision, place: Workplace
) -> NDArray[np.float32]:
    """The embeddings `[N, D]` of all pictures below a folder that can be read. Raises DatasetRefused
    when there are none."""
    index = _index(folder)
    pictures = Pictures(index, image_size)
    survey = survey_files(index, place.cache, pictures)
    rows, _, _ = distinct(index, survey)
    if not len(rows):
        raise DatasetRefused("no_outliers", path=folder)
    examples = Examples(
        class_names=(),
        rows=rows,
        labels=index.labels[rows],
        label_sets=index.label_sets,
        splits=np.zeros(len(rows), np.int8),
        hashes=survey.hashes[rows],
    )
    features = compute_features(
        network, examples, np.arange(len(rows)), pictures, place.cache, precision=precision
    )
    return np.asarray(features[0])


def _index(folder: Path) -> Index:
    if not folder.is_dir():
        raise DatasetRefused("no_outliers", path=folder)
    builder = IndexBuilder(folder)
    for path in sorted(_pictures_below(folder)):
        builder.add(path.relative_to(folder).as_posix(), (), None)
    return builder.build()


def _pictures_below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith(".") and Path(name).suffix.lower() in FILE_SUFFIXES:
                yield Path(parent, name)
