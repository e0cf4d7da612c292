"""Embeddings of no picture at all."""

import numpy as np
from numpy.typing import NDArray


def drawn(num: int, num_features: int = 6, seed: int = 0) -> NDArray[np.float32]:
    """`[num, num_features]`, in every direction alike."""
    return np.random.default_rng(seed).normal(size=(num, num_features)).astype(np.float32)
