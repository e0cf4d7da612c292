"""A run: the form that asks for it, what it will take, who waits, what it says, what may be changed."""

import logging
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from tests.bundles import colour_bundle
from training.config import TrainingConfig
from training.errors import LossNotFinite, TrainingError
from training.events import Event, OnEvent
from training.run import TrainingResult
from training.sources.errors import ArchiveRefused, ListRefused
from webapp.accounts.models import User
from webapp.recognizers.models import Recognizer
from webapp.studio import trainer
from webapp.studio.datasets.reading import dataset_read
from webapp.studio.datasets.services import dataset_get_or_create, version_freeze
from webapp.studio.models import Dataset, RunLine, TrainingRun
from webapp.studio.runs import estimate as estimates
from webapp.studio.runs import lines, room, speed
from webapp.studio.runs.estimate import estimate_of
from webapp.studio.runs.pace import Pace
from webapp.studio.services import run_claim, run_create, run_request, run_resume

ADD = "/admin/studio/trainingrun/add/"
State = TrainingRun.State
HEAD = {"backbone": "mobilenet_v2", "weights": "imagenet"}
NewRun = Callable[..., TrainingRun]


@pytest.fixture
def new_run(folder: Path, recognizer: Recognizer) -> NewRun:
    def make(**more: Any) -> TrainingRun:
        config = {**HEAD, "seed": TrainingRun.objects.count(), **more.pop("config", {})}
        asked = {"recognizer": recognizer, "folder_name": "bugs", "requested_by": None, **more}
        return run_create(config=config, **asked)

    return make


def form(**changes: object) -> dict[str, object]:
    return {"new_name": "Bugs", "folder_name": "bugs", **HEAD, "image_size": 224, **changes}


def page_of(client: Client, run: TrainingRun) -> str:
    return client.get(f"/admin/studio/trainingrun/{run.pk}/change/").content.decode()


def end(run: TrainingRun, **fields: Any) -> None:
    values = {"state": State.SUCCEEDED, "started_at": timezone.now(), "ended_at": timezone.now()}
    TrainingRun.objects.filter(pk=run.pk).update(**{**values, **fields})


def train(run: TrainingRun, monkeypatch: pytest.MonkeyPatch, *events: Event) -> TrainingRun:
    """Let the trainer have it, with a training that tells of these events."""

    def tell(config: TrainingConfig, on_event: OnEvent) -> TrainingResult:
        for event in events:
            on_event(event)
        seconds = {"read": 2.0, "features": 3.0, "total": 6.0}
        return TrainingResult(colour_bundle(config.out), 8, 2, 2, {}, (), seconds)

    monkeypatch.setattr(trainer, "train", tell)
    assert trainer.train_next()
    run.refresh_from_db()
    return run


# The form


def test_what_is_as_usual_is_not_asked_for_and_what_is_chosen_is_kept(
    folder: Path, curator_client: Client
) -> None:
    (folder.parent / "others" / "any").mkdir(parents=True)
    chosen = form(
        augmentation="strong",
        batch_size=8,
        learning_rate="0.001",
        balance="on",
        outliers="others",
        formats=["h5", "openvino", "onnx"],
        int8="off",
        mode="fine-tune",
    )
    curator_client.post(ADD, chosen)
    config = TrainingRun.objects.get().config
    assert config == {
        **HEAD,
        "image_size": 224,
        "epochs": 10,
        "seed": 0,
        "mode": "fine-tune",
        "augmentation": "strong",
        "batch_size": 8,
        "learning_rate": 0.001,
        "balance": True,
        "outliers": "others",
        "formats": ["h5", "onnx", "openvino"],
        "int8": False,
    }


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"batch_size": 0}, "Expected batch_size from 1 to 4096, received 0."),
        ({"learning_rate": "7"}, "Expected learning_rate from 1e-07 to 1.0, received 7.0."),
        ({"epochs": 5000}, "Expected epochs from 1 to 1000, received 5000."),
        ({"mode": "fine-tune", "weights": "none"}, "Fine-tuning starts from pretrained weights"),
        ({"outliers": "linked"}, "Select a valid choice"),
        ({"version": "77"}, "Select a valid choice"),
        ({"formats": ["exe"]}, "Select a valid choice"),
    ],
)
def test_a_setting_out_of_bounds_is_explained_where_it_stands(
    folder: Path, curator_client: Client, changes: dict[str, object], sentence: str
) -> None:
    (folder.parent / "linked").symlink_to("/etc")
    page = curator_client.post(ADD, form(**changes)).content.decode()
    assert sentence in page
    assert ('<details class="studio-more" open>' in page) == ("version" not in changes)
    assert not TrainingRun.objects.exists()


