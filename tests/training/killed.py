"""A training in a process of its own, to be killed: `python -m tests.training.killed FOLDER`.

It goes on from the checkpoints in FOLDER, prints `epoch step` at each step, and in the end what came
of it.
"""

import sys
from pathlib import Path

from tests.training.tiny import digest, drawn, empty_head, tiny_backbone
from training.layers.checkpoint import Checkpoints
from training.layers.loop import OnStep
from training.layers.phases import fine_tune
from training.layers.recipe import PhaseSettings

NUM_EPOCHS, NUM_STEPS = 4, 8
SETTINGS = PhaseSettings(
    epochs=NUM_EPOCHS,
    batch_size=16,
    learning_rate=3e-3,
    augmentation="strong",
    patience=NUM_EPOCHS,
    seed=7,
)


def train(folder: Path, on_step: OnStep) -> str:
    """All that came of a training, in a line."""
    backbone = tiny_backbone()
    tuned = fine_tune(
        backbone,
        *empty_head(),
        drawn(0, 16 * NUM_STEPS - 3),
        drawn(200, 240),
        layers=None,
        settings=SETTINGS,
        on_step=on_step,
        checkpoints=Checkpoints(folder, key="killed", seconds=0),
    )
    figures = [(r.loss, r.accuracy, r.val_loss, r.val_accuracy) for r in tuned.history]
    return f"done {digest(backbone)} {tuned.kernel.tobytes().hex()} {tuned.best_epoch} {figures}"


if __name__ == "__main__":
    result = train(Path(sys.argv[1]), lambda told: print(told.epoch, told.step, flush=True))
    print(result, flush=True)
