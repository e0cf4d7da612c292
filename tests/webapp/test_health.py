"""Alive and ready: each check with its reason, quickly, and nothing said that is nobody's business."""

import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tests.bundles import colour_bundle
from tests.redis_server import redis_server
from tests.stack import Stack
from tests.waiting import wait_for
from tests.webapp.away import database_away
from webapp.ops import health as module
from webapp.ops import views
from webapp.ops.health import Health, NotReady
from webapp.ops.models import WorkerHeartbeat
from webapp.predictions.models import Prediction

Checks = dict[str, dict[str, object]]

# Checks look through connections of their own, so what they shall see has to be committed.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _nothing_known(redis_socket: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """No report of another test is fresh, and nobody else's broker is asked."""
    checks = [module.database, module.broker, module.worker, module.disk]
    monkeypatch.setattr(views, "health", Health(checks))
    monkeypatch.setattr(module, "FRESH_SECONDS", 0.0)
    settings.MIN_FREE_MB = 1


def heartbeat(*, seen_seconds_ago: float, answered_seconds_ago: float | None = None) -> None:
    now = timezone.now()
    answered = answered_seconds_ago
    WorkerHeartbeat.objects.create(
        name="host:1",
        seen_at=now - timedelta(seconds=seen_seconds_ago),
        answered_at=None if answered is None else now - timedelta(seconds=answered),
    )


def report(status: int) -> Checks:
    response = Client().get("/readyz")
    assert response.status_code == status, response.content
    body = response.json()
    checks: Checks = body["checks"]
    assert body["ready"] is all(check["ok"] for check in checks.values())
    assert "no-store" in response["Cache-Control"]
    assert list(checks) == ["database", "broker", "worker", "disk"]
    return checks


def test_with_all_there_it_is_ready_and_says_why(redis_socket: Path) -> None:
    heartbeat(seen_seconds_ago=2, answered_seconds_ago=70)
    with redis_server(redis_socket):
        checks = report(200)
    assert str(checks["worker"]["reason"]).startswith("an inference worker was seen ")
    assert "the last answer was 7" in str(checks["worker"]["reason"])
    assert checks["disk"]["reason"] == "more than 1 MB are free"


def test_without_redis_it_is_not_ready() -> None:
    heartbeat(seen_seconds_ago=0)
    checks = report(503)
    assert {name for name, check in checks.items() if not check["ok"]} == {"broker"}
    assert checks["broker"]["reason"] == "it does not answer (ConnectionError)"
    assert "it has answered nothing yet" in str(checks["worker"]["reason"])


def test_a_redis_that_hangs_does_not_hang_the_report(redis_socket: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(redis_socket))
        silent.listen()
        began = time.monotonic()
        checks = report(503)
    assert time.monotonic() - began < 3
    assert not checks["broker"]["ok"]


@pytest.mark.parametrize("seen_seconds_ago", [None, 60])
def test_without_a_worker_it_is_not_ready(seen_seconds_ago: float | None) -> None:
    if seen_seconds_ago is not None:
        heartbeat(seen_seconds_ago=seen_seconds_ago)
    worker = report(503)["worker"]
    assert not worker["ok"]
    expected = "no inference worker has been seen" if seen_seconds_ago is None else "60 s ago"
    assert expected in str(worker["reason"])


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_worker_that_lives_and_answers_nothing_is_not_enough(
    upload_of: Callable[..., list[Prediction]], state: str
) -> None:
    heartbeat(seen_seconds_ago=1, answered_seconds_ago=70)
    upload_of("red", "green")
    Prediction.objects.update(state=state)
    assert report(503)["worker"]["ok"]  # they came just now
    an_age_ago = timezone.now() - timedelta(seconds=45)
    Prediction.objects.filter(position=0).update(created_at=an_age_ago)
    for answered_at in (timezone.now() - timedelta(seconds=70), None):
        WorkerHeartbeat.objects.update(answered_at=answered_at)
        worker = report(503)["worker"]
        assert not worker["ok"]
        assert "a picture has waited for 4" in str(worker["reason"])
    WorkerHeartbeat.objects.update(answered_at=timezone.now() - timedelta(seconds=5))
    assert report(503)["worker"]["ok"]  # it works through what waits


def test_a_disk_that_fills_up_is_told_before_it_is_full(settings: Settings) -> None:
    settings.MIN_FREE_MB = 10**9
    disk = report(503)["disk"]
    assert not disk["ok"]
    assert "expected 1000000000 MB" in str(disk["reason"])


def test_a_database_that_is_away_is_told_and_alive_is_alive(
    owner_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even to a browser that is signed in: neither looks at the session."""

    def fail() -> str:
        raise OperationalError("could not connect to secret-host:5432, password secret")

    monkeypatch.setattr(views, "health", Health([fail]))
    with database_away():
        ready = owner_client.get("/readyz")
        alive = owner_client.get("/healthz")
    assert ready.status_code == 503
    assert ready.json()["checks"]["fail"]["reason"] == "it does not answer (OperationalError)"
    assert (alive.status_code, alive.content) == (200, b"alive\n")


def test_a_check_that_hangs_is_told_and_not_started_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SECONDS", 0.2)
    release, starts = threading.Event(), []

    def hangs() -> str:
        starts.append(1)
        release.wait(20)
        return "late"

    health = Health([hangs, module.disk])
    for _ in range(3):
        began = time.monotonic()
        hung, disk = health.report()
        assert time.monotonic() - began < 1
        assert (hung.is_ok, hung.reason) == (False, "no answer within 0 s")
        assert disk.is_ok
    assert len(starts) == 1
    release.set()
    assert wait_for(lambda: health.report()[0].is_ok, what="the check that hung")


def test_asking_again_and_again_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRESH_SECONDS", 60.0)
    asked = []

    def count() -> str:
        asked.append(1)
        if len(asked) > 1:
            raise NotReady("asked twice")
        return "asked"

    health = Health([count])
    assert all(health.report()[0].is_ok for _ in range(5))
    assert asked == [1]


def test_nobody_learns_of_paths_or_addresses(redis_socket: Path) -> None:
    text = Client().get("/readyz").content.decode()
    for secret in ("/tmp", str(configured.BASE_DIR), str(redis_socket), "sqlite", "postgres"):
        assert secret not in text


@pytest.mark.slow
@pytest.mark.on_postgres
def test_a_running_installation_is_ready_and_says_so_when_its_worker_is_gone(stack: Stack) -> None:
    import httpx

    colour_bundle(stack.data_dir / "bundles" / "colours")
    stack.install("colours")
    stack.environment["OCELLUS_MIN_FREE_MB"] = "1"
    stack.start("redis", "web", "inference")

    def checks_that_fail() -> set[str]:
        response = httpx.get(f"{stack.url}/readyz", timeout=10)
        checks = response.json()["checks"]
        failing = {name for name, check in checks.items() if not check["ok"]}
        assert (response.status_code == 200) is (not failing)
        return failing

    wait_for(lambda: not checks_that_fail(), seconds=60, what="readiness")
    stack.stop("redis")
    wait_for(lambda: "broker" in checks_that_fail(), what="the broker's absence")
    stack.kill("inference")
    wait_for(lambda: "worker" in checks_that_fail(), seconds=60, what="the worker's absence")