def test_it_learns_from_the_version_that_was_chosen(folder: Path, curator_client: Client) -> None:
    dataset = dataset_get_or_create(folder_name="bugs")
    dataset_read(dataset)
    version = version_freeze(dataset=dataset)
    assert "version 1: 3 pictures" in curator_client.get(ADD).content.decode()
    curator_client.post(ADD, form(version=version.pk))
    assert TrainingRun.objects.get().dataset_version == version


def test_a_zip_that_is_being_read_is_not_offered(folder: Path, curator_client: Client) -> None:
    dataset = dataset_get_or_create(folder_name="bugs", origin=Dataset.Origin.UPLOAD)
    page = curator_client.get(ADD).content.decode()
    assert "There is no labelled folder yet" in page
    assert reverse("studio:dataset_new") in page
    Dataset.objects.filter(pk=dataset.pk).update(state=Dataset.State.READY, name="Small animals")
    assert "Small animals" in curator_client.get(ADD).content.decode()


def test_retry_with_other_settings_begins_with_those_of_the_run(
    new_run: NewRun, curator_client: Client
) -> None:
    run = new_run(config={"image_size": 512, "batch_size": 64, "int8": False})
    end(
        run,
        state=State.FAILED,
        failure_code="OutOfMemory.batch",
        failure_params={"batch_size": 64, "image_size": 512},
    )
    page = page_of(curator_client, run)
    assert "What to change: Batch size, Image size" in page
    [link] = {part.split('"')[0] for part in page.split('href="')[1:] if "change=" in part[:90]}
    again = curator_client.get(link.replace("&amp;", "&")).content.decode()
    assert '<details class="studio-more" open>' in again
    assert again.count("This is what to change.") == 2
    for value in ('value="512"', 'value="64"', '<option value="off" selected>'):
        assert value in again


@pytest.mark.parametrize(
    "query", ["run=x", "run=999", "recognizer=99999999999999999999", "dataset=²"]
)
def test_odd_addresses_lead_to_the_plain_form(
    folder: Path, curator_client: Client, query: str
) -> None:
    assert curator_client.get(f"{ADD}?{query}").status_code == 200


def test_what_staff_without_the_permission_to_train_press_changes_nothing(
    new_run: NewRun, other: User, other_client: Client
) -> None:
    User.objects.filter(pk=other.pk).update(is_staff=True)
    run = new_run()
    page = f"/admin/studio/trainingrun/{run.pk}/"
    for address in (ADD, f"{page}cancel/", f"{page}resume/"):
        assert other_client.post(address, form()).status_code == 403, address
    run.refresh_from_db()
    assert run.state == State.QUEUED
    assert TrainingRun.objects.count() == 1


# The estimate


