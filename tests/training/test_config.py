"""training.config and training.events: the knobs, and what a run tells."""

import json
from pathlib import Path
from typing import Any

import pytest

from training.__main__ import _parser
from training.config import BACKBONE_NAMES, FORMATS, TrainingConfig
from training.errors import ConfigRefused
from training.events import Event, StepClock


def config(**values: Any) -> TrainingConfig:
    return TrainingConfig(Path("folder"), Path("out"), **values)


def refusal(**values: Any) -> ConfigRefused:
    with pytest.raises(ConfigRefused) as caught:
        config(**values)
    return caught.value


# --- Bounds and choices


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("image_size", 31, "from 32 to 1024"),
        ("image_size", 1025, "received 1025"),
        ("epochs", 0, "from 1"),
        ("epochs", 1_001, "to 1000"),
        ("batch_size", 0, "from 1 to 4096"),
        ("learning_rate", 0.0, "to 1.0"),
        ("learning_rate", 1.5, "received 1.5"),
        ("label_smoothing", 0.6, "to 0.5"),
        ("patience", 0, "from 1"),
        ("crops", -1, "from 0 to 32"),
        ("penalty", 0.0, "received 0.0"),
        ("folds", 21, "to 20"),
        ("seed", -1, "from 0"),
        ("seed", 2**32, "received 4294967296"),
        ("val_fraction", 0.6, "to 0.5"),
        ("val_fraction", 0.0, "from 0.05"),
        ("val_fraction", float("nan"), "received nan"),
        ("test_fraction", -0.1, "from 0.0 to 0.5"),
        ("checkpoint_seconds", float("inf"), "received inf"),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_name(name: str, value: Any, words: str) -> None:
    error = refusal(**{name: value})
    assert error.code == "bounds"
    assert f"Expected {name} from" in str(error)
    assert words in str(error)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("backbone", "vgg", "resnet50, "),
        ("mode", "sleep", "head, fine-tune, scratch"),
        ("head", "linear", "auto, softmax, sigmoid"),
        ("layers", "bottom", "top, all"),
        ("augmentation", "wild", "none, light, strong"),
        ("mixed_precision", "maybe", "auto, on, off"),
        ("formats", ("h5", "pickle"), "h5, openvino, onnx, tflite"),
    ],
)
def test_a_choice_there_is_not_is_refused_with_those_there_are(
    name: str, value: Any, words: str
) -> None:
    error = refusal(**{name: value})
    assert error.code == "choice"
    assert name in str(error)
    assert words in str(error)
    assert str(value[-1] if isinstance(value, tuple) else value) in str(error)


def test_the_bounds_themselves_are_allowed() -> None:
    for values in (
        {"image_size": 32, "epochs": 1, "seed": 0, "crops": 0, "folds": 0, "val_fraction": 0.05},
        {"image_size": 1024, "epochs": 1000, "seed": 2**32 - 1, "crops": 32, "folds": 20},
        {"learning_rate": None, "penalty": None, "mode": None},
        {"formats": FORMATS, "test_fraction": 0.0},
        {"formats": ()},
    ):
        config(**values)
    for name in BACKBONE_NAMES:
        assert config(backbone=name).backbone == name


# --- Modes and weights


@pytest.mark.parametrize("weights", ["imagenet", "some/file.h5"])
def test_from_scratch_with_pretrained_weights_is_refused(weights: str) -> None:
    error = refusal(mode="scratch", weights=weights)
    assert error.code == "scratch"
    assert weights in str(error)
    assert "fine-tune" in str(error)


def test_fine_tuning_without_pretrained_weights_is_refused() -> None:
    error = refusal(mode="fine-tune", weights="none")
    assert error.code == "fine_tune"
    assert "scratch" in str(error)


@pytest.mark.parametrize(
    ("mode", "weights", "real"),
    [
        (None, "imagenet", "head"),
        (None, "file.h5", "head"),
        (None, "none", "scratch"),
        ("head", "none", "head"),
        ("scratch", "none", "scratch"),
        ("fine-tune", "imagenet", "fine-tune"),
    ],
)
def test_the_weights_tell_the_mode_where_none_is_given(mode: Any, weights: str, real: str) -> None:
    assert config(mode=mode, weights=weights).real_mode == real


def test_what_a_run_needs_to_go_on_lies_beside_its_bundle() -> None:
    assert TrainingConfig(Path("a"), Path("b/out")).work_folder == Path("b/.out.work")
    assert config(work=Path("elsewhere")).work_folder == Path("elsewhere")


# --- As plain values


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"epochs": 3, "seed": 9, "penalty": 0.1, "learning_rate": 1e-4, "folds": 5},
        {"mode": "fine-tune", "layers": "all", "augmentation": "strong", "balance": True},
        {"outliers": Path("others"), "cache": Path("cache"), "work": Path("work")},
        {"formats": ("h5", "onnx", "tflite")},
        {"formats": ()},
        {"weights": "none", "crops": 4, "mirrored": True, "test_fraction": 0.0},
    ],
)
def test_it_goes_to_json_and_back(values: dict[str, Any]) -> None:
    before = config(**values)
    plain = json.loads(json.dumps(before.to_dict(), allow_nan=False))
    after = TrainingConfig.from_dict(plain)
    assert after == before
    assert after.to_dict() == before.to_dict()
    assert isinstance(after.folder, Path)
    assert isinstance(after.formats, tuple)


def test_plain_values_are_not_changed_by_reading_them() -> None:
    plain = config(cache=Path("cache")).to_dict()
    before = json.dumps(plain)
    TrainingConfig.from_dict(plain)
    assert json.dumps(plain) == before


def test_what_was_stored_before_there_were_so_many_knobs_still_loads() -> None:
    stored = {
        "folder": "/pictures",
        "out": "/bundles/1",
        "backbone": "mobilenet_v2",
        "weights": "imagenet",
        "image_size": 96,
        "epochs": 10,
        "seed": 3,
        "val_fraction": 0.2,
    }
    loaded = TrainingConfig.from_dict(stored)
    assert loaded == TrainingConfig(
        Path("/pictures"),
        Path("/bundles/1"),
        backbone="mobilenet_v2",
        image_size=96,
        seed=3,
        val_fraction=0.2,
    )


def test_what_was_stored_is_checked_again() -> None:
    with pytest.raises(ConfigRefused):
        TrainingConfig.from_dict({**config().to_dict(), "image_size": 1})


# --- Events


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
    assert set(clock.all_seconds()) == {"total"}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"folds": 1}, "one_fold"),
        ({"folds": 5, "weights": "none"}, "folds_from_scratch"),
        ({"val_fraction": 0.5, "test_fraction": 0.5}, "set_aside"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(options: dict[str, Any], code: str) -> None:
    with pytest.raises(ConfigRefused) as caught:
        TrainingConfig(Path("folder"), Path("out"), **options)
    assert caught.value.code == code


def test_folds_over_random_features_are_fine() -> None:
    TrainingConfig(Path("folder"), Path("out"), weights="none", mode="head", folds=5)


def test_int8_is_tried_unless_the_command_says_no() -> None:
    command = ["pictures", "--out", "bundle"]
    assert _parser().parse_args(command).int8 is config().int8 is True
    assert _parser().parse_args([*command, "--no-int8"]).int8 is False


def test_settings_of_a_release_without_int8_are_read() -> None:
    values = config().to_dict()
    del values["int8"]
    assert TrainingConfig.from_dict(values).int8
