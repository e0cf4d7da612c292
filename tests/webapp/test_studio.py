"""The studio: the form to retrain, runs that are claimed, kept, cancelled and interrupted."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, OperationalError, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from classifier.errors import EngineError
from tests.bundles import colour_bundle
from training.config import TrainingConfig
from training.dataset.findings import KINDS, Finding
from training.errors import DatasetRefused, WeightsUnavailable
from training.events import Event, OnEvent
from training.run import TrainingResult
from webapp.accounts.models import User
from webapp.ops.reconciler import reconcile
from webapp.recognizers import services as recognizer_services
from webapp.recognizers.keeping import recognizer_archive
from webapp.recognizers.models import ModelVersion, Promotion, Recognizer
from webapp.recognizers.services import version_create, version_promote
from webapp.recognizers.swap import WorkersTooSlow
from webapp.studio import services as studio_services
from webapp.studio import trainer
from webapp.studio.models import Dataset, RunLine, TrainingRun
from webapp.studio.notes import note_of, note_text
from webapp.studio.runs import listener
from webapp.studio.services import (
    dataset_folders,
    recognizer_get_or_create,
    run_cancel,
    run_claim,
    run_create,
    run_end,
    run_renew,
    run_resume,
    run_shall_stop,
    runs_mark_interrupted,
)

pytestmark = pytest.mark.usefixtures("no_smoke_test")
State = TrainingRun.State
NewRun = Callable[..., TrainingRun]


@pytest.fixture
def new_run(recognizer: Recognizer, settings: Settings) -> NewRun:
    for name in ("ant", "bee"):  # never opened: what would is replaced
        (settings.DATASETS_DIR / "bugs" / name).mkdir(parents=True, exist_ok=True)
        (settings.DATASETS_DIR / "bugs" / name / "1.jpg").touch()

    def make(**more: Any) -> TrainingRun:
        # Another seed for each: two runs with the same settings would be one, sent twice.
        config = {
            "backbone": "mobilenet_v2",
            "weights": "none",
            "seed": TrainingRun.objects.count(),
        }
        return run_create(
            recognizer=recognizer, folder_name="bugs", config=config, requested_by=None, **more
        )

    return make


def raise_(error: BaseException) -> NoReturn:
    raise error


SMALL = note_of(KINDS["tiny"].sentence, num=3, pixels=10)


def result_of(config: TrainingConfig) -> TrainingResult:
    return TrainingResult(
        colour_bundle(config.out),
        8,
        2,
        2,
        {},
        (Finding("tiny", 3, {"pixels": 10}),),
        {"total": 1.0},
    )


def values(**changes: object) -> dict[str, object]:
    return {
        "new_name": "Bugs",
        "folder_name": "bugs",
        "backbone": "resnet50",
        "weights": "imagenet",
        "image_size": 224,
        "epochs": 10,
        "seed": 0,
        **changes,
    }


# The form


def test_pressing_retrain_queues_a_run_of_a_new_recognizer(
    curator: User, curator_client: Client, tmp_path: Path
) -> None:
    (tmp_path / "datasets" / "bugs" / "ant").mkdir(parents=True)
    assert "bugs" in curator_client.get("/admin/studio/trainingrun/add/").content.decode()
    response = curator_client.post("/admin/studio/trainingrun/add/", values())
    run = TrainingRun.objects.get()
    assert response["Location"] == f"/admin/studio/trainingrun/{run.pk}/change/"
    assert (run.state, run.recognizer.name, run.requested_by) == (State.QUEUED, "Bugs", curator)
    assert run.config == {
        "backbone": "resnet50",
        "weights": "imagenet",
        "image_size": 224,
        "epochs": 10,
        "seed": 0,
    }


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"new_name": ""}, "Choose a recognizer or give the name of a new one"),
        ({"folder_name": "../.."}, "Select a valid choice"),
        ({"folder_name": "/etc"}, "Select a valid choice"),
        ({"image_size": 8}, "greater than or equal to 32"),
        ({"weights": "/etc/passwd"}, "Select a valid choice"),
    ],
)
def test_a_form_that_cannot_be_trained_is_explained(
    curator_client: Client, tmp_path: Path, changes: dict[str, object], sentence: str
) -> None:
    (tmp_path / "datasets" / "bugs" / "ant").mkdir(parents=True)
    page = curator_client.post("/admin/studio/trainingrun/add/", values(**changes))
    assert sentence in page.content.decode()
    assert not TrainingRun.objects.exists()


def test_the_name_of_an_archived_recognizer_is_explained_and_trains_nothing(
    curator_client: Client, recognizer: Recognizer, tmp_path: Path
) -> None:
    (tmp_path / "datasets" / "bugs" / "ant").mkdir(parents=True)
    recognizer_archive(recognizer=recognizer)
    asked = values(new_name=recognizer.name.upper())
    page = curator_client.post("/admin/studio/trainingrun/add/", asked).content.decode()
    assert f"“{recognizer.name}” is archived. Take it back" in page
    assert not TrainingRun.objects.exists()


def test_folders_that_lead_out_or_are_hidden_are_not_offered(tmp_path: Path) -> None:
    datasets = tmp_path / "datasets"
    for name in ("bugs", ".hidden"):
        (datasets / name).mkdir(parents=True)
    (datasets / "outside").symlink_to("/etc")
    (datasets / "file").write_text("")
    (datasets / os.fsdecode(b"k\xe4fer")).mkdir()  # no text: as old archives leave it
    assert dataset_folders() == ["bugs"]


def test_without_any_folder_the_form_says_where_to_put_one(curator_client: Client) -> None:
    page = curator_client.get("/admin/studio/trainingrun/add/").content.decode()
    assert "datasets/" in page


@pytest.mark.django_db
def test_recognizers_get_different_slugs() -> None:
    names = ("Bugs", "Bugs!", "昆虫", "鸟")
    assert [recognizer_get_or_create(name=name).slug for name in names] == [
        "bugs",
        "bugs-2",
        "recognizer",
        "recognizer-2",
    ]
    assert recognizer_get_or_create(name="BUGS").slug == "bugs"


# Runs


def test_one_run_at_a_time_is_claimed(new_run: NewRun) -> None:
    first, second = new_run(), new_run()
    claimed = run_claim()
    assert claimed == first
    assert run_claim() is None
    assert claimed is not None
    run_end(run=claimed, state=State.FAILED)
    assert run_claim() == second


def test_the_database_itself_allows_one_running_run(new_run: NewRun) -> None:
    new_run(), new_run()
    with pytest.raises(IntegrityError), transaction.atomic():
        TrainingRun.objects.update(state=State.RUNNING)


def test_a_run_whose_trainer_died_is_interrupted_and_the_next_may_run(new_run: NewRun) -> None:
    run, _ = new_run(), new_run()
    claimed = run_claim()
    assert claimed is not None
    assert runs_mark_interrupted() == 0
    TrainingRun.objects.filter(pk=run.pk).update(
        lease_expires_at=timezone.now() - timedelta(seconds=1)
    )
    reconcile()
    run.refresh_from_db()
    assert run.state == State.INTERRUPTED
    # The dead trainer may come back from a long sleep: it can neither go on nor end it.
    assert not run_renew(run=claimed)
    assert not run_end(run=claimed, state=State.SUCCEEDED)
    run.refresh_from_db()
    assert run.state == State.INTERRUPTED
    assert run_claim() is not None


def test_retrain_pressed_twice_makes_one_run(curator_client: Client, tmp_path: Path) -> None:
    (tmp_path / "datasets" / "bugs" / "ant").mkdir(parents=True)
    pages = {
        curator_client.post("/admin/studio/trainingrun/add/", values())["Location"]
        for _ in range(2)
    }
    assert len(pages) == TrainingRun.objects.count() == 1


@pytest.mark.parametrize("noticed", ["when it is checked", "when it is written"])
def test_a_name_that_another_makes_at_the_same_moment_is_that_recognizer(
    db: None, monkeypatch: pytest.MonkeyPatch, noticed: str
) -> None:
    def slugify_while_another_makes_it(name: str, *, allow_unicode: bool) -> str:
        Recognizer.objects.create(name=name, slug="theirs")
        return "ours"

    monkeypatch.setattr(studio_services, "slugify", slugify_while_another_makes_it)
    if noticed == "when it is written":
        monkeypatch.setattr(Recognizer, "full_clean", lambda self: None)
    assert recognizer_get_or_create(name="Bugs").slug == "theirs"


def test_the_same_form_is_the_same_run_also_when_a_trainer_was_quick(
    curator_client: Client, tmp_path: Path
) -> None:
    (tmp_path / "datasets" / "bugs" / "ant").mkdir(parents=True)
    add = "/admin/studio/trainingrun/add/"
    page = curator_client.post(add, values())["Location"]
    assert run_claim()
    assert curator_client.post(add, values())["Location"] == page
    TrainingRun.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    assert curator_client.post(add, values())["Location"] != page, "asked for once more"


def test_an_interrupted_run_waits_again_when_a_curator_resumes_it(
    new_run: NewRun, curator_client: Client
) -> None:
    run = new_run()
    claimed = run_claim()
    assert claimed
    page = f"/admin/studio/trainingrun/{run.pk}/"
    curator_client.post(f"{page}resume/")
    run.refresh_from_db()
    assert run.state == State.RUNNING  # what runs is not queued a second time
    runs_mark_interrupted(of_anybody=True)
    assert "Resume it" in curator_client.get(f"{page}change/").content.decode()
    response = curator_client.post(f"{page}resume/", follow=True)
    assert "goes on where it was interrupted" in response.content.decode()
    again = run_claim()
    assert again
    assert again.pk == run.pk
    assert again.lease != claimed.lease
    assert again.ended_at is None


def test_a_run_keeps_its_checkpoints_until_nobody_will_resume_it(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    waiting, ended = new_run(), new_run()
    TrainingRun.objects.filter(pk=waiting.pk).update(state=State.INTERRUPTED)
    TrainingRun.objects.filter(pk=ended.pk).update(state=State.FAILED)
    for run in (waiting, ended):
        run.work_folder.mkdir(parents=True)
    new_run()
    configs: list[TrainingConfig] = []

    def train(config: TrainingConfig, on_event: OnEvent) -> TrainingResult:
        configs.append(config)
        return result_of(config)

    monkeypatch.setattr(trainer, "train", train)
    assert trainer.train_next()
    assert waiting.work_folder.is_dir()
    assert not ended.work_folder.exists()
    assert configs[0].cache == settings.CACHE_DIR
    assert configs[0].work_folder.parent == settings.WORK_DIR


def test_a_stopped_installation_interrupts_its_run_when_it_starts_again(new_run: NewRun) -> None:
    new_run()
    assert run_claim() is not None
    assert runs_mark_interrupted(of_anybody=True) == 1
    assert TrainingRun.objects.get().state == State.INTERRUPTED


def test_a_run_that_shall_be_cancelled_keeps_its_lease_until_it_stops(new_run: NewRun) -> None:
    run = new_run()
    claimed = run_claim()
    assert claimed is not None
    assert not run_shall_stop(run=claimed)
    run_cancel(run=run)
    assert run_shall_stop(run=claimed)
    assert run_renew(run=claimed)


def test_a_database_that_stumbles_does_not_stop_a_training(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(**values: object) -> None:
        raise OperationalError("the database is locked")

    def train(config: TrainingConfig, on_event: OnEvent) -> TrainingResult:
        on_event(Event("layers", 0.5))
        return result_of(config)

    monkeypatch.setattr(listener, "run_progress", stumble)
    monkeypatch.setattr(trainer, "train", train)
    run = new_run()
    trainer.train_next()
    run.refresh_from_db()
    assert run.state == State.SUCCEEDED


def test_a_success_is_recorded_once_the_database_is_back(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[int] = []

    def away_at_first(**values: Any) -> ModelVersion:
        attempts.append(1)
        if len(attempts) < 3:
            raise OperationalError("the database is away")
        return version_create(**values)

    monkeypatch.setattr(trainer, "RECORD_EVERY_SECONDS", 0)
    monkeypatch.setattr(trainer, "version_create", away_at_first)
    monkeypatch.setattr(trainer, "train", lambda config, on_event: result_of(config))
    run = new_run()
    trainer.train_next()
    run.refresh_from_db()
    assert (run.state, len(attempts)) == (State.SUCCEEDED, 3)


def test_a_run_whose_bundle_cannot_answer_fails_with_the_reason(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    def train(config: TrainingConfig, on_event: OnEvent) -> TrainingResult:
        bundle = colour_bundle(config.out, class_names=("two", "labels"))
        return TrainingResult(bundle, 8, 2, 2, {}, (), {})

    monkeypatch.setattr(trainer, "train", train)
    run = new_run()
    trainer.train_next()
    run.refresh_from_db()
    assert (run.state, run.failure_code) == (State.FAILED, "BundleIncompatible.label_count")
    assert "received 3 outputs" in run.failure_sentence
    assert list(Path(settings.BUNDLES_DIR).iterdir()) == []


def test_a_queued_run_is_cancelled_at_once(new_run: NewRun) -> None:
    run = new_run()
    run_cancel(run=run)
    run.refresh_from_db()
    assert run.state == State.CANCELLED
    assert run_claim() is None


def test_a_successful_run_leaves_a_candidate(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, recognizer: Recognizer
) -> None:
    run = new_run()
    monkeypatch.setattr(trainer, "train", lambda config, on_event: result_of(config))
    assert trainer.train_next()
    run.refresh_from_db()
    assert (run.state, run.notes) == (State.SUCCEEDED, [SMALL])
    assert run.version is not None
    assert run.version.state == ModelVersion.State.CANDIDATE
    assert recognizer.live_version() is None
    assert not trainer.train_next()


def test_a_run_may_promote_what_came_of_it(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, recognizer: Recognizer
) -> None:
    new_run(promote_when_done=True)
    monkeypatch.setattr(trainer, "train", lambda config, on_event: result_of(config))
    trainer.train_next()
    live = recognizer.live_version()
    assert live is not None
    assert live.number == 1
    assert Promotion.objects.get().is_automatic, "a form asks for a training, and not for this"
    said = [line.figures.get("code") for line in RunLine.objects.all()]
    assert said[-3:] == ["kept", "promoted", "succeeded"]


def test_a_run_interrupted_while_it_is_promoted_goes_on_from_what_it_has_learned(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, recognizer: Recognizer
) -> None:
    run = new_run(promote_when_done=True)
    monkeypatch.setattr(trainer, "train", lambda config, on_event: result_of(config))
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "version_promote", lambda **more: raise_(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):  # as a process that ends in the middle
            trainer.train_next()
    assert runs_mark_interrupted(of_anybody=True) == 1
    run.refresh_from_db()
    assert (run.state, run.notes) == (State.INTERRUPTED, [SMALL])
    assert run_resume(run=run)
    monkeypatch.setattr(trainer, "train", lambda config, on_event: raise_(AssertionError("again")))
    assert trainer.train_next()
    run.refresh_from_db()
    assert (run.state, run.notes) == (State.SUCCEEDED, [SMALL])
    assert recognizer.live_version() == run.version
    assert recognizer.versions.count() == 1


@pytest.mark.parametrize(
    ("meanwhile", "state"),
    [
        (lambda run: run_cancel(run=run), State.CANCELLED),
        (lambda run: runs_mark_interrupted(of_anybody=True), State.INTERRUPTED),
    ],
)
@pytest.mark.parametrize("moment", ["before it is promoted", "while workers load it"])
def test_what_is_no_longer_wanted_is_not_promoted(
    new_run: NewRun,
    monkeypatch: pytest.MonkeyPatch,
    recognizer: Recognizer,
    meanwhile: Callable[[TrainingRun], object],
    state: str,
    moment: str,
) -> None:
    run = new_run(promote_when_done=True)

    def train(config: TrainingConfig, on_event: OnEvent) -> TrainingResult:
        if moment == "before it is promoted":
            monkeypatch.setattr(trainer, "version_promote", promote)
        else:
            monkeypatch.setattr(recognizer_services, "let_workers_load", lambda _: meanwhile(run))
        return result_of(config)

    def promote(**more: Any) -> ModelVersion:
        meanwhile(run)
        return version_promote(**more)

    monkeypatch.setattr(trainer, "train", train)
    trainer.train_next()
    run.refresh_from_db()
    assert run.state == state
    assert recognizer.live_version() is None
    assert recognizer.versions.count() == 1  # a curator may still promote it


def test_workers_that_are_slow_to_load_are_waited_for_again(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, recognizer: Recognizer
) -> None:
    outcomes = [WorkersTooSlow("busy"), WorkersTooSlow("busy")]

    def let_workers_load(version: ModelVersion) -> None:
        if outcomes:
            raise outcomes.pop()

    monkeypatch.setattr(recognizer_services, "let_workers_load", let_workers_load)
    monkeypatch.setattr(trainer, "train", lambda config, on_event: result_of(config))
    new_run(promote_when_done=True)
    trainer.train_next()
    assert recognizer.live_version() is not None


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError()])
def test_what_lacked_room_goes_on_from_its_checkpoints(
    new_run: NewRun, curator_client: Client, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    run = new_run()
    checkpoint = run.work_folder / "checkpoints" / "one"

    def fail(config: TrainingConfig, on_event: OnEvent) -> TrainingResult:
        checkpoint.parent.mkdir(parents=True)
        checkpoint.touch()
        raise error

    monkeypatch.setattr(trainer, "train", fail)
    trainer.train_next()
    monkeypatch.setattr(trainer, "train", lambda config, on_event: result_of(config))
    new_run()
    trainer.train_next()
    assert checkpoint.exists(), "another training sweeps up what nobody will resume"
    page = f"/admin/studio/trainingrun/{run.pk}/"
    assert "Resume" in curator_client.get(f"{page}change/").content.decode()
    curator_client.post(f"{page}resume/")
    run.refresh_from_db()
    assert (run.state, run.failure_code) == (State.QUEUED, "")


def test_what_an_earlier_trainer_of_a_run_left_unrecorded_is_removed(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    run = new_run()
    name = f"{run.recognizer.slug}-{run.pk}"
    bundles = Path(settings.BUNDLES_DIR)
    for left in (f"{name}-01234567", f".{name}-01234567.abcdefgh", f"{name}0-01234567", "own"):
        colour_bundle(bundles / left)
    monkeypatch.setattr(trainer, "train", lambda config, on_event: result_of(config))
    trainer.train_next()
    run.refresh_from_db()
    assert run.version
    kept = {run.version.bundle_name, f"{name}0-01234567", "own"}
    assert {path.name for path in bundles.iterdir()} == kept


def test_without_pretrained_weights_the_fallback_is_trained_and_noted(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def train(config: TrainingConfig, on_event: OnEvent) -> TrainingResult:
        tried.append(config.weights)
        if config.weights == "imagenet":
            raise WeightsUnavailable("no_file", path="weights.h5")
        return result_of(config)

    monkeypatch.setattr(trainer, "train", train)
    run = new_run(fallback_config={"weights": "none", "image_size": 64})
    run.config = {"weights": "imagenet"}
    run.save()
    trainer.train_next()
    run.refresh_from_db()
    assert tried == ["imagenet", "none"]
    assert run.config == {"weights": "none", "image_size": 64}  # what was really trained
    assert run.state == State.SUCCEEDED
    assert "weights.h5" in note_text(run.notes[0])


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (DatasetRefused("one_class", path="bugs", name="ant"), "found only ant"),
        (OSError(28, "No space left on device"), "Make room and train again"),
        (MemoryError(), "smaller image size"),
        (RuntimeError("something odd"), "RuntimeError: something odd"),
    ],
)
def test_a_failed_run_says_why_and_leaves_no_version(
    new_run: NewRun,
    curator_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    sentence: str,
) -> None:
    def fail(config: TrainingConfig, on_event: OnEvent) -> TrainingResult:
        raise error

    monkeypatch.setattr(trainer, "train", fail)
    run = new_run()
    trainer.train_next()
    run.refresh_from_db()
    assert run.state == State.FAILED
    assert sentence in run.failure_sentence
    assert not ModelVersion.objects.exists()
    page = curator_client.get(f"/admin/studio/trainingrun/{run.pk}/change/").content.decode()
    assert "failed" in page


def test_events_reach_the_row_and_the_page(
    new_run: NewRun, curator_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = []

    def train(config: TrainingConfig, on_event: OnEvent) -> TrainingResult:
        figures = {"epoch": 2, "num_epochs": 5, "loss": 0.5, "accuracy": 0.75, "seconds_left": 61}
        on_event(Event("layers", 0.4, figures))
        pages.append(curator_client.get(f"/admin/studio/trainingrun/{run.pk}/state/"))
        return result_of(config)

    monkeypatch.setattr(trainer, "train", train)
    run = new_run()
    trainer.train_next()
    text = pages[0].content.decode()
    assert "training all layers, 40 %" in text
    assert "About 2 minutes left." in text
    assert "Epoch 2 of 5" in text
    assert "hx-trigger" in text
    run.refresh_from_db()
    assert (run.step, run.fraction) == ("layers", 1.0)
    text = curator_client.get(f"/admin/studio/trainingrun/{run.pk}/state/").content.decode()
    assert "hx-trigger" not in text
    assert "Compare and promote" in text


def test_the_upload_page_says_what_is_still_learning(new_run: NewRun, owner_client: Client) -> None:
    run = new_run()
    TrainingRun.objects.filter(pk=run.pk).update(state=State.RUNNING, step="layers", fraction=0.25)
    page = owner_client.get("/").content.decode()
    assert "Colours is still learning" in page
    assert "training all layers, 25 %" in page


@pytest.mark.parametrize(
    ("access", "told"),
    [
        ("everyone", {"guest", "owner", "member"}),
        ("accounts", {"owner", "member"}),
        ("groups", {"member"}),
    ],
)
def test_what_is_still_learning_is_named_to_those_who_may_ask_it(
    new_run: NewRun,
    client: Client,
    owner_client: Client,
    other: User,
    other_client: Client,
    settings: Settings,
    access: str,
    told: set[str],
) -> None:
    settings.ANONYMOUS_UPLOADS = True
    recognizer = new_run().recognizer
    group = Group.objects.create(name="Friends")
    other.groups.add(group)
    recognizer.groups.add(group)
    clients = {"guest": client, "owner": owner_client, "member": other_client}

    def who_reads_of_it() -> set[str]:
        pages = {who: each.get("/").content.decode() for who, each in clients.items()}
        return {who for who, page in pages.items() if "Colours is still learning" in page}

    Recognizer.objects.update(access=access)
    assert who_reads_of_it() == told
    Recognizer.objects.update(archived_at=timezone.now())
    assert who_reads_of_it() == set()


def test_a_running_run_is_cancelled_at_its_next_event(
    new_run: NewRun, curator_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease's thread finds the wish; here its finding is what is replaced."""

    def train(config: TrainingConfig, on_event: OnEvent) -> TrainingResult:
        curator_client.post(f"/admin/studio/trainingrun/{run.pk}/cancel/")
        on_event.__dict__["_hold"].shall_stop.set()
        on_event(Event("layers", 0.5))
        raise AssertionError("it was not stopped")

    monkeypatch.setattr(trainer, "train", train)
    run = new_run()
    trainer.train_next()
    run.refresh_from_db()
    assert run.cancel_requested
    assert run.state == State.CANCELLED