def test_before_any_run_the_estimate_is_a_guess_held_against_this_machine(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def guess(machine: float, **config: object) -> float:
        monkeypatch.setattr(speed, "_measured_now", lambda: machine)
        return estimate_of(config={**HEAD, **config}, dataset=None, folder_name="bugs").seconds

    assert guess(3.0) == pytest.approx(3 * guess(1.0))
    assert guess(1.0, mode="fine-tune") > guess(1.0)
    assert guess(1.0, mode="fine-tune", epochs=20) > guess(1.0, mode="fine-tune", epochs=10)
    assert guess(1.0, formats=["onnx"]) > guess(1.0)


def test_the_same_again_is_estimated_as_what_it_took(new_run: NewRun, tmp_path: Path) -> None:
    run = new_run()
    dataset = run.dataset
    dataset_read(dataset)
    many = {"num_pictures": 1000, "num_new": 1000}
    took = {"read": 20.0, "backbone": 9.0, "features": 60.0, "quantize": 9.0, "export": 12.0}
    version = version_freeze(dataset=dataset)
    end(run, figures={**took, **many, "total": 120.0}, dataset_version=version)
    type(version).objects.update(num_examples=1000)
    version.refresh_from_db()
    again = estimate_of(config=run.config, dataset=dataset, version=version)
    assert again.num_runs == 1
    for step, seconds in took.items():
        assert again.steps[step] == pytest.approx(seconds, rel=0.01), step


def test_pictures_that_an_earlier_run_has_seen_cost_no_time_again(
    new_run: NewRun, settings: Settings, curator_client: Client
) -> None:
    run = new_run()
    dataset_read(run.dataset)
    before = estimate_of(config=run.config, dataset=run.dataset)
    end(run, dataset_version=version_freeze(dataset=run.dataset))
    assert estimate_of(config=run.config, dataset=run.dataset).num_known == 0, "nothing is kept"
    settings.CACHE_DIR.mkdir(parents=True)
    (settings.CACHE_DIR / "features.sqlite").touch()
    after = estimate_of(config=run.config, dataset=run.dataset)
    assert after.num_known == 3
    assert after.steps["features"] < before.steps["features"]
    assert after.needed_bytes < before.needed_bytes
    other = {**run.config, "backbone": "resnet50"}
    assert estimate_of(config=other, dataset=run.dataset).num_known == 0, "other eyes"
    page = curator_client.get(reverse("studio:run_estimate"), form()).content.decode()
    assert "3 of them are known from an earlier training" in page


def test_the_estimate_follows_what_is_being_chosen(new_run: NewRun, curator_client: Client) -> None:
    new_run(estimated_seconds=600.0)
    address = reverse("studio:run_estimate")
    page = curator_client.get(address, form(new_name="")).content.decode()
    assert "What it will take" in page
    assert "This one would wait for about 10 minutes" in page
    assert "Choose a dataset" in curator_client.get(address, {"folder_name": ""}).content.decode()


def test_the_versions_follow_the_dataset_that_is_being_chosen(
    folder: Path, curator_client: Client
) -> None:
    other = folder.with_name("birds") / "tit" / "1.jpg"
    other.parent.mkdir(parents=True)
    other.touch()
    for name in ("birds", "bugs"):
        dataset = dataset_get_or_create(folder_name=name)
        dataset_read(dataset)
        version = version_freeze(dataset=dataset, note=f"of {name}")

    def versions(**chosen: object) -> str:
        page = curator_client.get(reverse("studio:run_estimate"), form(**chosen)).content.decode()
        select = page[page.index('<select name="version"') :]
        assert 'hx-swap-oob="true"' in select[: select.index(">")]
        return " ".join(select.split())

    bugs = versions(version=version.pk)
    assert "of birds" not in bugs
    assert f'<option value="{version.pk}" selected>version {version.number}: 3 pictures' in bugs
    birds = versions(folder_name="birds", version=version.pk)
    assert "1 pictures of birds" in birds
    assert "of bugs" not in birds
    assert "selected" not in birds


def test_a_huge_folder_is_counted_for_a_moment_only(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimates, "COUNTING_SECONDS", -1)
    assert estimate_of(config=HEAD, dataset=None, folder_name="bugs").num_pictures < 3


# Room


def test_a_disk_without_room_refuses_to_start_and_says_how_much_is_missing(
    folder: Path, curator_client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type(room.shutil.disk_usage("/"))
    monkeypatch.setattr(room.shutil, "disk_usage", lambda path: usage(10**12, 0, 600 * 2**20))
    settings.MIN_FREE_MB = 590
    page = curator_client.post(ADD, form()).content.decode()
    assert "590 MB that stay free, found 600 MB free" in page
    assert not TrainingRun.objects.exists()
    settings.MIN_FREE_MB = 1
    assert curator_client.post(ADD, form()).status_code == 302


def test_the_trainer_looks_at_the_disk_again_and_the_run_can_go_on_later(
    new_run: NewRun, settings: Settings, monkeypatch: pytest.MonkeyPatch, curator_client: Client
) -> None:
    settings.MIN_FREE_MB = 10**9
    run = train(new_run(), monkeypatch)
    assert (run.state, run.failure_code) == (State.FAILED, "NoRoom.disk")
    assert "Make room for" in page_of(curator_client, run)
    assert run_resume(run=run)


# The queue


def test_who_waits_sees_for_whom(new_run: NewRun, curator: User, curator_client: Client) -> None:
    first = new_run(requested_by=curator, estimated_seconds=60.0)
    second, third = new_run(estimated_seconds=240.0), new_run()
    claimed = run_claim()
    assert claimed == first
    page = page_of(curator_client, third)
    assert page.index(f"Training {first.pk} of") < page.index(f"Training {second.pk} of")
    assert "asked for by curator" in page
    assert "Its turn comes in about" not in page, "nobody knows yet how long the first one takes"
    TrainingRun.objects.filter(pk=first.pk).update(figures={"seconds_left_all": 60.0})
    assert "Its turn comes in about 5 minutes" in page_of(curator_client, third)
    assert f"Training {third.pk} of" in curator_client.get(ADD).content.decode()
    curator_client.post(f"/admin/studio/trainingrun/{second.pk}/cancel/")
    assert f"Training {second.pk} of" not in page_of(curator_client, third)


def test_what_somebody_else_has_asked_for_is_not_queued_twice(
    folder: Path, recognizer: Recognizer, curator_client: Client, other: User
) -> None:
    asked = form(new_name="", recognizer=recognizer.pk)
    curator_client.post(ADD, asked)
    run = TrainingRun.objects.get()
    twice = curator_client.post(ADD, asked, follow=True).content.decode()
    assert "You have asked for this training already" in twice
    TrainingRun.objects.update(requested_by=other)
    theirs = curator_client.post(ADD, asked, follow=True).content.decode()
    assert "already asked for by other" in theirs
    same = run_request(
        recognizer=recognizer, folder_name="bugs", config=run.config, requested_by=None
    )
    assert same == (run, False)


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING])
def test_a_run_of_an_older_version_is_not_one_of_the_dataset_as_it_is(
    new_run: NewRun, recognizer: Recognizer, state: str
) -> None:
    first = new_run()
    dataset_read(first.dataset)
    old = version_freeze(dataset=first.dataset)
    first.dataset.examples.filter(path__endswith="ant/1.jpg").update(label="bee")
    new = version_freeze(dataset=first.dataset)
    TrainingRun.objects.filter(pk=first.pk).update(state=state, dataset_version=old)

    def again(**more: Any) -> tuple[TrainingRun, bool]:
        asked = {"recognizer": recognizer, "folder_name": "bugs", "requested_by": None}
        return run_request(config=first.config, **asked, **more)

    assert again(version=old) == (first, False)
    as_it_is, is_new = again()
    assert is_new
    assert as_it_is.dataset_version is None
    assert again() == (as_it_is, False), "pressed twice"
    TrainingRun.objects.filter(pk=first.pk).update(state=State.SUCCEEDED)
    TrainingRun.objects.filter(pk=as_it_is.pk).update(state=State.RUNNING, dataset_version=new)
    assert again() == (as_it_is, False), "a trainer was quick"
    first.dataset.examples.filter(path__endswith="bee/1.jpg").update(label="ant")
    assert again()[1], "what is moved since then was not learned"


