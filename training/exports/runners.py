"""Each exported file loaded again, as a function from pictures to probabilities, all in fp32."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from classifier.decide import Head, probabilities
from classifier.engines.openvino import compile_graph

# uint8 `[N, S, S, 3]` to probabilities `[N, C]`.
Runner = Callable[[NDArray[np.uint8]], NDArray[np.floating]]


def run_keras(model: keras.Model) -> Runner:
    """The model compiled for batches as large as the first one; smaller ones are filled up.

    Otherwise the last batch would have it compiled again, which on JAX takes longer than all others.
    """
    if keras.backend.backend() == "tensorflow":
        model.jit_compile = False  # XLA takes longer to compile than this has to run
    batch_size = 0

    def run(pictures: NDArray[np.uint8]) -> NDArray[np.floating]:
        nonlocal batch_size
        batch_size = max(batch_size, len(pictures))
        batch = np.zeros((batch_size, *pictures.shape[1:]), np.float32)
        batch[: len(pictures)] = pictures
        with exact_float32():
            answers = np.asarray(model.predict_on_batch(batch))
        return answers[: len(pictures)]

    return run


def run_openvino(path: Path, head: Head, temperature: float) -> Runner:
    """A serving graph, which leaves temperature, softmax or sigmoid to its engine."""
    request = compile_graph(path, "fp32").create_infer_request()

    def run(pictures: NDArray[np.uint8]) -> NDArray[np.floating]:
        request.infer([pictures])
        return probabilities(request.get_tensor("logits").data, head, temperature)

    return run


def run_onnx(path: Path) -> Runner:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def run(pictures: NDArray[np.uint8]) -> NDArray[np.floating]:
        [answers] = session.run(None, {"picture": pictures.astype(np.float32)})
        return np.asarray(answers)

    return run


def run_tflite(path: Path) -> Runner:
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(model_path=str(path))
    [entry], [answer] = interpreter.get_input_details(), interpreter.get_output_details()

    def run(pictures: NDArray[np.uint8]) -> NDArray[np.floating]:
        if tuple(interpreter.get_input_details()[0]["shape"]) != pictures.shape:
            interpreter.resize_tensor_input(entry["index"], pictures.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(entry["index"], pictures.astype(np.float32))
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(answer["index"]))

    return run


@contextmanager
def exact_float32() -> Iterator[None]:
    """On a GPU, TensorFlow and JAX multiply float32 with ten bits of it unless they are told not to."""
    if keras.backend.backend() == "jax":
        import jax

        with jax.default_matmul_precision("highest"):
            yield
    elif keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        before = tf.config.experimental.tensor_float_32_execution_enabled()
        tf.config.experimental.enable_tensor_float_32_execution(False)
        try:
            yield
        finally:
            tf.config.experimental.enable_tensor_float_32_execution(before)
    else:
        yield
