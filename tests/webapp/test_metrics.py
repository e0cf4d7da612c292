"""What Prometheus reads, who may read it, and what becomes of it when processes die."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from tests.bundles import colour_bundle
from tests.pictures import picture_bytes
from tests.stack import ROOT, Stack
from tests.waiting import wait_for
from webapp import metrics
from webapp.accounts.models import User
from webapp.accounts.services import api_key_create
from webapp.metrics_files import FILE_BYTES, Counts, Slot, clear_unused
from webapp.ops.scrape import exposition
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion

TOKEN = "a token of some length"


def values(text: str, name: str) -> dict[tuple[str, ...], float]:
    """The samples of a name, by their labels' values in the order of the labels' names."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name:
                found[tuple(value for _, value in sorted(sample.labels.items()))] = sample.value
    return found


# Who may


@pytest.mark.django_db
def test_the_metrics_are_for_staff_and_for_who_has_the_token(
    owner_client: Client, curator_client: Client, settings: Settings
) -> None:
    settings.METRICS_TOKEN = TOKEN
    for stranger in (
        Client(),
        owner_client,
        Client(headers={"Authorization": "Bearer"}),
        Client(headers={"Authorization": f"Bearer {TOKEN}s"}),
        Client(headers={"Authorization": f"Basic {TOKEN}"}),
    ):
        response = stranger.get("/metrics")
        assert response.status_code == 401
        assert b"ocellus_" not in response.content
    for reader in (curator_client, Client(headers={"Authorization": f"Bearer {TOKEN}"})):
        response = reader.get("/metrics")
        assert response.status_code == 200
        assert response["Content-Type"].startswith("text/plain; version=")
        assert b"ocellus_queue_depth" in response.content


@pytest.mark.django_db
def test_without_a_configured_token_no_token_opens_them(settings: Settings) -> None:
    settings.METRICS_TOKEN = ""
    for header in ("Bearer", "Bearer ", "Bearer x"):
        response = Client(headers={"Authorization": header}).get("/metrics")
        assert response.status_code == 401


# What they say


def test_the_queue_is_counted_and_its_age_told(
    upload_of: Callable[..., list[Prediction]], live_version: ModelVersion
) -> None:
    assert values(exposition().decode(), "ocellus_queue_oldest_seconds") == {(): 0}
    rows = upload_of("red", "green", "blue")
    Prediction.objects.filter(pk=rows[0].pk).update(state="running")
    Prediction.objects.filter(pk=rows[1].pk).update(
        created_at=timezone.now() - timedelta(seconds=100)
    )
    text = exposition().decode()
    assert values(text, "ocellus_queue_depth") == {("queued",): 2, ("running",): 1}
    assert 100 <= values(text, "ocellus_queue_oldest_seconds")[()] < 160
    assert values(text, "ocellus_database_reachable") == {(): 1}


@pytest.mark.django_db
def test_a_database_that_is_away_costs_only_the_queue() -> None:
    def fail(*arguments: object) -> None:
        raise OperationalError("away")

    metrics.refused("a-test")
    with connection.execute_wrapper(fail):
        text = exposition().decode()
    assert values(text, "ocellus_database_reachable") == {(): 0}
    assert values(text, "ocellus_queue_depth") == {}
    assert values(text, "ocellus_uploads_refused_total")[("a-test",)] >= 1


