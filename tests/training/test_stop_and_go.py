"""A training that was stopped and goes on ends as one that was never stopped, bit by bit."""

import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.training import killed
from tests.training.killed import NUM_EPOCHS, NUM_STEPS
from tests.training.tiny import digest, drawn, empty_head, tiny_backbone, tiny_model
from training.config import TrainingConfig
from training.layers.checkpoint import Checkpoints
from training.layers.phases import fine_tune, train_from_scratch
from training.layers.progress import EpochFigures, EpochRecord
from training.layers.recipe import PhaseSettings
from training.layers.tuning import _checkpoints

SETTINGS = PhaseSettings(epochs=3, batch_size=16, learning_rate=3e-3, patience=3)


class Stopped(BaseException):
    """As a signal would: nothing in the training catches it."""


class Stopper:
    """Raises at the so-many-th call; remembers where each was."""

    def __init__(self, call: int) -> None:
        self.call = call
        self.places: list[tuple[int, int]] = []

    def __call__(self, figures: EpochFigures) -> None:
        self.places.append((figures.epoch, figures.step))
        if len(self.places) == self.call:
            raise Stopped


def stop_at(call: int) -> Stopper:
    return Stopper(call)


def without_seconds(history: tuple[EpochRecord, ...]) -> list[EpochRecord]:
    return [replace(record, seconds=0) for record in history]


def run(folder: Path, kill_at: tuple[int, int] | None = None) -> tuple[list[tuple[int, int]], str]:
    """The places that a training in another process told of, and its last line; killed at a place."""
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "tests.training.killed", str(folder)]
    told: list[tuple[int, int]] = []
    line = ""
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("done"):
                break
            epoch, step = map(int, line.split())
            told.append((epoch, step))
            if told[-1] == kill_at:
                process.kill()
                break
        process.wait()
    assert process.returncode == (0 if kill_at is None else -9), line
    return told, line.strip()


@pytest.mark.parametrize("name", ["folder", "root", "out", "outliers", "cache", "work"])
def test_a_data_folder_that_has_moved_costs_no_checkpoint(name: str, tmp_path: Path) -> None:
    def key(config: TrainingConfig) -> str:
        prepared: Any = SimpleNamespace(examples=SimpleNamespace(fingerprint="the pictures"))
        place: Any = SimpleNamespace(checkpoints=tmp_path)
        return _checkpoints(config, prepared, place, "layers").key

    before = TrainingConfig(folder=Path("list.csv"), root=Path("data"), out=Path("bundle"))
    after: dict[str, Any] = {name: tmp_path / "elsewhere"}
    assert key(replace(before, **after)) == key(before)
    assert key(replace(before, seed=1)) != key(before)


@pytest.mark.slow
def test_a_process_that_is_killed_three_times_ends_with_the_weights_of_one_that_never_was(
    tmp_path: Path,
) -> None:
    # Not at the very first step: before it nothing is kept that one could go on from.
    everything = [(e, s) for e in range(1, NUM_EPOCHS) for s in range(1, NUM_STEPS + 1)][1:]
    places = sorted(random.SystemRandom().sample(everything, 3))
    for number, place in enumerate(places):
        told, _ = run(tmp_path / "work", kill_at=place)
        assert (told[0] > (1, 1)) is (number > 0), places
    told, resumed = run(tmp_path / "work")
    assert told[0] > (1, 1), places
    undisturbed = killed.train(tmp_path / "undisturbed", stop_at(-1))
    assert resumed == undisturbed, f"killed at {places}"


Result = tuple[str, bytes, list[EpochRecord]]


def fine_tuned(on_step: Stopper, checkpoints: Checkpoints | None = None) -> Result:
    """An epoch of it calls seven times: 4 steps, 2 batches of validation, and what they came to."""
    backbone = tiny_backbone()
    tuned = fine_tune(
        backbone,
        *empty_head(),
        drawn(0, 60),
        drawn(60, 84),
        layers=None,
        settings=SETTINGS,
        on_step=on_step,
        checkpoints=checkpoints,
    )
    return digest(backbone), tuned.kernel.tobytes(), without_seconds(tuned.history)


@pytest.fixture(scope="module")
def undisturbed() -> Result:
    return fine_tuned(stop_at(-1))


@pytest.mark.parametrize(
    ("call", "goes_on_with"),
    [
        pytest.param(3, (1, 3), id="within an epoch"),
        pytest.param(
            5, (1, 4), id="between its last step and its validation", marks=pytest.mark.slow
        ),
        pytest.param(7, (1, 4), id="before its validation is kept", marks=pytest.mark.slow),
        pytest.param(8, (2, 1), id="after it", marks=pytest.mark.slow),
        pytest.param(20, (3, 4), id="at the end", marks=pytest.mark.slow),
    ],
)
def test_a_fine_tuning_goes_on_where_it_stopped(
    call: int, goes_on_with: tuple[int, int], tmp_path: Path, undisturbed: Result
) -> None:
    checkpoints = Checkpoints(tmp_path, key="one", seconds=0)
    with pytest.raises(Stopped):
        fine_tuned(stop_at(call), checkpoints)
    goes_on = stop_at(-1)
    assert fine_tuned(goes_on, checkpoints) == undisturbed
    assert goes_on.places[0] == goes_on_with


def test_what_is_finished_is_not_trained_again(tmp_path: Path, undisturbed: Result) -> None:
    checkpoints = Checkpoints(tmp_path, key="one", seconds=1_000)
    fine_tuned(stop_at(-1), checkpoints)
    nothing_left = stop_at(-1)
    assert fine_tuned(nothing_left, checkpoints) == undisturbed
    assert nothing_left.places == []


def from_scratch(
    on_step: Stopper, checkpoints: Checkpoints | None = None
) -> tuple[str, list[float]]:
    model = tiny_model()
    history = train_from_scratch(
        model, drawn(0, 60), settings=SETTINGS, on_step=on_step, checkpoints=checkpoints
    )
    return digest(model), [record.loss for record in history]


@pytest.fixture(scope="module")
def undisturbed_from_scratch() -> tuple[str, list[float]]:
    return from_scratch(stop_at(-1))


@pytest.mark.parametrize("call", [pytest.param(3, marks=pytest.mark.slow), 8])
def test_a_training_from_scratch_goes_on_where_it_stopped(
    call: int, tmp_path: Path, undisturbed_from_scratch: tuple[str, list[float]]
) -> None:
    checkpoints = Checkpoints(tmp_path, key="one", seconds=0)
    with pytest.raises(Stopped):
        from_scratch(stop_at(call), checkpoints)
    goes_on = stop_at(-1)
    assert from_scratch(goes_on, checkpoints) == undisturbed_from_scratch
    assert goes_on.places[0] == ((call - 2) // 4 + 1, (call - 2) % 4 + 2)


def test_a_training_goes_on_from_the_older_checkpoint_where_the_newest_is_damaged(
    tmp_path: Path, undisturbed_from_scratch: tuple[str, list[float]]
) -> None:
    checkpoints = Checkpoints(tmp_path, key="one", seconds=0)
    with pytest.raises(Stopped):
        from_scratch(stop_at(7), checkpoints)
    newest = max(tmp_path.glob("*.checkpoint"))
    newest.write_bytes(newest.read_bytes()[:-100])
    goes_on = stop_at(-1)
    resumed, _ = from_scratch(goes_on, Checkpoints(tmp_path, key="one", seconds=0))
    assert goes_on.places[0] == (2, 2)
    assert resumed == undisturbed_from_scratch[0]
