"""Whole trainings, from each kind of source and on the other backend; each takes some seconds."""

import csv
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from classifier.answering import open_answerer
from classifier.bundle import Bundle
from classifier.engines.base import open_engine
from classifier.neighbours import NEIGHBOURS, Neighbours
from classifier.outliers import distance_scores
from classifier.preprocess import read_input
from tests.training.folders import KINDS, write_striped
from tests.training.weights import mobilenet_weights
from training.bundle_files import OUTCOMES
from training.config import TrainingConfig
from training.run import TrainingResult, train

pytestmark = pytest.mark.slow
IMAGE_SIZE = 64


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_striped(tmp_path_factory.mktemp("pictures") / "stripes", 14, 12)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mobilenet_weights(tmp_path_factory.mktemp("weights") / "mobilenet.h5")


def trained(source: Path, weights: Path, scratch: Path, **options: object) -> TrainingResult:
    return train(
        TrainingConfig(
            source,
            scratch / "bundle",
            backbone="mobilenet_v2",
            weights=str(weights),
            image_size=IMAGE_SIZE,
            cache=scratch / "cache",
            **options,  # type: ignore[arg-type]
        )
    )


def test_several_labels_a_picture_make_a_sigmoid_head_with_thresholds(
    folder: Path, weights: Path, tmp_path: Path
) -> None:
    labels = {"rot": "rot|warm", "grün": "grün|warm", "Blau": "Blau"}
    with (folder / "list.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["split", "path", "label"])
        for path in sorted(folder.rglob("*.jpg")):
            split, kind = path.relative_to(folder).parts[:2]
            writer.writerow([split, path.relative_to(folder).as_posix(), labels[kind]])
    result = trained(folder / "list.csv", weights, tmp_path)
    manifest = result.bundle.manifest
    assert manifest.head == "sigmoid"
    assert manifest.class_names == ("Blau", "grün", "rot", "warm")
    assert len(manifest.thresholds) == 4
    assert result.metrics["val_mean_average_precision"] >= 0.9
    assert result.metrics["val_macro_f1"] >= 0.9
    paths = sorted((folder / "val").rglob("*.jpg"))
    answers = open_answerer(result.bundle).answer(
        np.stack([read_input(path, IMAGE_SIZE) for path in paths])
    )
    right = [
        set(answer.labels) == set(labels[path.parent.name].split("|"))
        for answer, path in zip(answers, paths, strict=True)
    ]
    assert np.mean(right) >= 0.9
    with (tmp_path / "bundle" / OUTCOMES).open() as file:
        assert json.loads(next(file))["head"] == "sigmoid"
        kept = {outcome["path"]: outcome for outcome in map(json.loads, file)}
    for path, answer in zip(paths, answers, strict=True):
        outcome = kept[path.relative_to(folder).as_posix()]
        said = {manifest.class_names[i] for i in outcome["predicted"]}
        assert said == set(answer.labels)
        assert outcome["confidence"] == pytest.approx(answer.confidence, abs=0.02)


def test_a_zip_is_trained_on_and_leaves_nothing_behind(
    folder: Path, weights: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "stripes.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in folder.rglob("*.jpg"):
            file.write(path, Path("stripes") / path.relative_to(folder))
    result = trained(archive, weights, tmp_path, formats=("h5", "openvino", "onnx", "tflite"))
    assert result.metrics["val_top1"] >= 0.9
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "cache", "stripes.zip"]
    for name in ("model.onnx", "model.tflite"):
        assert name in result.bundle.manifest.files


def test_the_neighbours_in_the_bundle_score_the_training_pictures_as_known(
    folder: Path, weights: Path, tmp_path: Path
) -> None:
    result = trained(folder, weights, tmp_path)
    neighbours = Neighbours.load(result.bundle.path / NEIGHBOURS)
    assert len(neighbours.embeddings) == result.num_train
    assert all(neighbours.thumbnail_of(place) for place in range(result.num_train))
    assert {KINDS[i] for i in np.unique(neighbours.labels)} == set(KINDS)
    paths = sorted((folder / "val").rglob("*.jpg"))
    engine = open_engine(result.bundle)
    outputs = engine.run(np.stack([read_input(path, IMAGE_SIZE) for path in paths]))
    scores = distance_scores(outputs.embedding, neighbours.embeddings)
    assert (scores <= result.bundle.manifest.outliers["threshold"]).mean() >= 0.9


def test_the_head_and_an_epoch_of_fine_tuning_run_on_jax(
    folder: Path, weights: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "training", str(folder), "--out", str(tmp_path / "bundle")]
    command += ["--backbone", "mobilenet_v2", "--weights", str(weights), "--no-cache", "--json"]
    command += ["--image-size", str(IMAGE_SIZE), "--mode", "fine-tune", "--epochs", "1"]
    done = subprocess.run(
        command,
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        timeout=220,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["val_top1"] >= 0.9
    assert told["seconds"]["fine-tune"] > 0
    report = json.loads((tmp_path / "bundle" / "report.json").read_text())
    assert [each["name"] for each in report["choice"]["candidates"]] == ["Head only", "Fine-tuned"]
    assert len(report["curves"][0]["epochs"]) == 1
    bundle = Bundle.load(tmp_path / "bundle")
    paths = sorted((folder / "val").rglob("*.jpg"))
    answers = open_answerer(bundle).answer(
        np.stack([read_input(path, IMAGE_SIZE) for path in paths])
    )
    right = [a.label == p.parent.name for a, p in zip(answers, paths, strict=True)]
    assert np.mean(right) == pytest.approx(told["val_top1"], abs=0.03)