class Counted:
    """How much each sample of a counter has grown since this was made."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._before = values(exposition().decode(), name)

    def __call__(self) -> dict[tuple[str, ...], float]:
        now = values(exposition().decode(), self._name)
        grown = {labels: number - self._before.get(labels, 0) for labels, number in now.items()}
        return {labels: number for labels, number in grown.items() if number}


def test_refusals_are_counted_once_by_their_reason(
    owner: User,
    owner_client: Client,
    live_version: ModelVersion,
    settings: Settings,
    tmp_path: Path,
) -> None:
    counted = Counted("ocellus_uploads_refused_total")
    owner_client.generic("POST", "/", b"", CONTENT_LENGTH=str(10**10))
    Client().post("/api/v1/predictions")
    unknown = Client(headers={"Authorization": f"Bearer ocl_{'a' * 43}"})
    unknown.post("/api/v1/predictions")
    unknown.get(f"/api/v1/predictions/{uuid.uuid4()}")  # no upload
    assert counted() == {("too_large",): 1, ("key_missing",): 1, ("key_unknown",): 1}

    _, key = api_key_create(owner=owner, name="a test's")
    (tmp_path / "not-a-folder").write_text("")
    settings.PICTURES_DIR = tmp_path / "not-a-folder"  # the disk takes nothing here
    counted = Counted("ocellus_uploads_refused_total")
    for client, address in (
        (Client(headers={"Authorization": f"Bearer {key}"}), "/api/v1/predictions"),
        (owner_client, "/"),
    ):
        form = {
            "pictures": SimpleUploadedFile("red.jpg", picture_bytes("red")),
            "recognizer": "colours" if address != "/" else live_version.recognizer_id,
            "upload": str(uuid.uuid4()),
        }
        assert client.post(address, form).status_code == 503
        assert counted() == {("not_kept",): 1}
        counted = Counted("ocellus_uploads_refused_total")


def test_a_repeat_that_the_database_answers_is_an_answer_too(
    upload_of: Callable[..., list[Prediction]], live_version: ModelVersion
) -> None:
    upload_of("red")
    answer_all_queued()
    counted = Counted("ocellus_answers_total")
    upload_of("red", "blue")
    assert counted() == {("done", "colours", "1"): 1}


# Processes that come and go

COUNTING = """
import os, sys
import django; django.setup()
from webapp import metrics
metrics.refused("empty")
print("counted", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def start(tmp_path: Path) -> Callable[[], "subprocess.Popen[str]"]:
    """Starts a process that counts one refusal and then lives until its input ends."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
        "OCELLUS_DATA_DIR": str(tmp_path),
        "SECRET_KEY": "x" * 50,
    }

    def start() -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", COUNTING],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        assert process.stdout.readline() == "counted\n"
        return process

    return start


def counted_in(folder: Path) -> float:
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))
    return values(generate_latest(registry).decode(), "ocellus_uploads_refused_total")[("empty",)]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.db")}


def test_processes_count_together_and_a_dead_ones_counts_stay_without_its_files_piling_up(
    start: Callable[[], "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    folder = tmp_path / "metrics"
    first, second = start(), start()
    assert counted_in(folder) == 2
    files = names(folder)
    assert len(files) == 4
    first.send_signal(signal.SIGKILL)
    first.communicate()
    third = start()  # takes the place of the dead one, and goes on where that stopped
    assert counted_in(folder) == 3
    assert names(folder) == files
    for process in (second, third):
        process.communicate()
    assert counted_in(folder) == 3


def test_a_start_clears_what_ended_processes_counted_and_leaves_the_living_alone(
    start: Callable[[], "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    folder = tmp_path / "metrics"
    ended, living = start(), start()
    ended.communicate()
    clear_unused(folder)
    assert counted_in(folder) == 1
    living.communicate()
    clear_unused(folder)
    assert names(folder) == set()
    clear_unused(tmp_path / "no such folder")


def test_a_file_that_cannot_be_read_does_not_keep_a_process_from_starting(
    start: Callable[[], "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    folder = tmp_path / "metrics"
    start().communicate()
    (folder / "counter_0.db").write_bytes(b"\xff" * 100)
    start().communicate()
    assert counted_in(folder) == 1


def test_a_folder_that_takes_no_files_leaves_a_process_to_count_for_itself(
    start: Callable[[], "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    (tmp_path / "metrics").write_text("no folder")
    start().communicate()


def is_true_for_another_user(function: Callable[[], bool], *, within: Path) -> bool:
    """Asks a child that is not root; its current folder is `within`."""
    child = os.fork()
    if child == 0:
        try:
            os.chdir(within)  # before: what lies above is its owner's alone
            if os.geteuid() == 0:
                os.setuid(65534)
            os._exit(0 if function() else 1)
        finally:
            os._exit(2)
    return os.waitpid(child, 0)[1] == 0


def test_the_files_of_another_user_are_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    (tmp_path / "0.lock").touch(0o000)
    (tmp_path / "counter_0.db").touch(0o000)
    here = Path()
    assert is_true_for_another_user(lambda: Slot(here)() == "1", within=tmp_path)
    assert is_true_for_another_user(lambda: list(Counts(here).collect()) == [], within=tmp_path)


def test_a_folder_that_is_closed_to_a_user_is_told(tmp_path: Path) -> None:
    (tmp_path / "0.lock").touch(0o000)
    tmp_path.chmod(0o555)

    def is_told() -> bool:
        with pytest.raises(PermissionError):
            Slot(Path())
        return True

    assert is_true_for_another_user(is_told, within=tmp_path)
    tmp_path.chmod(0o755)


def test_a_forked_child_counts_in_a_file_of_its_own(tmp_path: Path) -> None:
    slot = Slot(tmp_path)
    child = os.fork()
    if child == 0:
        os._exit(0 if slot() == "1" else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert slot() == "0"


def test_the_room_of_a_file_is_taken_before_it_is_mapped(tmp_path: Path) -> None:
    """On a full disk a write to a mapped file without its room kills the process."""
    Slot(tmp_path)
    for name in ("counter_0.db", "histogram_0.db"):
        status = (tmp_path / name).stat()
        assert status.st_size == FILE_BYTES
        assert status.st_blocks * 512 >= FILE_BYTES


def test_the_counts_of_the_worker_are_read_at_the_web_process(stack: Stack) -> None:
    colour_bundle(stack.data_dir / "bundles" / "colours")
    stack.create_users("ada")
    stack.install("colours")
    stack.environment["OCELLUS_METRICS_TOKEN"] = TOKEN
    stack.start("redis", "web", "inference")

    def scrape(name: str) -> dict[tuple[str, ...], float]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        response = httpx.get(f"{stack.url}/metrics", headers=headers, timeout=20)
        assert response.status_code == 200
        return values(response.text, name)

    answered = ("done", "colours", "1")  # outcome, recognizer, version
    with stack.signed_in("ada") as ada:
        ada.upload(("red.jpg", picture_bytes("red")), ("words.jpg", b"words"))
        wait_for(lambda: scrape("ocellus_answers_total").get(answered) == 1, what="one answer")
        assert scrape("ocellus_uploads_refused_total") == {("unknown_format",): 1}
        assert scrape("ocellus_batch_size_count") == {(): 1}
        assert scrape("ocellus_queue_seconds_count") == {(): 1}
        assert set(scrape("ocellus_step_seconds_count")) == {
            ("claim",),
            ("decode",),
            ("engine",),
            ("write",),
        }
        stack.kill("inference")
        stack.start("inference")
        ada.upload(("green.jpg", picture_bytes("green")))
        wait_for(
            lambda: scrape("ocellus_answers_total").get(answered) == 2,
            seconds=60,
            what="both answers",
        )
        assert scrape("ocellus_queue_depth") == {("queued",): 0, ("running",): 0}
