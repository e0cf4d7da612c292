"""The phases on JAX, on one device and on two; in a process of its own, as Keras has one backend."""

import importlib.util
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX is not installed (requirements-dev)"
)

COMMON = """
import keras
from tests.training.tiny import accuracy, drawn, empty_head, tiny_backbone, tiny_model
from training.layers.devices import all_devices
from training.layers.phases import fine_tune, train_from_scratch
from training.layers.recipe import PhaseSettings

assert keras.backend.backend() == "jax"
with all_devices() as num_devices:
    print("devices", num_devices)
"""
FINE_TUNING = """
settings = PhaseSettings(epochs=1, batch_size=16, learning_rate=1e-2)
tuned = fine_tune(
    tiny_backbone(), *empty_head(), drawn(0, 96), drawn(96, 120), layers=None, settings=settings
)
print("losses", tuned.history[0].loss, tuned.history[0].val_loss)
"""
# 17 cannot be divided among two devices.
FROM_SCRATCH = """
model, pictures = tiny_model(), drawn(0, 96)
train_from_scratch(model, pictures, settings=PhaseSettings(epochs=8, batch_size=17))
assert keras.distribution.distribution() is None
print("accuracy", accuracy(model, pictures))
"""


def run(program: str, **environment: str) -> dict[str, list[float]]:
    done = subprocess.run(
        [sys.executable, "-c", COMMON + program],
        env=os.environ | {"KERAS_BACKEND": "jax"} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [line.split() for line in done.stdout.splitlines()]
    return {name: list(map(float, values)) for name, *values in lines}


@pytest.mark.slow
def test_an_epoch_of_fine_tuning_with_jax() -> None:
    told = run(FINE_TUNING)
    assert told["devices"] == [1]
    assert told["losses"][1] < 1.0  # log 3 = 1.1 is what knows nothing


@pytest.mark.slow
def test_two_devices_share_each_batch() -> None:
    told = run(FROM_SCRATCH, XLA_FLAGS="--xla_force_host_platform_device_count=2")
    assert told["devices"] == [2]
    assert told["accuracy"][0] >= 0.9