def test_while_another_learns_the_form_keeps_what_was_chosen(
    owner_client: Client, live_version: ModelVersion
) -> None:
    """Only the notice renews itself, not the form with somebody's files in it."""
    run_create(
        recognizer=recognizer_get_or_create(name="New ones"),
        folder_name="new",
        config={"seed": 0},
        requested_by=None,
    )
    page = owner_client.get("/").content.decode()
    assert "New ones is still learning" in page
    assert 'hx-select="#learning"' in page
    assert 'hx-target="#content"' not in page


def test_a_run_that_does_not_exist_is_a_404(curator_client: Client) -> None:
    for number in ("7", "abc"):
        page = f"/admin/studio/trainingrun/{number}/change/"
        assert curator_client.get(page).status_code == 404


def test_a_run_on_a_zip_that_was_never_read_fails_with_the_reason(
    new_run: NewRun, curator_client: Client
) -> None:
    run = new_run()
    Dataset.objects.filter(pk=run.dataset.pk).update(
        origin=Dataset.Origin.UPLOAD, state=Dataset.State.FAILED
    )
    assert trainer.train_next()
    run.refresh_from_db()
    assert run.state == State.FAILED
    assert run.failure_sentence.startswith("Expected the dataset “bugs” to be read")
    page = curator_client.get(f"/admin/studio/trainingrun/{run.pk}/change/").content.decode()
    assert "Look at the dataset" in page


