"""training.run: from a folder to a bundle that anyone's Keras and our engine answer alike with."""

import hashlib
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Never

import numpy as np
import pytest
from numpy.typing import NDArray

import classifier.__main__
import training.__main__
from classifier.bundle import (
    KERAS_MODEL,
    NEIGHBOURS_PICTURES,
    SERVING_GRAPH,
    SERVING_WEIGHTS,
    Bundle,
    Precision,
)
from classifier.decide import probabilities
from classifier.engines.base import open_engine
from classifier.errors import BundleExists
from classifier.neighbours import NEIGHBOURS
from classifier.preprocess import read_input
from tests.shared import SHARED_DATA, SHARED_KERAS, needs_shared_data
from tests.training.folders import KINDS, write_classes, write_striped
from tests.training.weights import mobilenet_weights
from training.bundle_files import LEARNED, OUTCOMES
from training.config import TrainingConfig
from training.errors import DatasetRefused, TrainingCancelled
from training.events import STEPS, Event
from training.run import RECORDED_VERSIONS, TrainingResult, train

IMAGE_SIZE = 64
NUM_TRAIN, NUM_VAL = 14, 12


@dataclass(frozen=True)
class Trained:
    config: TrainingConfig
    result: TrainingResult
    events: tuple[Event, ...]
    paths: tuple[Path, ...]
    pictures: NDArray[np.uint8]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_striped(tmp_path_factory.mktemp("pictures") / "stripes", NUM_TRAIN, NUM_VAL)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mobilenet_weights(tmp_path_factory.mktemp("weights") / "mobilenet.h5")


