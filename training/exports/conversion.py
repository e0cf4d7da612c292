"""From a Keras model to the formats of others, through TensorFlow's tracer.

With another Keras backend (JAX) it is done by a second process on TensorFlow, which reads the model
from an H5 file: `python -m training.exports.conversion MODEL.h5 TARGET` writes `.xml`, `.onnx` or `.tflite`.
What Keras itself exports from JAX has operations that OpenVINO does not know (XlaCallModule).
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import keras
import openvino as ov

from training.backbones.guards import refused_as
from training.errors import ExportRefused
from training.exports.to_onnx import write_onnx


def to_openvino(model: keras.Model) -> ov.Model:
    """The model as an OpenVINO graph in fp32; its outputs are called as in the model's dict.

    Raises ExportRefused.
    """
    if keras.backend.backend() == "tensorflow":
        with refused_as("openvino"):
            return ov.convert_model(_traced(model))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "graph.xml"
        convert(model, target)
        core = ov.Core()
        core.set_property({"ENABLE_MMAP": False})  # the folder goes away, the weights must not
        return core.read_model(target)


def convert(model: keras.Model, target: Path) -> None:
    """Write the model to `target`, in the format that its suffix tells. Raises ExportRefused, OSError.

    TFLite's file takes one picture; `resize_tensor_input` makes it take more. The others take any
    number of pictures.
    """
    with refused_as(target.suffix[1:]):
        if keras.backend.backend() == "tensorflow":
            _WRITERS[target.suffix](model, target)
            return
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "model.h5"
            model.save(source)
            _convert_elsewhere(source, target)


def _convert_elsewhere(source: Path, target: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", __name__, str(source.resolve()), str(target.resolve())],
        cwd=Path(__file__).resolve().parents[2],
        # This process may hold all of the GPU's memory.
        env={**os.environ, "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise ExportRefused("failed", format=target.suffix[1:], problem=lines[-1][:300])


def _traced(model: keras.Model) -> Any:
    """A TensorFlow function of float32 `picture` `[N, S, S, 3]`, its weights constants.

    As constants they convert in half the time: the converters ask for a variable by going through
    all of them.
    """
    import tensorflow as tf

    trainable, fixed = (
        [keras.ops.convert_to_numpy(variable) for variable in variables]
        for variables in (model.trainable_variables, model.non_trainable_variables)
    )

    def answer(picture: Any) -> Any:
        return model.stateless_call(trainable, fixed, picture, training=False)[0]

    shape = model.inputs[0].shape
    signature = tf.TensorSpec(shape, tf.float32, name="picture")
    return tf.function(answer, autograph=False).get_concrete_function(signature)


def _write_openvino(model: keras.Model, target: Path) -> None:
    ov.save_model(ov.convert_model(_traced(model)), target, compress_to_fp16=False)


def _write_tflite(model: keras.Model, target: Path) -> None:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions([_traced(model)])
    target.write_bytes(converter.convert())


_WRITERS = {
    ".xml": _write_openvino,
    ".onnx": lambda model, target: write_onnx(_traced(model), target),
    ".tflite": _write_tflite,
}


if __name__ == "__main__":
    convert(keras.models.load_model(sys.argv[1], compile=False), Path(sys.argv[2]))