def test_a_run_on_a_folder_that_is_gone_fails_with_the_reason(
    new_run: NewRun, settings: Settings
) -> None:
    run = new_run()
    (settings.DATASETS_DIR / "bugs").rename(settings.DATASETS_DIR / "elsewhere")
    assert trainer.train_next()
    run.refresh_from_db()
    assert (run.state, run.failure_code) == (State.FAILED, "FolderRefused.gone")
    assert run.failure_sentence.startswith("Expected the folder “bugs”")


def test_a_machine_that_cannot_answer_with_what_was_learned_is_told_of(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run()
    monkeypatch.setattr(trainer, "train", lambda config, on_event: result_of(config))
    monkeypatch.setattr(trainer, "smoke_test", lambda answerer: raise_(EngineError("no_gpu")))
    assert trainer.train_next()
    run.refresh_from_db()
    assert run.failure_sentence.startswith("Expected an NVIDIA GPU on this machine")


def test_a_run_that_nobody_asked_for_leaves_the_live_version_until_it_is_compared(
    new_run: NewRun, live_version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(promote_when_done=True)
    TrainingRun.objects.filter(pk=run.pk).update(is_automatic=True)
    monkeypatch.setattr(trainer, "train", lambda config, on_event: result_of(config))
    assert trainer.train_next()
    run.refresh_from_db()
    assert run.version is not None
    assert run.version.state == ModelVersion.State.CANDIDATE
    assert run.version.jobs.filter(other_version=live_version).exists()


@pytest.mark.parametrize(("is_allowed", "state"), [(True, "live"), (False, "candidate")])
def test_the_first_version_of_a_run_that_nobody_asked_for_answers_where_the_operator_allows_it(
    new_run: NewRun,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    is_allowed: bool,
    state: str,
) -> None:
    settings.AUTO_PROMOTE = is_allowed
    run = new_run(promote_when_done=True)
    TrainingRun.objects.filter(pk=run.pk).update(is_automatic=True)
    monkeypatch.setattr(trainer, "train", lambda config, on_event: result_of(config))
    assert trainer.train_next()
    run.refresh_from_db()
    assert run.version is not None
    assert run.version.state == state