@pytest.mark.parametrize("gone", ["recognizer", "version"])
def test_what_was_deleted_meanwhile_is_not_trained_and_no_dataset_is_made_anew_for_it(
    new_run: NewRun,
    recognizer: Recognizer,
    curator_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    gone: str,
) -> None:
    dataset = dataset_get_or_create(folder_name="bugs")
    dataset_read(dataset)
    version = version_freeze(dataset=dataset)
    asked = form(new_name="", recognizer=recognizer.pk, version=version.pk)

    def request(**asked: Any) -> tuple[TrainingRun, bool]:
        (recognizer if gone == "recognizer" else dataset).delete()
        return run_request(**asked)

    monkeypatch.setattr("webapp.studio.runs.views.run_request", request)
    assert curator_client.post(ADD, asked).status_code == 404
    assert not TrainingRun.objects.exists()
    assert Dataset.objects.exists() == (gone == "recognizer")


# What it says


def epoch(number: int, **figures: float) -> Event:
    steps = {"epoch": number, "num_epochs": 3, "step": 2, "num_steps": 2}
    return Event("fine-tune", number / 3, {**steps, "loss": 1 / number, "accuracy": 0.5, **figures})


def test_epochs_become_points_and_what_is_not_finite_is_left_out(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, curator_client: Client
) -> None:
    run = train(
        new_run(),
        monkeypatch,
        Event("head", 0.5, {"fold": 1, "num_folds": 2, "val_loss": 0.4, "val_accuracy": 0.9}),
        Event("fine-tune", 0.0),
        Event("fine-tune", 0.1, {"epoch": 1, "step": 1, "num_steps": 2, "loss": 9, "accuracy": 0}),
        epoch(1, val_loss=math.nan),
        epoch(1, val_loss=0.8),
        epoch(2, val_loss=0.8),  # still that of the epoch before
        Event("fine-tune", 1.0),
        Event("evaluate", 0.0),
    )
    news = curator_client.get(reverse("studio:run_news", args=[run.pk])).json()
    label = {"step_label": "fine-tuning", "step": "fine-tune", "accuracy": 0.5}
    assert news["points"] == [
        {
            "step": "head",
            "step_label": "training the head",
            "number": 1,
            "val_loss": 0.4,
            "val_accuracy": 0.9,
        },
        {**label, "number": 1, "loss": 1.0, "val_loss": 0.8},
        {**label, "number": 2, "loss": 0.5},
    ]
    assert not news["is_open"]
    page = page_of(curator_client, run)
    assert "0.8000" in page
    assert f'data-last="{news["last"]}"' in page
    nothing_new = curator_client.get(
        reverse("studio:run_news", args=[run.pk]), {"after": news["last"]}
    ).json()
    assert nothing_new["points"] == nothing_new["lines"] == []


