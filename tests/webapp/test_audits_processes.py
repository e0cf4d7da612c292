"""Audits where nothing is replaced: real pictures, real backbones, a worker that dies, two who press."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.shared import SHARED_DATA, SHARED_KERAS, needs_shared_data
from tests.stack import Stack, Visitor
from tests.studio import draw_bugs
from tests.training.folders import KINDS, striped
from tests.training.weights import mobilenet_weights
from tests.waiting import wait_for
from training.cache import Cache
from webapp.recognizers.models import Recognizer
from webapp.studio import trainer
from webapp.studio.audits.keeping import findings_of
from webapp.studio.datasets.reading import dataset_read
from webapp.studio.datasets.services import dataset_get_or_create
from webapp.studio.jobs import worker
from webapp.studio.jobs.services import job_create
from webapp.studio.models import Job, TrainingRun
from webapp.studio.services import run_create

pytestmark = pytest.mark.slow

PAGE = "/admin/studio/audits/1/"
READ = """
from webapp.studio.datasets.reading import dataset_read
from webapp.studio.datasets.services import dataset_get_or_create
dataset_read(dataset_get_or_create(folder_name={name!r}))
"""


@pytest.fixture
def curator(stack: Stack) -> Iterator[Visitor]:
    stack.environment["KERAS_HOME"] = str(SHARED_KERAS)
    stack.create_users("curator", is_staff=True)
    stack.start("redis", "web", "studio")
    with stack.signed_in("curator") as visitor:
        yield visitor


def state(stack: Stack) -> str:
    [(state,)] = stack.query("SELECT state FROM studio_job ORDER BY id DESC LIMIT 1")
    return str(state)


def excluded(stack: Stack) -> dict[str, str]:
    rows = stack.query("SELECT path, excluded FROM studio_example WHERE excluded <> ''")
    return {path.rsplit("/", 1)[-1]: why for path, why in rows}


def audit(stack: Stack, curator: Visitor) -> str:
    """Presses "Audit now"; the page when it is done."""
    curator.post(f"{PAGE}start/", {}, page=PAGE)
    wait_for(lambda: state(stack) == "succeeded", seconds=180, what="the audit")
    return curator.get(PAGE).text


def press(curator: Visitor, page: str, sentence: str) -> httpx.Response:
    """The first button below the finding with that sentence, without JavaScript."""
    form = page.split(sentence)[1].split("<form")[1].split("</form>", maxsplit=1)[0]
    values = {
        name: form.split(f'name="{name}"')[1].split('value="')[1].split('"')[0]
        for name in ("finding", "item", "action", "label", "shown")
    }
    return curator.post(form.split('action="')[1].split('"')[0], values, page=PAGE)


@needs_shared_data
def test_the_placeholder_of_hymenoptera_is_found_and_left_out_by_its_button(
    stack: Stack, curator: Visitor
) -> None:
    shutil.copytree(SHARED_DATA / "hymenoptera", stack.data_dir / "datasets" / "hymenoptera")
    stack.shell(READ.format(name="hymenoptera"))
    page = audit(stack, curator)
    sentence = "Pictures of nearly one shade"
    assert "imageNotFound.gif" in page.split(sentence)[1].split("</section>")[0]
    assert "Pictures that may have a wrong label" in page, "the light backbone looked at them"
    told = press(curator, page, sentence).text
    assert "1 picture is left out." in told
    assert excluded(stack) == {"imageNotFound.gif": "blank"}
    assert sentence not in audit(stack, curator)


def test_an_audit_whose_worker_is_killed_is_begun_anew(stack: Stack, curator: Visitor) -> None:
    draw_bugs(stack, num_train=10, num_val=4)
    stack.shell(READ.format(name="bugs"))
    curator.post(f"{PAGE}start/", {}, page=PAGE)
    wait_for(lambda: state(stack) == "running", what="the audit's beginning")
    stack.kill("studio")
    assert state(stack) == "running"
    stack.shell(
        "from webapp.studio.models import Job\n"
        "from django.utils import timezone\n"
        "Job.objects.update(lease_expires_at=timezone.now())\n"
    )
    stack.start("studio", "inference")  # which looks after what the dead have left
    wait_for(lambda: state(stack) == "succeeded", seconds=180, what="the audit, begun anew")
    [(attempts,)] = stack.query("SELECT attempts FROM studio_job")
    assert attempts == 2
    assert not list((stack.data_dir / "cache" / "audits").iterdir())


@pytest.mark.django_db
def test_what_an_audit_has_computed_the_next_run_does_not(
    recognizer: Recognizer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for kind, name in enumerate(KINDS):
        folder = tmp_path / "datasets" / "stripes" / name
        folder.mkdir(parents=True)
        for number in range(20):
            striped(kind, number).save(folder / f"{number}.jpg", quality=92)
    shutil.copy(folder / "3.jpg", folder.parent / KINDS[0] / "wrong.jpg")
    (folder / "3.jpg").unlink()
    dataset = dataset_get_or_create(folder_name="stripes")
    dataset_read(dataset)
    config = {
        "backbone": "mobilenet_v2",
        "weights": str(mobilenet_weights(tmp_path / "weights.h5")),
        "image_size": 64,
        "int8": False,
    }
    run = run_create(recognizer=recognizer, folder_name="stripes", config=config, requested_by=None)
    computed: list[tuple[str, str, bytes]] = []
    keep = Cache.keep_features

    def noted(cache: Cache, key: str, view: str, vectors: Any) -> None:
        vectors = list(vectors)
        computed.extend((key, view, sha256) for sha256, _ in vectors)
        keep(cache, key, view, vectors)

    monkeypatch.setattr(Cache, "keep_features", noted)
    job, _ = job_create(kind=Job.Kind.AUDIT, dataset=dataset)
    assert worker.do_next()
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED, job.failure_sentence
    [suspects] = [each for each in findings_of(job.result) if each.code == "suspects"]
    wrong = dataset.examples.get(path__endswith="wrong.jpg")
    [item] = [each for each in suspects.items if wrong.pk in each.examples]
    assert item.suggestion == KINDS[2]
    num_by_the_audit = len(computed)
    assert num_by_the_audit == 60
    assert trainer.train_next()
    run.refresh_from_db()
    assert run.state == TrainingRun.State.SUCCEEDED, run.failure_sentence
    assert computed[num_by_the_audit:] == []
