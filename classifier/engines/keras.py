"""The engine for GPUs: the bundle's Keras model on TensorFlow. Nothing else here imports either.

TensorFlow traces the model once, for batches of any size. What it and cuDNN prepare for each shape
comes in a few shapes only, as batches are filled up to a power of two. XLA is left out: it would
take seconds for each of these shapes in each new process, and a promotion waits for that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from classifier.bundle import Bundle, Precision
from classifier.engines.base import OUTPUT_NAMES, Outputs, RealDevice
from classifier.engines.batch_sizes import best_size, measure_sizes
from classifier.engines.checks import check_answers, noise
from classifier.engines.hardware import num_cores
from classifier.engines.kept import Keeper, Kept
from classifier.engines.keras_models import read_model
from classifier.errors import EngineError

# Others are filled up to the next, and larger ones computed in parts.
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_OLDEST_WITH_BF16 = (8, 0)  # the compute capability of Ampere


def gpu_problem() -> EngineError | None:
    """Why this process can run no engine on a GPU; None if it can."""
    if keras.backend.backend() != "tensorflow":
        return EngineError("other_backend", backend=keras.backend.backend())
    if not tf.config.list_physical_devices("GPU"):
        return EngineError("gpu_unseen")
    return None


class KerasEngine:
    """See `base.Engine`. On the processor it answers as well, only slowly."""

    def __init__(
        self,
        bundle: Bundle,
        *,
        precision: Precision | None = None,
        device: RealDevice = "gpu",
        cache_dir: Path | None = None,
    ) -> None:
        self.bundle = bundle
        self.device = device
        manifest = bundle.manifest
        wanted = (precision,) if precision else manifest.precisions
        self.precision: Precision = "bf16" if "bf16" in wanted and _has_bf16(device) else "fp32"
        if device == "gpu":
            _prepare_gpus(self.precision)
        self._batch_size: int | None = None
        with self._at_work(1):
            model = read_model(bundle, self.precision)
            self.head_kernel: NDArray[np.float32] = model.get_layer("logits").get_weights()[0]
            self.num_bytes = sum(weight.nbytes for weight in model.get_weights())
            self._answer = _compiled(model, manifest.image_size)
        self._settle(cache_dir)

    @property
    def batch_size(self) -> int:
        if self._batch_size is None:
            self._batch_size = best_size(self._measured())
        return self._batch_size

    def run(self, pictures: NDArray[np.uint8]) -> Outputs:
        """See `base.Engine`. Raises EngineError."""
        if len(pictures) <= BATCH_SIZES[-1]:
            return self._run_filled_up(pictures)
        starts = range(0, len(pictures), BATCH_SIZES[-1])
        parts = [self._run_filled_up(pictures[start : start + BATCH_SIZES[-1]]) for start in starts]
        return Outputs(
            logits=np.concatenate([part.logits for part in parts]),
            embedding=np.concatenate([part.embedding for part in parts]),
            feature_map=np.concatenate([part.feature_map for part in parts]),
        )

    def _run_filled_up(self, pictures: NDArray[np.uint8]) -> Outputs:
        num = len(pictures)
        bucket = next(size for size in BATCH_SIZES if size >= num)
        if bucket > num:
            empty = np.zeros((bucket - num, *pictures.shape[1:]), np.uint8)
            pictures = np.concatenate([pictures, empty])
        with self._at_work(bucket):
            logits, embedding, feature_map = (
                answer.numpy()[:num] for answer in self._answer(tf.constant(pictures))
            )
        return Outputs(logits, embedding, feature_map)

    @contextmanager
    def _at_work(self, num_pictures: int) -> Iterator[None]:
        """On the engine's device; what TensorFlow raises becomes an EngineError."""
        try:
            with tf.device(f"/{self.device}:0"):
                yield
        except tf.errors.ResourceExhaustedError as error:
            raise EngineError("gpu_memory", num_pictures=num_pictures) from error
        except tf.errors.OpError as error:
            problem = error.message.strip().partition("\n")[0][:300]
            raise EngineError("gpu_failed", num_pictures=num_pictures, problem=problem) from error

    def _settle(self, cache_dir: Path | None) -> None:
        """Learn the best batch size, and try every batch up to it out."""
        if cache_dir:
            keeper = Keeper(cache_dir, self.bundle, self._circumstances(), BATCH_SIZES)
            kept = keeper.read()
            if kept is None:
                kept = Kept(None, self._measured())
                keeper.write(kept)
            self._batch_size = best_size(kept.pictures_per_second)
        for size in reversed(BATCH_SIZES):
            if size <= (self._batch_size or 1):
                check_answers(self.bundle, self.run(noise(self.bundle, size)))

    def _circumstances(self) -> dict[str, object]:
        return {
            "precision": self.precision,
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "device": _details().get("device_name", "GPU") if self.device == "gpu" else "CPU",
            "num_cores": num_cores(),
        }

    def _measured(self) -> dict[int, float]:
        pictures = noise(self.bundle, BATCH_SIZES[-1])
        return measure_sizes(lambda size: self.run(pictures[:size]), BATCH_SIZES)


def _compiled(model: keras.Model, image_size: int) -> Any:
    """A TensorFlow function from uint8 `[N, S, S, 3]` to logits, embedding and feature map."""
    entry = tf.TensorSpec([None, image_size, image_size, 3], tf.uint8)

    def answer(pictures: Any) -> Any:
        answers = model(tf.cast(pictures, tf.float32), training=False)
        return tuple(tf.cast(answers[name], tf.float32) for name in OUTPUT_NAMES)

    return tf.function(answer, input_signature=[entry], autograph=False)


def _prepare_gpus(precision: Precision) -> None:
    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            # Take what is needed and no more: TensorFlow would take the whole card.
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # this process uses it already
            break
    if precision == "fp32":
        # Otherwise it would multiply with ten bits of 23, which nobody has judged.
        tf.config.experimental.enable_tensor_float_32_execution(False)


def _has_bf16(device: RealDevice) -> bool:
    return device == "cpu" or _details().get("compute_capability", (0, 0)) >= _OLDEST_WITH_BF16


def _details() -> dict[str, Any]:
    details: dict[str, Any] = tf.config.experimental.get_device_details(
        tf.config.list_physical_devices("GPU")[0]
    )
    return details