def test_an_epoch_that_is_trained_again_takes_the_place_of_what_it_was(new_run: NewRun) -> None:
    run = new_run()
    for loss in (0.9, 0.7):
        said = lines.Lines(run)
        said.epoch("layers", 1, {"loss": 5.0})
        said.epoch("layers", 1, {"loss": loss})
        said.epoch("layers", 2, {"loss": loss})
        said.write()
    rows = RunLine.objects.filter(run=run).values_list("text", "figures__loss")
    assert list(rows) == [("1", 0.7), ("2", 0.7)]


def test_the_log_says_what_happened_in_the_reader_s_words(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, curator_client: Client
) -> None:
    run = new_run()

    def tell(config: TrainingConfig, on_event: OnEvent) -> TrainingResult:
        on_event(Event("read", 0.0))
        logging.getLogger("training.cache").warning("%s cannot be opened", "features.sqlite")
        on_event(Event("audit", 0.0))
        raise LossNotFinite("diverged", loss="nan", epoch=1, step=2)

    monkeypatch.setattr(trainer, "train", tell)
    assert trainer.train_next()
    news = curator_client.get(reverse("studio:run_news", args=[run.pk])).json()
    assert [line["text"] for line in news["lines"]] == [
        "The training worker has taken it up.",
        "It learns from version 1 of bugs: 3 pictures.",
        "Began: reading the pictures.",
        "features.sqlite cannot be opened",
        "Ended: reading the pictures, after 0.0 s.",
        "Began: looking for copies and oddities.",
        "The training has failed.",
    ]
    page = page_of(curator_client, run)
    assert "Began: reading the pictures." in page
    assert "What to change: Learning rate" in page


