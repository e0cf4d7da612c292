"""A picture by its address: only where the operator allows it."""

import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.test import Client
from pytest_django import Settings

from tests.pictures import picture_bytes
from tests.webapp.counts import count
from tests.webapp.foreign import ForeignServer, says, within_reach
from webapp.outside import OutsideRefused
from webapp.predictions import fetching
from webapp.predictions.models import Prediction
from webapp.recognizers.models import Recognizer

PATH = "/garden/bee.jpg"
PRIVATE = "http://10.0.0.1/bee.jpg"
SENTENCE = OutsideRefused("address_private", host="10.0.0.1").sentence

pytestmark = pytest.mark.usefixtures("live_version")


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[ForeignServer]:
    """It has one server, with one picture at every address."""
    settings.FETCH_ADDRESSES = True
    with ForeignServer(says(picture_bytes("red"))) as server:
        within_reach(monkeypatch, server)
        yield server


def send(client: Client, recognizer: Recognizer, **values: Any) -> Any:
    return client.post("/", {"recognizer": recognizer.pk, "upload": str(uuid.uuid4()), **values})


def add(client: Client, recognizer: Recognizer, address: str, upload: uuid.UUID) -> Any:
    values = {"recognizer": recognizer.pk, "position": 0, "address": address}
    headers = {"Accept": "application/json"}
    return client.post(f"/uploads/{upload}/files/", values, headers=headers)


def test_the_field_is_there_only_where_it_is_allowed(
    owner_client: Client, settings: Settings
) -> None:
    assert 'name="address"' not in owner_client.get("/").content.decode()
    settings.FETCH_ADDRESSES = True
    assert 'name="address"' in owner_client.get("/").content.decode()


def test_nothing_is_fetched_where_it_is_not_allowed(
    owner_client: Client, recognizer: Recognizer, internet: ForeignServer, settings: Settings
) -> None:
    settings.FETCH_ADDRESSES = False
    assert send(owner_client, recognizer, address=internet.url(PATH)).status_code == 422
    assert add(owner_client, recognizer, internet.url(PATH), uuid.uuid4()).status_code == 422
    assert internet.requests == []


def test_what_is_at_an_address_is_kept_as_if_it_had_been_sent(
    owner_client: Client, recognizer: Recognizer, internet: ForeignServer
) -> None:
    response = send(owner_client, recognizer, address=f" {internet.url(PATH)} ")
    row = Prediction.objects.get()
    assert response["Location"] == f"/uploads/{row.upload}/"
    assert row.file_name == "bee.jpg"
    assert row.picture_path.is_file()
    assert len(internet.requests) == 1


def test_the_script_sends_an_address_in_the_place_of_a_file(
    owner_client: Client, recognizer: Recognizer, internet: ForeignServer
) -> None:
    upload = uuid.uuid4()
    for _ in range(2):
        response = add(owner_client, recognizer, internet.url(PATH), upload)
        assert response.status_code == 201
    assert Prediction.objects.get().file_name == "bee.jpg"


def test_an_address_that_is_refused_has_its_sentence_at_the_field(
    owner_client: Client, recognizer: Recognizer, internet: ForeignServer
) -> None:
    response = send(owner_client, recognizer, address=PRIVATE)
    assert response.status_code == 422
    assert response.context["form"].errors["address"] == [SENTENCE]
    page = response.content.decode()
    assert SENTENCE in page
    assert PRIVATE in page  # to mend it
    response = add(owner_client, recognizer, PRIVATE, uuid.uuid4())
    assert (response.status_code, response.json()["problem"]) == (422, SENTENCE)
    assert not Prediction.objects.exists()


def test_an_address_that_is_refused_costs_the_files_nothing(
    owner_client: Client, recognizer: Recognizer, internet: ForeignServer
) -> None:
    file = SimpleUploadedFile("a.jpg", picture_bytes("blue"))
    response = send(owner_client, recognizer, address=PRIVATE, pictures=[file])
    assert Prediction.objects.get().file_name == "a.jpg"
    assert SENTENCE in owner_client.get(response["Location"]).content.decode()


def test_an_address_that_is_too_long_is_told(
    owner_client: Client, recognizer: Recognizer, internet: ForeignServer
) -> None:
    response = send(owner_client, recognizer, address=f"https://example.org/{'x' * 2000}")
    assert response.status_code == 422
    assert "2000 characters" in response.content.decode()
    assert internet.requests == []


def test_an_address_is_not_asked_for_ever(
    owner_client: Client,
    other_client: Client,
    client: Client,
    recognizer: Recognizer,
    internet: ForeignServer,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What leads nowhere counts, too: of a person, of an address, and of guests."""
    internet.otherwise = says(status="404 Not Found")
    settings.ANONYMOUS_UPLOADS, settings.GUEST_PICTURES_PER_HOUR = True, 2
    monkeypatch.setattr(fetching, "FETCHES_PER_PERSON", 2)
    monkeypatch.setattr(fetching, "FETCHES_PER_ADDRESS", 3)
    client.get("/")

    def statuses(who: Client) -> list[int]:
        return [
            add(who, recognizer, internet.url(PATH), uuid.uuid4()).status_code for _ in range(3)
        ]

    counted = count("uploads_refused_total", reason="address_too_often")
    assert statuses(owner_client) == [422, 422, 429]
    assert statuses(other_client) == [422, 429, 429]
    assert statuses(client) == [422, 422, 429]
    assert len(internet.requests) == 5
    response = send(owner_client, recognizer, address=internet.url(PATH))
    assert (response.status_code, response["Retry-After"]) == (429, "3600")
    assert "At most 2 addresses an hour" in response.content.decode()
    assert count("uploads_refused_total", reason="address_too_often") == counted + 5


def test_servers_that_keep_us_waiting_leave_threads_for_others(
    owner_client: Client,
    other_client: Client,
    recognizer: Recognizer,
    internet: ForeignServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetching, "_places", threading.BoundedSemaphore(1))
    heard: list[Any] = []
    really = fetching.file_at

    def file_at_meanwhile(address: str) -> UploadedFile:
        if not heard:
            heard.append(None)  # the other one gets no further than here, or this would not end
            heard[0] = add(other_client, recognizer, address, uuid.uuid4())
        return really(address)

    monkeypatch.setattr(fetching, "file_at", file_at_meanwhile)
    response = add(owner_client, recognizer, internet.url(PATH), uuid.uuid4())
    assert response.status_code == 201
    [busy] = heard
    assert busy.status_code == 503
    assert busy["Retry-After"]
    assert "in a moment" in busy.json()["problem"]
    assert add(other_client, recognizer, internet.url(PATH), uuid.uuid4()).status_code == 201


def test_nothing_is_fetched_for_a_guest_who_may_send_no_more(
    client: Client, recognizer: Recognizer, internet: ForeignServer, settings: Settings
) -> None:
    settings.ANONYMOUS_UPLOADS, settings.GUEST_PICTURES_PER_HOUR = True, 1
    client.get("/")
    assert send(client, recognizer, address=internet.url(PATH)).status_code == 302
    assert send(client, recognizer, address=internet.url(PATH)).status_code == 429
    assert add(client, recognizer, internet.url(PATH), uuid.uuid4()).status_code == 429
    assert len(internet.requests) == 1
