"""training.config and training.events: the knobs, and what a run tells."""

from pathlib import Path
from typing import Any

import pytest

from training.config import TrainingConfig
from training.errors import ConfigRefused
from training.events import Event, StepClock


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("backbone", "vgg", "resnet50, mobilenet_v2"),
        ("image_size", 31, "from 32 to 1024"),
        ("image_size", 1025, "received 1025"),
        ("epochs", 0, "from 1"),
        ("seed", -1, "from 0"),
        ("val_fraction", 0.6, "to 0.5"),
        ("val_fraction", float("nan"), "received nan"),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_name(name: str, value: Any, words: str) -> None:
    with pytest.raises(ConfigRefused) as caught:
        TrainingConfig(Path("folder"), Path("out"), **{name: value})
    assert name in str(caught.value)
    assert words in str(caught.value)


def test_it_goes_to_plain_values_and_back() -> None:
    config = TrainingConfig(Path("folder"), Path("out"), epochs=3, seed=9)
    assert TrainingConfig.from_dict(config.to_dict()) == config
    assert all(isinstance(value, str | int | float) for value in config.to_dict().values())


def test_a_step_tells_its_begin_its_progress_and_its_end() -> None:
    events: list[Event] = []
    clock = StepClock(events.append)
    with clock.step("read") as on_progress:
        on_progress(0.5)
    assert events == [Event("read", 0.0), Event("read", 0.5), Event("read", 1.0)]
    assert set(clock.all_seconds()) == {"read", "total"}
    assert 0 <= clock.all_seconds()["read"] <= clock.all_seconds()["total"]


def test_a_step_that_fails_is_not_told_as_finished() -> None:
    events: list[Event] = []
    clock = StepClock(events.append)
    with pytest.raises(RuntimeError), clock.step("read"):
        raise RuntimeError
    assert events == [Event("read", 0.0)]