@pytest.fixture(scope="module")
def trained(folder: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    config = config_for(folder, weights, tmp_path_factory.mktemp("run") / "models" / "bundle")
    events: list[Event] = []
    result = train(config, events.append)
    paths = tuple(sorted(folder.rglob("*.jpg")))
    pictures = np.stack([read_input(path, IMAGE_SIZE) for path in paths])
    return Trained(config, result, tuple(events), paths, pictures)


def config_for(folder: Path, weights: Path, out: Path) -> TrainingConfig:
    return TrainingConfig(
        folder, out, backbone="mobilenet_v2", weights=str(weights), image_size=IMAGE_SIZE
    )


def shares_of(trained: Trained, precision: Precision) -> NDArray[np.float64]:
    engine = open_engine(trained.result.bundle, precision=precision)
    logits = engine.run(trained.pictures).logits
    return probabilities(logits, "softmax", engine.bundle.manifest.temperature)


@pytest.fixture(scope="module")
def shares_elsewhere(
    trained: Trained, tmp_path_factory: pytest.TempPathFactory
) -> NDArray[np.float32]:
    return answered_elsewhere(
        trained.result.bundle, trained.pictures, tmp_path_factory.mktemp("elsewhere")
    )


def answered_elsewhere(
    bundle: Bundle, pictures: NDArray[np.uint8], scratch: Path
) -> NDArray[np.float32]:
    """What model.h5 answers where nobody has heard of us: RGB 0-255 in, probabilities out."""
    np.save(scratch / "pictures.npy", pictures)
    program = (
        "import sys, numpy as np, keras\n"
        "model = keras.models.load_model(sys.argv[1])\n"
        "pictures = np.load('pictures.npy').astype('float32')\n"
        "np.save('shares.npy', model.predict(pictures, verbose=0))\n"
        "assert not {'classifier', 'training'} & set(sys.modules)\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", program, bundle.path / KERAS_MODEL],
        cwd=scratch,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shares: NDArray[np.float32] = np.load(scratch / "shares.npy")
    return shares


# --- The bundle


def test_it_learns_what_the_pictures_show(trained: Trained) -> None:
    result = trained.result
    # Some stripes are so alike that the audit keeps those of one split only.
    assert 3 * NUM_TRAIN - 4 <= result.num_train <= 3 * NUM_TRAIN
    assert result.num_val == 3 * NUM_VAL
    assert result.metrics["val_top1"] >= 0.9
    assert result.metrics["val_top5"] == 1.0
    assert 0 < result.metrics["val_log_loss"] < 0.5
    assert result.num_test == 0


def test_the_bundle_loads_and_says_where_it_comes_from(trained: Trained) -> None:
    manifest = Bundle.load(trained.config.out).manifest
    assert manifest.class_names == tuple(sorted(KINDS))
    assert manifest.backbone == "mobilenet_v2"
    assert manifest.image_size == IMAGE_SIZE
    assert manifest.head == "softmax"
    assert manifest.thresholds == ()
    assert 0.05 <= manifest.temperature <= 20
    assert TrainingConfig.from_dict(manifest.config) == trained.config
    assert set(manifest.versions) == set(RECORDED_VERSIONS)
    models = {KERAS_MODEL, SERVING_GRAPH, SERVING_WEIGHTS}
    pages = {"report.json", "report.html", "audit.json", "audit.html", "mistakes.json"}
    kept = {NEIGHBOURS, NEIGHBOURS_PICTURES, OUTCOMES, LEARNED}
    assert set(manifest.files) == models | pages | kept
    assert len(manifest.dataset_fingerprint) == 64
    assert manifest.created_at.endswith("+00:00")
    assert manifest.metrics["val_top1"] == trained.result.metrics["val_top1"]
    assert manifest.metrics["precision"]["precision"] == manifest.precision
    for name in ("h5", "openvino"):
        assert manifest.metrics["exports"][name]["top1_agreement"] == 1.0
        assert manifest.metrics["exports"][name]["largest_difference"] <= 1e-3
    assert manifest.outliers["method"] == "distance"
    siblings = [path.name for path in trained.config.out.parent.iterdir()]
    assert siblings == ["bundle"]


def test_the_bundle_says_what_it_answered_for_each_measured_picture(trained: Trained) -> None:
    lines = (trained.config.out / OUTCOMES).read_text().splitlines()
    head, outcomes = json.loads(lines[0]), [json.loads(line) for line in lines[1:]]
    manifest = trained.result.bundle.manifest
    assert head == {
        "measured_on": "val",
        "head": "softmax",
        "class_names": list(manifest.class_names),
    }
    assert len(outcomes) == trained.result.num_val
    report = json.loads((trained.config.out / "report.json").read_text())
    for outcome in outcomes:
        file = trained.config.folder / outcome["path"]
        assert hashlib.sha256(file.read_bytes()).hexdigest() == outcome["sha256"]
        [label] = outcome["labels"]
        assert manifest.class_names[label] == file.parent.name
        assert 1 / 3 < outcome["confidence"] <= 1
    right = np.mean([outcome["labels"] == outcome["predicted"] for outcome in outcomes])
    assert right == pytest.approx(report["evaluation"]["figures"]["top1"])
    passed = np.mean([not outcome["is_outlier"] for outcome in outcomes])
    assert passed == pytest.approx(report["none_of_these"]["known_pass_rate"])


def test_the_bundle_says_which_pictures_it_has_learned_from(trained: Trained) -> None:
    content = (trained.config.out / LEARNED).read_bytes()
    digests = [content[start : start + 32] for start in range(0, len(content), 32)]
    assert digests == sorted(digests)
    assert len(digests) == trained.result.num_train
    files = (trained.config.folder / "train").rglob("*.jpg")
    assert set(digests) <= {hashlib.sha256(file.read_bytes()).digest() for file in files}


@pytest.mark.slow
def test_keras_elsewhere_answers_as_the_engine_does_in_fp32(
    trained: Trained, shares_elsewhere: NDArray[np.float32]
) -> None:
    shares = shares_of(trained, "fp32")
    assert shares_elsewhere.shape == shares.shape == (len(trained.paths), 3)
    assert (shares_elsewhere.argmax(axis=1) == shares.argmax(axis=1)).all()
    assert np.abs(shares_elsewhere - shares).mean() <= 1e-3
    assert shares_elsewhere.sum(axis=1) == pytest.approx(np.ones(len(shares)), abs=1e-5)


@pytest.mark.slow
def test_keras_elsewhere_answers_as_the_engine_does_in_bf16(
    trained: Trained, shares_elsewhere: NDArray[np.float32]
) -> None:
    shares = shares_of(trained, "bf16")
    assert (shares_elsewhere.argmax(axis=1) == shares.argmax(axis=1)).mean() >= 0.98
    assert np.abs(shares_elsewhere - shares).mean() <= 0.02


def test_the_command_line_agrees_with_the_validation_figure(
    trained: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(path) for path in trained.paths if "val" in path.parts]
    assert classifier.__main__.main([str(trained.config.out), *paths, "--json"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    right = [answer["label"] == Path(answer["picture"]).parent.name for answer in answers]
    assert np.mean(right) == pytest.approx(trained.result.metrics["val_top1"])


# --- What it tells


def test_the_steps_are_told_in_order_each_from_begin_to_end(trained: Trained) -> None:
    steps = [step for step in STEPS if step not in ("layers", "fine-tune")]  # not asked for
    told = list(dict.fromkeys(event.step for event in trained.events))
    assert told == steps
    for step in steps:
        fractions = [event.fraction for event in trained.events if event.step == step]
        assert fractions[0] == 0.0
        assert fractions[-1] == 1.0
        assert fractions == sorted(fractions)
    order = [steps.index(event.step) for event in trained.events]
    assert order == sorted(order)


def test_the_seconds_of_each_step_add_up(trained: Trained) -> None:
    seconds = trained.result.seconds
    assert set(seconds) == {*STEPS, "total"} - {"layers", "fine-tune"}
    steps = sum(value for name, value in seconds.items() if name != "total")
    assert 0 < steps <= seconds["total"] + 0.01


def test_the_command_prints_one_json_line_and_the_same_seed_gives_the_same_model(
    trained: Trained, tmp_path: Path
) -> None:
    out, err = StringIO(), StringIO()
    config = trained.config
    arguments = [str(config.folder), "--out", str(tmp_path / "bundle"), "--backbone"]
    arguments += ["mobilenet_v2", "--weights", config.weights, "--image-size", str(IMAGE_SIZE)]
    with redirect_stdout(out), redirect_stderr(err):
        status = training.__main__.main([*arguments, "--json"])
    assert status == 0
    told = json.loads(out.getvalue().splitlines()[-1])
    assert list(told)[:7] == [
        "bundle",
        "classes",
        "num_train",
        "num_val",
        "val_top1",
        "val_top5",
        "seconds",
    ]
    assert told["bundle"] == str(tmp_path / "bundle")
    assert told["classes"] == sorted(KINDS)
    assert (told["num_train"], told["num_val"]) == (trained.result.num_train, 3 * NUM_VAL)
    assert told["val_top1"] == trained.result.metrics["val_top1"]
    assert told["val_top5"] == 1.0
    assert {"total", "read", "features", "head", "write"} <= set(told["seconds"])
    again = Bundle.load(tmp_path / "bundle").manifest
    assert again.dataset_fingerprint == trained.result.bundle.manifest.dataset_fingerprint
    assert again.temperature == pytest.approx(trained.result.bundle.manifest.temperature, rel=0.05)


# --- What stops it


def test_an_existing_bundle_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    out = tmp_path / "taken"
    out.mkdir()
    events: list[Event] = []
    with pytest.raises(BundleExists):
        train(TrainingConfig(tmp_path / "no such folder", out), events.append)
    assert events == []


def test_a_folder_that_cannot_be_used_is_refused_before_keras_is_imported(tmp_path: Path) -> None:
    write_classes(tmp_path / "folder", {"only": 3})
    program = (
        "import sys; from training.__main__ import main; status = main(sys.argv[1:]);"
        "assert not {'keras', 'tensorflow'} & set(sys.modules); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "folder", "--out", tmp_path / "out"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Expected at least two classes" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{folder}", "--out", "{taken}"], "exists already"),
        (["{missing}", "--out", "{new}"], "no such folder"),
        (["{folder}", "--out", "{new}", "--image-size", "5"], "image_size from 32 to 1024"),
        (["{folder}", "--out", "{new}", "--weights", "{missing}"], "Expected a weights file"),
    ],
)
def test_what_is_refused_is_a_sentence_and_exit_status_2(
    arguments: list[str],
    words: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "taken").mkdir()
    places = {name: tmp_path / name for name in ("taken", "missing", "new")}
    given = [argument.format(folder=folder, **places) for argument in arguments]
    assert training.__main__.main([*given, "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "stop_at",
    [
        ("read", 0.0),
        pytest.param(("features", 0.0), marks=pytest.mark.slow),
        pytest.param(("write", 1.0), marks=pytest.mark.slow),
    ],
)
def test_a_callback_that_raises_leaves_no_bundle(
    trained: Trained, tmp_path: Path, stop_at: tuple[str, float]
) -> None:
    def stop(event: Event) -> None:
        if (event.step, event.fraction) == stop_at:
            raise TrainingCancelled("cancelled")

    config = config_for(trained.config.folder, Path(trained.config.weights), tmp_path / "bundle")
    with pytest.raises(TrainingCancelled):
        train(config, stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_disk_that_is_full_leaves_no_half_bundle(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> Never:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("training.exports.proof.ov.save_model", refuse)
    config = config_for(trained.config.folder, Path(trained.config.weights), tmp_path / "bundle")
    with pytest.raises(OSError, match="No space left"):
        train(config)
    assert list(tmp_path.iterdir()) == []


def test_the_reason_of_a_refusal_reaches_the_caller(tmp_path: Path) -> None:
    with pytest.raises(DatasetRefused) as caught:
        train(TrainingConfig(write_classes(tmp_path / "folder", {"ant": 3}), tmp_path / "out"))
    assert caught.value.code == "one_class"
    assert not (tmp_path / "out").exists()


# --- Real pictures


@needs_shared_data
@pytest.mark.slow
def test_ants_and_bees_are_told_apart_and_the_command_agrees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(SHARED_KERAS))
    folder = SHARED_DATA / "hymenoptera"
    result = train(TrainingConfig(folder, tmp_path / "bundle", backbone="mobilenet_v2"))
    assert result.metrics["val_top1"] >= 0.95
    paths = sorted(str(path) for path in (folder / "val").rglob("*.jpg"))
    assert classifier.__main__.main([str(tmp_path / "bundle"), *paths, "--json"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    right = [answer["label"] == Path(answer["picture"]).parent.name for answer in answers]
    assert np.mean(right) == pytest.approx(result.metrics["val_top1"], abs=0.005)


@needs_shared_data
@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_resnet50_from_scratch_writes_a_valid_bundle(tmp_path: Path) -> None:
    out, err = StringIO(), StringIO()
    arguments = [str(SHARED_DATA / "hymenoptera"), "--out", str(tmp_path / "bundle")]
    arguments += ["--weights", "none", "--backbone", "resnet50"]
    with redirect_stdout(out), redirect_stderr(err):
        status = training.__main__.main(
            [*arguments, "--image-size", "64", "--epochs", "2", "--json"]
        )
    assert status == 0, err.getvalue()
    told: dict[str, Any] = json.loads(out.getvalue().splitlines()[-1])
    assert told["classes"] == ["ants", "bees"]
    assert told["val_top1"] >= 0.4
    assert told["seconds"]["layers"] > 0
    bundle = Bundle.load(tmp_path / "bundle")
    assert bundle.manifest.config["epochs"] == 2
    paths = sorted((SHARED_DATA / "hymenoptera" / "val").rglob("*.jpg"))
    pictures = np.stack([read_input(path, 64) for path in paths])
    elsewhere = answered_elsewhere(bundle, pictures, tmp_path)
    temperature = bundle.manifest.temperature
    for precision, min_agreement, max_difference in (("fp32", 1.0, 1e-3), ("bf16", 0.98, 0.02)):
        logits = open_engine(bundle, precision=precision).run(pictures).logits
        shares = probabilities(logits, "softmax", temperature)
        assert (shares.argmax(axis=1) == elsewhere.argmax(axis=1)).mean() >= min_agreement
        assert np.abs(shares - elsewhere).mean() <= max_difference
