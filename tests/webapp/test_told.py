"""What people are told says nothing of where things lie on the server."""

import errno
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from tests.webapp.compared import stay_nice
from tests.webapp.rows import rows_of
from training.config import TrainingConfig
from training.dataset.findings import Finding
from training.errors import WeightsUnavailable
from training.events import OnEvent
from training.run import TrainingResult
from webapp.accounts.models import User
from webapp.ops.heartbeat import Load
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.studio import trainer
from webapp.studio.audits import wording
from webapp.studio.audits.keeping import findings_of, packed
from webapp.studio.jobs import worker
from webapp.studio.models import Job, TrainingRun
from webapp.studio.services import run_create
from webapp.told import without_places

NewVersion = Callable[..., ModelVersion]


def test_a_path_is_told_from_the_folder_on_that_people_know(tmp_path: Path) -> None:
    assert without_places(tmp_path / "bundles" / "bugs-1") == "bundles/bugs-1"
    assert without_places(tmp_path / "datasets" / "bugs") == "bugs"
    assert without_places(tmp_path / "corrections" / "1.jpg") == "corrections/1.jpg"
    assert without_places(f"no '{tmp_path}/cache/a' and '{tmp_path}/b'") == "no 'cache/a' and 'b'"
    assert without_places(f"/mnt{tmp_path}/a") == f"/mnt{tmp_path}/a", "it lies elsewhere"
    assert [without_places(number) for number in (3, 0.5)] == [3, 0.5]


@pytest.fixture
def broken(new_version: NewVersion, live_version: ModelVersion) -> ModelVersion:
    """A candidate whose bundle is gone."""
    version = new_version()
    shutil.rmtree(version.bundle_path)
    return version


@pytest.mark.parametrize("name", ["compare", "reanswer"])
def test_a_job_that_finds_no_bundle_does_not_tell_where_that_should_lie(
    broken: ModelVersion,
    live_version: ModelVersion,
    owner: User,
    curator_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
) -> None:
    stay_nice(monkeypatch)
    rows_of(owner, live_version.recognizer, 1, version=live_version)
    start = {"compare": "comparison_start", "reanswer": "reanswer"}[name]
    asked = {"with": live_version.number, "number": 10}
    curator_client.post(reverse(f"studio:{start}", args=[broken.pk]), asked)
    assert worker.do_next()
    assert Job.objects.get().state == Job.State.FAILED
    page = curator_client.get(reverse(f"studio:{name}", args=[broken.pk])).content.decode()
    assert f"Expected a model bundle at bundles/{broken.bundle_name}, found no such folder." in page
    assert str(tmp_path) not in page


@pytest.mark.parametrize("name", ["report", "model_card"])
def test_a_version_without_its_bundle_does_not_tell_where_that_should_lie(
    broken: ModelVersion, curator_client: Client, tmp_path: Path, name: str
) -> None:
    page = curator_client.get(reverse(f"studio:{name}", args=[broken.pk])).content.decode()
    assert f"bundles/{broken.bundle_name}" in page
    assert str(tmp_path) not in page


def test_a_promotion_that_is_refused_does_not_tell_where_the_bundle_should_lie(
    broken: ModelVersion, curator_client: Client, tmp_path: Path
) -> None:
    form = {"instead_of": "1", "is_unknown_accepted": "1"}
    reply = curator_client.post(reverse("studio:version_promote", args=[broken.pk]), form)
    page = reply.content.decode()
    assert f"Expected a model bundle at bundles/{broken.bundle_name}" in page
    assert str(tmp_path) not in page


def test_a_training_that_finds_no_room_tells_a_path_below_the_data_folder(
    recognizer: Recognizer,
    folder: Path,
    curator_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    config = {"backbone": "mobilenet_v2", "weights": "none"}
    run = run_create(recognizer=recognizer, folder_name="bugs", config=config, requested_by=None)

    def train(config: TrainingConfig, on_event: OnEvent) -> TrainingResult:
        logging.getLogger("training.cache").warning("%s cannot be opened", tmp_path / "cache" / "a")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "work" / "1" / "b"))

    monkeypatch.setattr(trainer, "train", train)
    assert trainer.train_next()
    run.refresh_from_db()
    assert (run.state, run.failure_code) == (TrainingRun.State.FAILED, "disk")
    page = curator_client.get(f"/admin/studio/trainingrun/{run.pk}/change/").content.decode()
    assert "No space left on device: &#x27;work/1/b&#x27;" in page
    assert "cache/a cannot be opened" in page
    assert str(tmp_path) not in page


def test_what_an_audit_could_not_look_at_is_told_without_where_it_lies(tmp_path: Path) -> None:
    error = WeightsUnavailable("no_file", path=tmp_path / "cache" / "w.h5")
    kept = packed([Finding("unchecked", params={"reason": error})], {}, {})
    [finding] = findings_of(kept)
    assert "cache/w.h5" in wording.sentence(finding)
    assert str(tmp_path) not in wording.sentence(finding)


def test_a_worker_does_not_say_where_that_lies_which_it_cannot_load(
    new_version: NewVersion, tmp_path: Path
) -> None:
    version = new_version()
    shutil.rmtree(version.bundle_path)
    load = Load(version)
    load.run()
    assert version.bundle_name in load.problem
    assert str(tmp_path) not in load.problem
