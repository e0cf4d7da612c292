"""The steps of a training, and which pictures each of them sees."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Plan:
    """The steps of a training, and the order in which it sees the pictures."""

    num_pictures: int
    num_epochs: int
    batch_size: int
    seed: int

    @property
    def num_steps(self) -> int:
        """Steps in an epoch."""
        return math.ceil(self.num_pictures / self.batch_size)

    @property
    def num_all(self) -> int:
        """Steps in all epochs."""
        return self.num_epochs * self.num_steps

    def batches(self, first: int = 0) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """The number of each step from `first` on and the places of its pictures, int64 `[batch_size]`.

        Every epoch has another order, which depends on the seed and the epoch alone. All batches
        have one size, or the graph would be built twice: an epoch's last one is filled up with
        places of its first.
        """
        for epoch in range(first // self.num_steps, self.num_epochs):
            order = np.random.default_rng([self.seed, epoch]).permutation(self.num_pictures)
            batches = np.resize(order, (self.num_steps, self.batch_size))
            for step in range(max(0, first - epoch * self.num_steps), self.num_steps):
                yield epoch * self.num_steps + step, batches[step]
