"""What a training imports is imported ahead, by a child that waits for one, after a training of late."""

import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from tests.stack import Stack
from tests.waiting import wait_for
from webapp.recognizers.models import Recognizer
from webapp.studio import warming
from webapp.studio.models import Dataset, TrainingRun


@pytest.fixture
def imported(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that were asked for; nothing is imported."""
    asked: list[str] = []
    monkeypatch.setattr(warming, "import_module", asked.append)
    monkeypatch.setattr(warming.connection, "close", lambda: None)  # it is the test's here
    warming.wait_until_warm()  # a training is there: what imports does not wait for one
    return asked


@pytest.fixture
def exits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The statuses with which the process was to end."""
    statuses: list[int] = []
    monkeypatch.setattr(warming.os, "_exit", statuses.append)
    return statuses


def has_tensorflow(process: int) -> bool:
    """Whether it has mapped TensorFlow itself; OpenVINO has a reader of its files."""
    with suppress(FileNotFoundError, ProcessLookupError):  # it ends just now
        return "/site-packages/tensorflow/" in Path(f"/proc/{process}/maps").read_text()
    return False


def ended(num_minutes: float) -> None:
    """A training that ended so long ago."""
    recognizer = Recognizer.objects.create(name="Bugs", slug="bugs")
    dataset = Dataset.objects.create(name="bugs", folder_name="bugs")
    TrainingRun.objects.create(
        recognizer=recognizer,
        dataset=dataset,
        state=TrainingRun.State.SUCCEEDED,
        config={},
        ended_at=timezone.now() - timedelta(minutes=num_minutes),
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("num_minutes", "names"), [(1, list(warming.LIBRARIES)), (481, [])], ids=["lately", "long ago"]
)
def test_what_a_training_needs_is_imported_ahead_after_one_of_late_alone(
    imported: list[str], num_minutes: float, names: list[str]
) -> None:
    ended(num_minutes)
    warming._import_if_useful()
    assert imported == names


@pytest.mark.django_db
def test_where_nobody_trains_nothing_is_imported(imported: list[str]) -> None:
    warming._import_if_useful()
    assert imported == []


def test_a_training_waits_for_what_is_being_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    may_go_on, waited = threading.Event(), threading.Event()
    monkeypatch.setattr(
        warming, "was_there_a_training_lately", lambda: may_go_on.wait(10) and False
    )
    warming.warm_up()

    def wait() -> None:
        warming.wait_until_warm()
        waited.set()

    threading.Thread(target=wait, daemon=True).start()
    assert not waited.wait(0.2)
    may_go_on.set()
    assert waited.wait(10)


@pytest.mark.django_db
@pytest.mark.parametrize("is_asked", [False, True])
def test_a_child_that_has_waited_for_a_working_day_gives_its_memory_back(
    imported: list[str], exits: list[int], monkeypatch: pytest.MonkeyPatch, is_asked: bool
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(warming._asked, "wait", lambda seconds: waits.append(seconds) or is_asked)
    ended(1)
    warming._import_if_useful()
    assert waits == [8 * 3600]
    assert exits == ([] if is_asked else [0])


@pytest.mark.django_db
def test_what_cannot_be_imported_ahead_keeps_no_training_waiting(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(warming.connection, "close", lambda: None)
    monkeypatch.setattr(warming, "LIBRARIES", ("no_such_library",))
    ended(1)
    warming._import_if_useful()
    assert "could not be imported ahead" in caplog.text
    warming.wait_until_warm()


@pytest.mark.slow
def test_the_child_of_a_worker_that_has_trained_has_tensorflow_before_it_is_asked(
    tmp_path: Path,
) -> None:
    with Stack(tmp_path / "installation") as stack:
        stack.shell("from tests.webapp.test_warming import ended; ended(1)")
        stack.start("redis", "training")
        wait_for(
            lambda: any(map(has_tensorflow, stack.children("training"))),
            what="TensorFlow in the child",
            seconds=60,
        )
        assert "could not be imported ahead" not in stack.log("training")
