"""The list that a run learns from: without what is gone since the version was made; and what is refused
about it, said as a curator knows it."""

import csv
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from classifier.errors import BundleMissing, ClassifierError
from tests.bundles import colour_bundle
from tests.pictures import picture_bytes
from tests.webapp.corrections import colours_dataset, decided, judged
from training.config import TrainingConfig
from training.errors import DatasetRefused, WeightsUnavailable
from training.events import OnEvent
from training.run import TrainingResult
from training.sources.csv_manifest import read_csv
from training.sources.errors import ListRefused
from webapp.accounts.models import User
from webapp.predictions.corrections import prediction_correct
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion
from webapp.studio import trainer
from webapp.studio.datasets.told import for_curator
from webapp.studio.loop.taking import corrections_release, corrections_take
from webapp.studio.models import Dataset, DatasetVersion, RunLine, TrainingRun
from webapp.studio.notes import note_text
from webapp.studio.services import run_create

State = TrainingRun.State
Seen = list[tuple[TrainingConfig, list[list[str]]]]
CONFIG = {"backbone": "mobilenet_v2", "weights": "none"}


@pytest.fixture
def dataset(live_version: ModelVersion) -> Dataset:
    dataset = colours_dataset(live_version.recognizer)
    for example in dataset.examples.all():
        example.file.parent.mkdir(parents=True, exist_ok=True)
        example.file.write_bytes(picture_bytes())
    return dataset


@pytest.fixture
def correction(live_version: ModelVersion, owner: User, curator: User) -> Prediction:
    row = judged(owner, live_version)
    decided(row, curator)
    return row


@pytest.fixture
def version(dataset: Dataset, correction: Prediction) -> DatasetVersion:
    return corrections_take(recognizer=correction.recognizer, dataset=dataset).version


@pytest.fixture
def take_back(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, owner: User
) -> Callable[[Prediction], None]:
    def take(row: Prediction) -> None:
        prediction_correct(owner=owner, public_id=row.public_id, verdict="")
        with django_capture_on_commit_callbacks(execute=True):
            assert corrections_release() == 1

    return take


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """What a training was given, and what was in its list then."""
    seen: Seen = []

    def train(config: TrainingConfig, on_event: OnEvent) -> TrainingResult:
        with config.folder.open(encoding="utf-8", newline="") as stream:
            seen.append((config, list(csv.reader(stream))))
        read_csv(config.folder, config.root)
        return TrainingResult(colour_bundle(config.out), 8, 2, 2, {}, (), {})

    monkeypatch.setattr(trainer, "train", train)
    return seen


def trained(version: DatasetVersion, recognizer_of: Prediction) -> TrainingRun:
    run = run_create(
        recognizer=recognizer_of.recognizer,
        folder_name=version.dataset.folder_name,
        config=CONFIG,
        requested_by=None,
        version=version,
    )
    assert trainer.train_next()
    run.refresh_from_db()
    return run


def codes(run: TrainingRun) -> Sequence[str]:
    lines = RunLine.objects.filter(run=run, kind=RunLine.Kind.LOG)
    return [line.figures.get("code", line.text) for line in lines]


def test_a_correction_that_its_owner_takes_back_leaves_the_version_trainable(
    version: DatasetVersion,
    correction: Prediction,
    take_back: Callable[[Prediction], None],
    seen: Seen,
    curator_client: Client,
) -> None:
    frozen = version.manifest_path.read_bytes()
    take_back(correction)
    run = trained(version, correction)
    assert run.state == State.SUCCEEDED, run.failure_sentence
    [(config, [header, *rows])] = seen
    assert header == ["path", "label", "split"]
    assert len(rows) == 6
    assert not [path for path, *_ in rows if path.startswith("corrections/")]
    assert run.dataset_version == version
    assert version.manifest_path.read_bytes() == frozen, "the version stays as it is"
    assert not config.folder.exists()
    assert not run.work_folder.exists()
    said = "Pictures of that version which are no longer there, left out: 1."
    assert [note_text(note) for note in run.notes] == [said]
    assert "left_out" in codes(run)
    page = curator_client.get(f"/admin/studio/trainingrun/{run.pk}/change/").content.decode()
    assert page.count(said) == 2


def test_where_nothing_is_gone_the_version_s_own_list_is_learned_from(
    version: DatasetVersion, correction: Prediction, seen: Seen
) -> None:
    run = trained(version, correction)
    [(config, rows)] = seen
    assert config.folder == version.manifest_path
    assert len(rows) == 8
    assert (run.notes, "left_out" in codes(run)) == ([], False)


