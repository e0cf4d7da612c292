"""Recognizers that learn by themselves: when, from what, once, and without promoting."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from tests.webapp.corrections import colours_dataset, decided, judged
from webapp.accounts.models import User
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.studio.loop import files, routines
from webapp.studio.loop.retraining import retrain_as_before
from webapp.studio.loop.routines import nightfall, routine_set, routines_start_due
from webapp.studio.loop.taking import corrections_take
from webapp.studio.models import Dataset, Routine, TrainingRun

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
NIGHT = datetime(2026, 5, 2, 2, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _by_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routines, "machines_zone", lambda: UTC)


def routine(version: ModelVersion, dataset: Dataset, **more: Any) -> Routine:
    usual = {"config": {}, "after_corrections": None, "at_night": False, "promote": False}
    return routine_set(recognizer=version.recognizer, dataset=dataset, **{**usual, **more})


@pytest.fixture
def due(
    live_version: ModelVersion, corrected_dataset: Dataset, owner: User, curator: User
) -> Routine:
    """One that begins with the next round."""
    begins = routine(live_version, corrected_dataset, after_corrections=1)
    decided(judged(owner, live_version), curator)
    return begins


def automatic() -> list[TrainingRun]:
    return list(TrainingRun.objects.filter(is_automatic=True).order_by("id"))


def test_it_learns_after_so_many_corrections(
    live_version: ModelVersion, corrected_dataset: Dataset, owner: User, curator: User
) -> None:
    routine(live_version, corrected_dataset, after_corrections=2)
    decided(judged(owner, live_version), curator)
    decided(judged(owner, live_version), curator, "dropped")
    assert routines_start_due(now=NOON) == 0
    decided(judged(owner, live_version), curator)
    assert routines_start_due(now=NOON) == 1
    [run] = automatic()
    assert run.dataset_version
    assert run.dataset_version.note == "2 corrections"
    assert (run.state, run.requested_by, run.promote_when_done) == ("queued", None, False)
    assert run.config == {"backbone": "mobilenet_v2", "weights": "none", "seed": 3}
    assert routines_start_due(now=NOON) == 0


@pytest.mark.usefixtures("due")
def test_it_waits_for_the_run_that_is_open() -> None:
    TrainingRun.objects.update(state=TrainingRun.State.RUNNING)
    assert routines_start_due(now=NOON) == 0
    TrainingRun.objects.update(state=TrainingRun.State.SUCCEEDED)
    assert routines_start_due(now=NOON) == 1


def test_at_night_it_learns_once_and_only_where_there_is_something_new(
    live_version: ModelVersion, corrected_dataset: Dataset, owner: User, curator: User
) -> None:
    routine(live_version, corrected_dataset, at_night=True)
    decided(judged(owner, live_version), curator)
    assert routines_start_due(now=NOON) == 0, "made by day, it waits for its first night"
    assert routines_start_due(now=NIGHT) == 1
    [run] = automatic()
    TrainingRun.objects.filter(pk=run.pk).update(state=TrainingRun.State.SUCCEEDED)
    assert routines_start_due(now=NIGHT + timedelta(minutes=1)) == 0
    assert routines_start_due(now=NIGHT + timedelta(days=1)) == 0, "nothing is new"
    decided(judged(owner, live_version), curator)
    assert routines_start_due(now=NIGHT + timedelta(days=1, hours=3)) == 0, "it has looked tonight"
    assert routines_start_due(now=NIGHT + timedelta(days=2, hours=9)) == 1, "it slept at two"


def test_the_night_begins_by_the_machines_clock() -> None:
    east = timezone(timedelta(hours=8))
    assert nightfall(datetime(2026, 5, 1, 19, 0, tzinfo=UTC), east).day == 2
    assert nightfall(datetime(2026, 5, 1, 17, 59, tzinfo=UTC), east).day == 1


def test_of_two_workers_one_starts_it(due: Routine) -> None:
    assert routines._start(due, NOON)
    TrainingRun.objects.update(state=TrainingRun.State.FAILED)
    assert not routines._start(due, NOON), "the row that it read is not the one there is"
    assert len(automatic()) == 1


def test_what_a_curator_has_asked_for_at_the_same_moment_is_theirs(
    due: Routine, live_version: ModelVersion, corrected_dataset: Dataset, curator: User
) -> None:
    taken = corrections_take(
        recognizer=live_version.recognizer, dataset=corrected_dataset, by=curator
    )
    theirs = retrain_as_before(
        recognizer=live_version.recognizer, version=taken.version, by=curator
    )
    assert theirs
    routines._start(due, NOON)
    assert TrainingRun.objects.filter(state=TrainingRun.State.QUEUED).get() == theirs
    assert automatic() == []


@pytest.mark.usefixtures("due")
def test_killed_while_it_starts_it_has_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(**values: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(routines, "run_create", die)
        with pytest.raises(KeyboardInterrupt):
            routines_start_due(now=NOON)
    assert routines_start_due(now=NOON) == 1


def test_one_that_cannot_begin_keeps_no_other_from_it(
    due: Routine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither does a round that could not take back what owners have."""
    other = Recognizer.objects.create(name="Ailing", slug="ailing")  # its turn comes first
    routine_set(
        recognizer=other,
        dataset=colours_dataset(other),
        config={},
        after_corrections=None,
        at_night=True,
        promote=False,
    )
    copied = routines.corrections_copied

    def fail_for_one(*, recognizer: Recognizer, dataset: Dataset) -> Any:
        if recognizer == other:
            raise OSError(28, "No space left on device")
        return copied(recognizer=recognizer, dataset=dataset)

    def fail() -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(routines, "corrections_copied", fail_for_one)
    monkeypatch.setattr(routines, "corrections_release", fail)
    monkeypatch.setattr("django.utils.timezone.now", lambda: NIGHT)
    routines.look_after()
    assert [run.recognizer for run in automatic()] == [due.recognizer]


