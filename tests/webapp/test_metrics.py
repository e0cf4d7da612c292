"""What Prometheus reads, and who may read it."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tests.pictures import picture_bytes
from tests.stack import Stack
from tests.waiting import wait_for
from tests.webapp.away import database_away
from tests.webapp.counts import values
from webapp import metrics
from webapp.accounts.models import User
from webapp.accounts.services import api_key_create
from webapp.ops.scrape import exposition
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion

TOKEN = "a token of some length"


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
    metrics.refused("a-test")
    with database_away():
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
    unknown.post("/api/v1/webhooks", {"url": "no address"}, content_type="application/json")  # none
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


@pytest.mark.slow
@pytest.mark.on_postgres
def test_the_counts_of_the_worker_are_read_at_the_web_process(colours: Stack) -> None:
    colours.environment["OCELLUS_METRICS_TOKEN"] = TOKEN
    colours.start("redis", "web", "inference")

    def scrape(name: str) -> dict[tuple[str, ...], float]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        response = httpx.get(f"{colours.url}/metrics", headers=headers, timeout=20)
        assert response.status_code == 200
        return values(response.text, name)

    answered = ("done", "colours", "1")  # outcome, recognizer, version
    with colours.signed_in("ada") as ada:
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
        colours.kill("inference")
        colours.start("inference")
        ada.upload(("green.jpg", picture_bytes("green")))
        wait_for(
            lambda: scrape("ocellus_answers_total").get(answered) == 2,
            seconds=60,
            what="both answers",
        )
        assert scrape("ocellus_queue_depth") == {("queued",): 0, ("running",): 0}