def kinds_of(error: type[TrainingError]) -> Iterator[type[TrainingError]]:
    """It and all that derives from it, wherever that is imported."""
    yield error
    for kind in error.__subclasses__():
        yield from kinds_of(kind)


def test_the_sources_refuse_in_kinds_of_their_own() -> None:
    assert {ListRefused, ArchiveRefused} <= set(kinds_of(TrainingError))


@pytest.mark.parametrize("kind", list(kinds_of(TrainingError)))
def test_what_the_page_of_a_run_says_names_no_option_of_the_command(
    kind: type[TrainingError],
) -> None:
    assert [code for code, sentence in kind.sentences.items() if "--" in sentence] == []


def test_a_log_has_an_end(new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_LOG_LINES", 3)
    run = new_run()
    for _ in range(2):  # also over two trainers
        said = lines.Lines(run)
        for number in range(5):
            said.repeat(f"line {number}")
        said.write()
    texts = [row.text or row.figures["code"] for row in RunLine.objects.filter(run=run)]
    assert texts == ["line 0", "line 1", "line 2", "cut"]


def test_the_figures_of_a_run_are_what_the_next_one_is_estimated_by(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train(new_run(), monkeypatch, Event("features", 0.0, {"num_pictures": 2}))
    assert run.figures.pop("megabytes") > 10
    assert run.figures == {
        "read": 2.0,
        "features": 3.0,
        "total": 6.0,
        "num_pictures": 3,
        "num_new": 2,
    }
    assert run.estimated_seconds is not None
    assert run.estimated_seconds > 0


def test_pictures_per_second_and_the_time_left_come_from_what_is_done() -> None:
    now = [0.0]
    pace = Pace(clock=lambda: now[0])

    def tell(seconds: float, event: Event) -> dict[str, float]:
        now[0] = seconds
        pace.add(event)
        return pace.figures(event)

    tell(0.0, Event("features", 0.0, {"num_pictures": 100}))
    figures = tell(4.0, Event("features", 0.5))
    assert (figures["pictures_per_second"], figures["seconds_left"]) == (12.5, 4.0)
    assert pace.num_new == 100
    figures = tell(5.0, Event("head", 0.0))
    assert "pictures_per_second" not in figures
    assert "seconds_left" not in figures, "nobody knows"
    told = {"seconds_left": 9.0, "pictures_per_second": 3.0, "loss": math.nan}
    figures = tell(9.0, Event("fine-tune", 0.5, told))
    assert (figures["seconds_left"], figures["pictures_per_second"]) == (9.0, 3.0)
    assert "loss" not in figures, "JSON knows no NaN"


def test_a_run_under_way_shows_its_steps_and_what_is_left(
    new_run: NewRun, curator_client: Client
) -> None:
    run = new_run(config={"mode": "fine-tune"})
    figures = {"seconds_left_all": 600.0, "pictures_per_second": 21.5, "megabytes": 1873}
    TrainingRun.objects.filter(pk=run.pk).update(
        state=State.RUNNING,
        step="features",
        fraction=0.5,
        started_at=timezone.now(),
        figures={**figures, "read": 3.5},
    )
    page = page_of(curator_client, run)
    for text in ("about 10 minutes left", "21.5", "1873 MB", "3.5 s", 'aria-current="step"'):
        assert text in page
    assert page.index("computing features</span>") < page.index("fine-tuning</span>")


def test_a_run_s_page_takes_the_same_queries_however_much_it_has_said(
    new_run: NewRun, curator_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    run = new_run()
    said = lines.Lines(run)
    for number in range(300):
        said.epoch("layers", number, {"loss": 0.5})
        said.repeat("something")
    said.write()
    with django_assert_max_num_queries(10):
        page_of(curator_client, run)
    news = curator_client.get(reverse("studio:run_news", args=[run.pk])).json()
    assert news["has_more"]
    assert len(news["points"]) + len(news["lines"]) == 500