@pytest.mark.usefixtures("due")
def test_files_are_copied_before_anything_is_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    copy_of, before = files.copy_of, []

    def watch(*given: Any, **more: Any) -> str:
        before.append([each["sql"] for each in queries])
        return copy_of(*given, **more)

    monkeypatch.setattr(files, "copy_of", watch)
    with CaptureQueriesContext(connection) as queries:
        assert routines_start_due(now=NOON) == 1
    [asked] = before
    assert [sql for sql in asked if not sql.startswith("SELECT") or "FOR UPDATE" in sql] == []


@pytest.mark.parametrize("is_allowed", [False, True])
def test_it_promotes_only_where_the_operator_allows_it(
    live_version: ModelVersion,
    corrected_dataset: Dataset,
    owner: User,
    curator: User,
    settings: Settings,
    is_allowed: bool,
) -> None:
    settings.AUTO_PROMOTE = is_allowed
    routine(live_version, corrected_dataset, after_corrections=1, promote=True)
    decided(judged(owner, live_version), curator)
    routines_start_due(now=NOON)
    assert [run.promote_when_done for run in automatic()] == [is_allowed]


def test_without_settings_that_have_worked_it_does_not_learn(
    live_version: ModelVersion, corrected_dataset: Dataset, owner: User, curator: User
) -> None:
    TrainingRun.objects.update(state=TrainingRun.State.FAILED)
    routine(live_version, corrected_dataset, after_corrections=1)
    decided(judged(owner, live_version), curator)
    assert routines_start_due(now=NOON) == 0
    routine(live_version, corrected_dataset, after_corrections=1, config={"backbone": "resnet50"})
    assert routines_start_due(now=NOON) == 1


# The page


def test_a_curator_sets_it_on_its_page(
    live_version: ModelVersion, corrected_dataset: Dataset, curator_client: Client
) -> None:
    page = reverse("studio:routine", args=[live_version.recognizer_id])
    text = curator_client.get(page).content.decode()
    assert "OCELLUS_AUTO_PROMOTE=1" in text
    given = {
        "dataset": corrected_dataset.pk,
        "after_corrections": "20",
        "at_night": "on",
        "promote": "on",
    }
    text = curator_client.post(page, given, follow=True).content.decode()
    assert "learns by itself from now on" in text
    saved = Routine.objects.get()
    assert (saved.after_corrections, saved.at_night, saved.promote) == (20, True, False)
    run = TrainingRun.objects.get()
    curator_client.post(page, {"dataset": corrected_dataset.pk, "settings_of": run.pk})
    saved.refresh_from_db()
    assert (saved.config, saved.after_corrections, saved.at_night) == (run.config, None, False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"dataset": ""},
        {"dataset": "999"},
        {"after_corrections": "0"},
        {"after_corrections": "many"},
        {"settings_of": "999"},
    ],
)
def test_what_the_form_cannot_take_is_said_and_changes_nothing(
    live_version: ModelVersion,
    corrected_dataset: Dataset,
    curator_client: Client,
    wrong: dict[str, str],
) -> None:
    page = reverse("studio:routine", args=[live_version.recognizer_id])
    response = curator_client.post(page, {"dataset": corrected_dataset.pk, **wrong})
    assert response.status_code == 422
    text = response.content.decode()
    assert 'role="alert"' in text
    assert not Routine.objects.exists()
    told = names_told(text)
    assert told == set(re.findall(r'id="(\w+_(?:helptext|error))"', text))
    assert {f"id_{name}_error" for name in wrong} <= told


def names_told(page: str) -> set[str]:
    """By which names inputs refer to what is said of them."""
    return {
        name for names in re.findall(r'aria-describedby="([^"]*)"', page) for name in names.split()
    }
