"""Exports that are proved: each is written, loaded again and run beside the Keras model."""

import os
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import keras
import numpy as np
import openvino as ov
from numpy.typing import NDArray

from classifier.decide import Head
from training.backbones.fingerprints import fingerprint
from training.backbones.guards import disk_errors, refused_as
from training.bundle_files import EXPORTS
from training.config import FORMATS, Format
from training.exports.agreement import Agreement, Export
from training.exports.conversion import convert
from training.exports.int8 import in_batches
from training.exports.runners import exact_float32, run_keras, run_onnx, run_openvino, run_tflite

ALWAYS: tuple[Format, ...] = ("h5", "openvino")
NUM_IN_MEMORY = 4


def write_exports(
    folder: Path,
    model: keras.Model,
    graph: ov.Model,
    pictures: NDArray[np.uint8] | Iterable[NDArray[np.uint8]],
    *,
    head: Head,
    temperature: float,
    formats: Sequence[Format] = ALWAYS,
) -> dict[Format, Agreement]:
    """The exports in `folder`, each with its agreement, by format.

    `model`: from `keras_model()`, `graph`: from `serving_graph()`. `pictures`: uint8 `[N, S, S, 3]`,
    or batches of them, read once. H5 and OpenVINO are always written.

    The H5 file is the Keras model: loaded again it has the same layers and, bit for bit, the same
    weights. So it is its answers that all others are compared with, and the model in memory answers
    only a few pictures beside it. Raises ExportRefused, and OSError when the disk is full.
    """
    h5, loaded = _written_h5(folder, model)
    others = []
    for name in FORMATS:
        if name != "h5" and name in {*ALWAYS, *formats}:
            others.append(_written(name, folder, loaded, graph, head, temperature))

    for batch in in_batches(pictures):
        expected = h5.answer(batch)
        in_memory = expected.copy()
        if not h5.num_pictures:
            with exact_float32():
                few = model(batch[:NUM_IN_MEMORY].astype("float32"), training=False)
            in_memory[: len(few)] = keras.ops.convert_to_numpy(few)
        h5.compare(in_memory, expected, head)
        for export in others:
            export.compare(expected, export.answer(batch), head)
    return {export.format: export.agreement() for export in (h5, *others)}


def make_sure_of_room(folder: Path, num_bytes: int) -> None:
    """Raise OSError where the disk has no room for a model of so many bytes.

    The HDF5 library that meets a full disk itself may take the process with it.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        os.posix_fallocate(file.fileno(), 0, num_bytes + num_bytes // 8 + 2**20)


def _written_h5(folder: Path, model: keras.Model) -> tuple[Export, keras.Model]:
    started = time.perf_counter()
    with refused_as("h5"):
        with disk_errors(folder / EXPORTS["h5"]):
            make_sure_of_room(folder, sum(weight.nbytes for weight in model.get_weights()))
            model.save(folder / EXPORTS["h5"])
        loaded = keras.models.load_model(folder / EXPORTS["h5"], compile=False)
        if fingerprint(loaded) != fingerprint(model):
            raise ValueError("loaded again it has other layers or other weights")
    return Export("h5", EXPORTS["h5"], run_keras(loaded), time.perf_counter() - started), loaded


def _written(
    name: Format, folder: Path, model: keras.Model, graph: ov.Model, head: Head, temperature: float
) -> Export:
    started = time.perf_counter()
    path = folder / EXPORTS[name]
    with refused_as(name):
        if name == "openvino":
            with disk_errors(path):
                ov.save_model(graph, path, compress_to_fp16=False)
            run = run_openvino(path, head, temperature)
        else:
            convert(model, path)
            run = run_onnx(path) if name == "onnx" else run_tflite(path)
    return Export(name, EXPORTS[name], run, time.perf_counter() - started)
