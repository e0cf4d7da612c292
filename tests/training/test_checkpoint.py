"""training.layers.checkpoint and training.layers.pace: whole or not there, and whose they are."""

import errno
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.layers.checkpoint import PARTIAL, Checkpoints
from training.layers.pace import Pace

FACTS = {"num_done": 7, "losses": 0.1 + 0.2, "val_loss": float("nan"), "history": [{"epoch": 1}]}


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "work" / "layers", key="one", seconds=0)


def arrays(seed: int) -> dict[str, list[np.ndarray[Any, Any]]]:
    rng = np.random.default_rng(seed)
    return {
        "model": [
            rng.normal(size=(3, 4)).astype(np.float32),
            np.asarray(5, np.int64),
            np.asfortranarray(rng.normal(size=(2, 3))),
            np.zeros((0, 2), np.float32),
        ],
        "best": [],
    }


def paths(checkpoints: Checkpoints) -> list[Path]:
    return sorted(checkpoints.folder.iterdir())


def loaded_seed(checkpoints: Checkpoints) -> int | None:
    saved = checkpoints.load()
    return None if saved is None else int(saved.facts["seed"])


def test_what_is_saved_comes_back_bit_by_bit(checkpoints: Checkpoints) -> None:
    assert checkpoints.load() is None
    checkpoints.save(7, FACTS, arrays(0))
    saved = checkpoints.load()
    assert saved is not None
    assert saved.facts["losses"] == FACTS["losses"]
    assert np.isnan(saved.facts["val_loss"])
    assert saved.facts["history"] == FACTS["history"]
    assert saved.arrays["best"] == []
    for before, after in zip(arrays(0)["model"], saved.arrays["model"], strict=True):
        assert after.dtype == before.dtype
        assert after.shape == before.shape
        assert after.tobytes() == before.tobytes()


def test_the_newest_is_loaded_and_one_more_is_kept(checkpoints: Checkpoints) -> None:
    for step in (9, 10, 11):
        checkpoints.save(step, {"seed": step}, arrays(step))
    assert loaded_seed(checkpoints) == 11
    assert [path.name for path in paths(checkpoints)] == [
        "step-000000000010.checkpoint",
        "step-000000000011.checkpoint",
    ]


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "longer"])
def test_a_damaged_one_is_passed_over_for_the_one_before(
    checkpoints: Checkpoints, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints.save(1, {"seed": 1}, arrays(1))
    checkpoints.save(2, {"seed": 2}, arrays(2))
    newest = paths(checkpoints)[-1]
    data = newest.read_bytes()
    middle = len(data) // 2
    newest.write_bytes(
        {
            "cut": data[:middle],
            "flip": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
            "empty": b"",
            "longer": data + b"!",
        }[damage]
    )
    assert loaded_seed(checkpoints) == 1
    assert "damaged" in caplog.text
    assert newest.name in caplog.text
    # The training goes on from the older one; the damaged one is in nobody's way.
    checkpoints.save(2, {"seed": 3}, arrays(3))
    assert loaded_seed(checkpoints) == 3
    newest.write_bytes(b"")
    assert loaded_seed(checkpoints) == 1


def test_another_trainings_is_not_used(
    checkpoints: Checkpoints, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints.save(100, {"seed": 1}, arrays(1))
    checkpoints.save(200, {"seed": 1}, arrays(1))
    other = Checkpoints(checkpoints.folder, key="two")
    assert other.load() is None
    assert "other settings" in caplog.text
    other.save(3, {"seed": 2}, arrays(2))
    assert loaded_seed(other) == 2
    assert [path.name for path in paths(checkpoints)] == ["step-000000000003.checkpoint"]


def test_pickles_are_not_opened(checkpoints: Checkpoints) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        checkpoints.save(1, {"seed": 1}, {"model": [np.array([{}])]})
    assert paths(checkpoints) == []


def test_a_write_that_was_killed_leaves_the_one_before(checkpoints: Checkpoints) -> None:
    checkpoints.save(1, {"seed": 1}, arrays(1))
    (checkpoints.folder / PARTIAL).write_bytes(b"half")
    assert loaded_seed(checkpoints) == 1
    checkpoints.save(2, {"seed": 2}, arrays(2))
    assert not (checkpoints.folder / PARTIAL).exists()


def test_a_full_disk_costs_the_checkpoint_and_not_the_training(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pace = Pace(checkpoints)
    pace.save(1, {"seed": 1}, arrays(1))

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(os, "fsync", full)
        pace.save(2, {"seed": 2}, arrays(2))
    assert "No space left" in caplog.text
    assert str(checkpoints.folder) in caplog.text
    assert [path.name for path in paths(checkpoints)] == ["step-000000000001.checkpoint"]
    pace.save(3, {"seed": 3}, arrays(3))
    assert loaded_seed(checkpoints) == 3


def test_it_is_due_after_so_many_seconds_and_at_an_epochs_end_if_that_is_cheap(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr("training.layers.pace.time.monotonic", lambda: now)
    pace = Pace(Checkpoints(checkpoints.folder, key="one", seconds=60))
    assert pace.is_due(at_epoch_end=True)
    now += 59
    assert not pace.is_due(at_epoch_end=False)
    now += 1
    assert pace.is_due(at_epoch_end=False)

    def slow(self: Checkpoints, *args: object) -> None:
        nonlocal now
        now += 1  # second, which is a twentieth of twenty

    monkeypatch.setattr(Checkpoints, "save", slow)
    pace.save(1, {}, {})
    now += 19
    assert not pace.is_due(at_epoch_end=True)
    now += 1
    assert pace.is_due(at_epoch_end=True)
    assert not pace.is_due(at_epoch_end=False)