def test_what_can_go_on_later_keeps_its_checkpoints_and_not_the_list(
    version: DatasetVersion,
    correction: Prediction,
    take_back: Callable[[Prediction], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    take_back(correction)

    def fail(config: TrainingConfig, on_event: OnEvent) -> TrainingResult:
        (config.work_folder / "checkpoints").mkdir()
        raise MemoryError

    monkeypatch.setattr(trainer, "train", fail)
    run = trained(version, correction)
    assert run.is_resumable
    assert [path.name for path in run.work_folder.iterdir()] == ["checkpoints"]


def test_a_class_that_has_lost_all_its_pictures_is_named(
    version: DatasetVersion, correction: Prediction, seen: Seen
) -> None:
    shutil.rmtree(version.dataset.path / "green")
    run = trained(version, correction)
    assert run.state == State.SUCCEEDED, run.failure_sentence
    assert len(seen[0][1]) == 1 + 5
    lost = "Classes without any picture left, left out: 1 (green)."
    assert note_text(run.notes[1]) == lost
    assert "lost" in codes(run)


def folder_away(version: DatasetVersion) -> None:
    version.dataset.path.rename(version.dataset.path.parent / "elsewhere")


def folder_empty(version: DatasetVersion) -> None:
    for file in version.dataset.path.rglob("*.jpg"):
        file.unlink()


def only_the_correction(version: DatasetVersion) -> None:
    """The version has nothing but what its owner has taken back."""
    rows = version.manifest_path.read_text().splitlines(keepends=True)
    own = [row for row in rows if not row.startswith("datasets/")]
    version.manifest_path.write_text("".join(own))
    shutil.rmtree(version.manifest_path.parent.parent / "corrections")


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (folder_away, "FolderRefused.gone"),
        (folder_empty, "DatasetRefused.no_pictures"),
        (only_the_correction, "DatasetRefused.no_pictures"),
    ],
)
def test_where_nothing_of_the_dataset_is_left_it_is_not_trained_on_the_rest(
    version: DatasetVersion,
    correction: Prediction,
    seen: Seen,
    happens: Callable[[DatasetVersion], None],
    code: str,
    curator_client: Client,
    tmp_path: Path,
) -> None:
    happens(version)
    run = trained(version, correction)
    assert (run.state, run.failure_code) == (State.FAILED, code)
    assert version.dataset.name in run.failure_sentence
    assert str(tmp_path) not in run.failure_sentence
    page = curator_client.get(f"/admin/studio/trainingrun/{run.pk}/change/").content.decode()
    assert "Look at the dataset" in page


def in_list(code: str, **params: object) -> ListRefused:
    where = {"file": "3-1-ab12.csv", "line": 12, "column": "path"}
    return ListRefused(code, **{**where, "received": "datasets/colours/red/1.jpg", **params})


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (in_list("missing"), "Expected the picture colours/red/1.jpg to stay"),
        (in_list("outside"), "the link “colours/red/1.jpg” leads out"),
        (in_list("case", received="Red", other="red"), "found red and Red"),
        (in_list("no_labels"), "Expected at least two classes with pictures in colours"),
        (in_list("twice", first=3), "reading colours failed"),
        (in_list("unreadable", problem="Input/output error"), "failed: Input/output error"),
    ],
)
def test_of_a_list_that_no_curator_sees_the_dataset_is_spoken_of(
    version: DatasetVersion,
    correction: Prediction,
    error: ListRefused,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(config: TrainingConfig, on_event: OnEvent) -> TrainingResult:
        raise error

    monkeypatch.setattr(trainer, "train", fail)
    run = trained(version, correction)
    assert sentence in run.failure_sentence
    assert ".csv" not in run.failure_sentence


PLACES: Mapping[str, Callable[[Path], ClassifierError]] = {
    "in colours, found only red": lambda data: DatasetRefused("one_class", path=data, name="red"),
    "things at others, found none": lambda data: DatasetRefused(
        "no_outliers", path=data / "datasets" / "others"
    ),
    "a picture at colours/red/1.jpg, found no": lambda data: DatasetRefused(
        "changed",
        path=data / "datasets" / "colours" / "red" / "1.jpg",
        problem=f"Expected a picture at {data}/datasets/colours/red/1.jpg, found no readable file.",
    ),
    "at bundles/colours-1, found no": lambda data: BundleMissing(
        "no_folder", path=data / "bundles" / "colours-1"
    ),
    "not in /home/keras/models, where": lambda data: WeightsUnavailable(
        "download", backbone="ResNet50", file="a.h5", folder="/home/keras/models", problem="-"
    ),
}


@pytest.mark.parametrize("sentence", PLACES)
def test_no_place_on_the_server_is_told_beyond_what_lies_outside_of_the_data_folder(
    version: DatasetVersion,
    correction: Prediction,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(config: TrainingConfig, on_event: OnEvent) -> TrainingResult:
        raise PLACES[sentence](tmp_path)

    monkeypatch.setattr(trainer, "train", fail)
    run = trained(version, correction)
    assert sentence in run.failure_sentence
    assert str(tmp_path) not in run.failure_sentence


def test_a_curator_s_own_list_is_spoken_of_with_its_line(dataset: Dataset) -> None:
    told = for_curator(in_list("missing", file="labels.csv"), dataset)
    assert "labels.csv, line 12" in str(told)
