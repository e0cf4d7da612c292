"""Weights files in the layout of those that Keras downloads, made here and nowhere else known."""

from pathlib import Path

import h5py
import keras
import numpy as np
from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

from tests.training.folders import striped


def randomized(model: keras.Model, seed: int = 0) -> keras.Model:
    """`model` with batch-normalisation statistics and layer scales that a training might have left."""
    generator = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights(
                [
                    generator.uniform(0.7, 1.3, gamma.shape),
                    generator.normal(0, 0.1, beta.shape),
                    generator.normal(0, 0.1, mean.shape),
                    generator.uniform(0.7, 1.3, variance.shape),
                ]
            )
        elif layer.name.endswith("_layer_scale"):
            [scale] = layer.get_weights()
            layer.set_weights([generator.uniform(0.2, 0.8, scale.shape)])
    return model


def write_legacy_weights(model: keras.Model, path: Path) -> Path:
    """`save_weights` writes the new layout; keras.applications downloads the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        save_weights_to_hdf5_group(file, model)
    return path


def mobilenet_weights(path: Path) -> Path:
    """Weights that nobody trained, but whose features tell the striped pictures apart.

    Random kernels do where the batch normalisation knows what comes through them and keeps it in the
    straight middle of ReLU6. Otherwise a deep network's last features are all the same.
    """
    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNetV2(input_shape=(64, 64, 3), include_top=False, weights=None)
    pictures = np.stack([np.asarray(striped(n % 3, 1_000 + n, 64)) for n in range(48)])
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
            layer.beta.assign(np.full(layer.beta.shape, 3.0))
    model(pictures.astype("float32") / 127.5 - 1, training=True)
    return write_legacy_weights(model, path)
