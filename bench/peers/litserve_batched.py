"""python bench/peers/litserve_batched.py MODEL --port N: LitServe with batching and a tf.function.

The model is an ordinary Keras file with its preprocessing in the graph: RGB 0-255 in, probabilities
out. Decoding is done in `decode_request`, as LitServe's documents have it.
"""

import argparse
from typing import Any

import keras
import litserve
import numpy as np
import tensorflow as tf
from fastapi import Request
from numpy.typing import NDArray
from PIL import Image


class Recognize(litserve.LitAPI):
    def __init__(self, model: str, **options: Any) -> None:
        super().__init__(api_path="/predict", **options)
        self.model_path = model

    def setup(self, device: str) -> None:
        model = keras.models.load_model(self.model_path, compile=False)
        self.height, self.width = model.input_shape[1:3]
        shape = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32)
        self.function = tf.function(lambda x: model(x, training=False), input_signature=[shape])
        self.function(tf.zeros([1, *model.input_shape[1:]]))

    def decode_request(self, request: Request) -> NDArray[np.float32]:
        image = (
            Image.open(request["pictures"].file).convert("RGB").resize((self.width, self.height))
        )
        return np.asarray(image, dtype=np.float32)

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        probabilities: NDArray[np.float32] = self.function(tf.constant(x)).numpy()
        return probabilities

    def encode_response(self, output: NDArray[np.float32]) -> dict[str, Any]:
        best = np.argsort(output)[::-1][:5]
        top = [{"label": f"class {i}", "probability": float(output[i])} for i in best]
        return {"label": top[0]["label"], "top": top}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("model")
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--max-batch-size", type=int, default=16)
    options.add_argument("--batch-timeout", type=float, default=0.02, help="seconds")
    options.add_argument("--workers", type=int, default=1, help="processes with a model each")
    arguments = options.parse_args()
    api = Recognize(
        arguments.model,
        max_batch_size=arguments.max_batch_size,
        batch_timeout=arguments.batch_timeout,
    )
    server = litserve.LitServer(
        api, accelerator="cpu", workers_per_device=arguments.workers, timeout=60
    )
    server.run(
        host="127.0.0.1", port=arguments.port, generate_client_file=False, log_level="warning"
    )


if __name__ == "__main__":
    main()
