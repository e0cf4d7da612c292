"""The API: pictures in, answers out, refusals as problem JSON."""

import contextlib
import re
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from PIL import Image
from pytest_django import DjangoAssertNumQueries, Settings

from tests.bundles import colour_bundle
from tests.pictures import picture_bytes
from tests.stack import Stack
from tests.waiting import wait_for
from webapp.accounts import services as accounts
from webapp.accounts.models import ApiKey, User
from webapp.accounts.services import api_key_create, api_key_revoke
from webapp.api.prefer import MAX_WAIT_SECONDS, preferred_wait
from webapp.ops import processes
from webapp.predictions import pictures
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion, Recognizer

State = Prediction.State
UPLOAD = "/api/v1/predictions"
Answer = Callable[..., None]


def api_client(owner: User, **options: Any) -> Client:
    _, key = api_key_create(owner=owner, name="a test's")
    return Client(headers={"Authorization": f"Bearer {key}"}, **options)


@pytest.fixture
def api(owner: User) -> Client:
    return api_client(owner)


def send(api: Client, *colours: str, why: int = 0, headers: Any = None, **fields: str) -> Any:
    files = [SimpleUploadedFile(f"{colour}.jpg", picture_bytes(colour)) for colour in colours]
    return api.post(f"{UPLOAD}?why={why}", {**fields, "pictures": files}, headers=headers)


def assert_problem(response: Any, status: int, code: str) -> str:
    """A refusal as programs expect it; its sentence."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert (problem["status"], problem["code"], problem["type"]) == (status, code, "about:blank")
    assert problem["title"]
    assert problem["detail"].endswith((".", "USER", ".jpg"))
    if operation := documented_operation(response):
        shape = shape_of(operation["responses"][str(status)], response["Content-Type"])
        assert code in shape["allOf"][1]["properties"]["code"]["enum"]
        assert set(problem) == set(resolved(shape["allOf"][0])["properties"])
    return str(problem["detail"])


@cache
def document() -> dict[str, Any]:
    response = Client().get("/api/v1/openapi.json")
    assert response.status_code == 200
    content: dict[str, Any] = response.json()
    return content


def documented_operation(response: Any) -> dict[str, Any] | None:
    """What the OpenAPI document says of the operation that gave a response."""
    request = response.request
    for path, operations in document()["paths"].items():
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), request["PATH_INFO"]):
            found: dict[str, Any] | None = operations.get(request["REQUEST_METHOD"].lower())
            return found
    return None


def shape_of(response: dict[str, Any], content_type: str) -> dict[str, Any]:
    return resolved(response["content"][content_type]["schema"])


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").removeprefix("#/components/schemas/")
    return document()["components"]["schemas"][name] if name else schema


def answer_rows(version: ModelVersion, **values: Any) -> None:
    """What a worker would write."""
    Prediction.objects.filter(state=State.QUEUED).update(
        state=State.DONE,
        version=version,
        label="red",
        confidence=0.9,
        top=[{"label": "red", "probability": 0.9}, {"label": "blue", "probability": 0.1}],
        answered_at=timezone.now(),
        **values,
    )


# Uploads


def test_a_picture_is_kept_and_there_is_a_place_to_ask(
    api: Client, live_version: ModelVersion
) -> None:
    response = send(api, "red")
    assert response.status_code == 202
    assert response["Retry-After"] == "1"
    row = Prediction.objects.get()
    assert response["Location"] == f"{UPLOAD}/{row.public_id}"
    body = response.json()
    assert body["upload"] == str(row.upload)
    [prediction] = body["predictions"]
    assert prediction == {
        "id": str(row.public_id),
        "url": response["Location"],
        "state": "queued",
        "file_name": "red.jpg",
        "recognizer": "colours",
        "version": None,
        "label": None,
        "confidence": None,
        "none_of_these": False,
        "top": [],
        "failure": None,
        "why": None,
        "picture": f"{response['Location']}/picture.jpg",
        "page": f"/predictions/{row.public_id}/",
        "created_at": prediction["created_at"],
        "answered_at": None,
    }


def test_the_answer_is_read_where_the_upload_said(api: Client, live_version: ModelVersion) -> None:
    location = send(api, "red")["Location"]
    answer_rows(live_version, why={"maps": [1]}, is_outlier=True)
    prediction = api.get(location).json()
    assert prediction["state"] == "done"
    assert (prediction["label"], prediction["confidence"]) == ("red", 0.9)
    assert prediction["version"] == 1
    assert prediction["top"][1] == {"label": "blue", "probability": 0.1}
    assert prediction["none_of_these"] is True
    assert prediction["answered_at"]
    assert prediction["why"] is None
    assert api.get(f"{location}?why=1").json()["why"] == {"maps": [1]}
    picture = api.get(prediction["picture"])
    assert picture["Content-Type"] == "image/jpeg"
    assert Image.open(BytesIO(picture.getvalue())).format == "JPEG"


def test_several_pictures_are_answered_in_their_order_and_one_bad_file_costs_no_other(
    api: Client, live_version: ModelVersion
) -> None:
    files = [
        SimpleUploadedFile("a.jpg", picture_bytes("red")),
        SimpleUploadedFile("notes.jpg", b"these are words, not a picture"),
        SimpleUploadedFile("b.jpg", picture_bytes("blue")),
    ]
    response = api.post(UPLOAD, {"pictures": files})
    assert response.status_code == 202
    assert "Location" not in response
    first, bad, last = response.json()["predictions"]
    assert (first["file_name"], last["file_name"]) == ("a.jpg", "b.jpg")
    assert (bad["state"], bad["picture"], bad["label"]) == ("failed", None, None)
    assert bad["failure"]["code"] == "unknown_format"
    assert "JPEG, PNG" in bad["failure"]["sentence"]


def test_a_file_that_is_no_picture_is_answered_at_once(
    api: Client, live_version: ModelVersion
) -> None:
    file = SimpleUploadedFile("notes.jpg", b"words")
    response = api.post(UPLOAD, {"pictures": [file]}, headers={"Prefer": "wait=30"})
    assert response.status_code == 201
    assert response["Preference-Applied"] == "wait=30"
    assert response.json()["predictions"][0]["state"] == "failed"


def test_the_same_idempotency_key_makes_one_record(api: Client, live_version: ModelVersion) -> None:
    headers = {"Idempotency-Key": "camera 7, picture 123 – é"}
    first = send(api, "red", headers=headers).json()
    answer_rows(live_version)
    again = send(api, "red", headers=headers)
    assert again.status_code == 201
    assert again.json()["upload"] == first["upload"]
    assert again.json()["predictions"][0]["version"] == 1
    assert Prediction.objects.count() == 1
    assert send(api, "red").json()["upload"] != first["upload"]
    assert send(api, "blue", headers=headers).json()["upload"] != first["upload"]
    assert Prediction.objects.count() == 3


def test_one_persons_idempotency_key_is_not_anothers(
    api: Client, other: User, live_version: ModelVersion
) -> None:
    headers = {"Idempotency-Key": "1"}
    for client in (api, api_client(other)):
        assert send(client, "red", headers=headers).status_code == 202
    assert Prediction.objects.count() == 2


def test_a_recognizer_is_asked_by_its_slug(api: Client, live_version: ModelVersion) -> None:
    assert send(api, "red", recognizer="colours").status_code == 202
    for unknown in ("birds", "no such thing\0", "ä" * 300):
        sentence = assert_problem(send(api, "red", recognizer=unknown), 422, "recognizer_unknown")
        assert "one of colours, received" in sentence


def test_a_recognizer_must_be_named_where_there_are_several(
    api: Client, live_version: ModelVersion
) -> None:
    second = Recognizer.objects.create(name="Shades", slug="shades")
    assert send(api, "red").status_code == 202  # it has no live version, so it cannot answer
    ModelVersion.objects.create(
        recognizer=second, number=1, state="live", bundle_name="b", class_names=[], backbone="none"
    )
    assert "one of colours, shades" in assert_problem(send(api, "red"), 422, "recognizer_missing")
    assert send(api, "red", recognizer="shades").json()["predictions"][0]["recognizer"] == "shades"


def test_without_a_recognizer_that_answers_one_is_asked_to_come_again(
    api: Client, recognizer: Recognizer
) -> None:
    assert_problem(send(api, "red"), 503, "no_recognizer")


# Cost


def test_an_upload_costs_few_queries(
    api: Client, live_version: ModelVersion, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    send(api, "green")  # notes the key's use, for a minute
    # The key with its owner, the recognizers, whether the same picture came before; a transaction
    # with one insert.
    with django_assert_num_queries(6):
        response = send(api, "red")
    assert response.status_code == 202
    # How many pictures does not matter.
    with django_assert_num_queries(6):
        send(api, "blue", "green", "red")


def test_waiting_costs_a_look_and_the_answer(
    api: Client,
    live_version: ModelVersion,
    django_assert_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send(api, "green")
    answer_after_the_upload(monkeypatch, live_version)
    with django_assert_num_queries(6 + 1 + 2):  # one of them is the test's own, which answers
        response = send(api, "red", headers={"Prefer": "wait=10"})
    assert response.status_code == 201


def answer_after_the_upload(monkeypatch: pytest.MonkeyPatch, version: ModelVersion) -> None:
    from webapp.api import predictions as module

    wait = module.wait_until_answered

    def answer_and_wait(ids: list[int], *, seconds: float) -> bool:
        answer_rows(version)
        return wait(ids, seconds=seconds)

    monkeypatch.setattr(module, "wait_until_answered", answer_and_wait)


def test_an_answer_that_comes_in_time_is_in_the_same_reply(
    api: Client, live_version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_after_the_upload(monkeypatch, live_version)
    response = send(api, "red", "blue", why=1, headers={"Prefer": "wait=10"})
    assert response.status_code == 201
    assert response["Preference-Applied"] == "wait=10"
    assert "Retry-After" not in response
    assert [p["label"] for p in response.json()["predictions"]] == ["red", "red"]


def test_an_answer_that_comes_too_late_is_told_with_a_202(
    api: Client, live_version: ModelVersion
) -> None:
    began = time.monotonic()
    response = send(api, "red", headers={"Prefer": "wait=1"})
    assert 1 <= time.monotonic() - began < 5
    assert response.status_code == 202
    assert response["Preference-Applied"] == "wait=1"
    began = time.monotonic()
    read = api.get(response["Location"], headers={"Prefer": "wait=1"})
    assert 1 <= time.monotonic() - began < 5
    assert (read.status_code, read.json()["state"]) == (200, "queued")


def test_where_too_many_wait_already_a_request_is_answered_at_once(
    api: Client, live_version: ModelVersion, settings: Settings
) -> None:
    settings.MAX_WAITING_REQUESTS = 0
    began = time.monotonic()
    response = send(api, "red", headers={"Prefer": "wait=30"})
    assert time.monotonic() - began < 5
    assert response.status_code == 202
    assert "Preference-Applied" not in response


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=10", 10),
        ("respond-async, wait=5", 5),
        ('return=minimal; foo="a, wait=3";bar, Wait="7"', 7),
        ("handling=lenient;wait=3, wait=4", 4),
        ("wait=4, wait=9", 4),
        (" wait = 12 ", 12),
        ("wait=999", MAX_WAIT_SECONDS),
        ("wait=0", 0),
        ("", None),
        ("wait", None),
        ("wait=", None),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("wait=٣", None),
        ("await=3", None),
        ('wait="', None),
        ("=,;" * 50, None),
        ("a" * 8000, None),
    ],
)
def test_a_preference_is_read_as_the_rfc_has_it(header: str, seconds: int | None) -> None:
    assert preferred_wait(header) == seconds


def test_a_hostile_preference_costs_no_time() -> None:
    for header in ('a="' + "\\" * 8000, 'a;"' * 4000, "a;" * 4000, "a =" + " " * 8000):
        began = time.monotonic()
        preferred_wait(header)
        assert time.monotonic() - began < 0.5


# Who may


def test_another_persons_prediction_is_a_404_even_for_staff(
    api: Client, other: User, curator: User, live_version: ModelVersion
) -> None:
    location = send(api, "red")["Location"]
    for client in (api_client(other), api_client(curator)):
        for path in (location, f"{location}/picture.jpg", f"{UPLOAD}/{uuid.uuid4()}"):
            assert_problem(client.get(path), 404, "not_found")


def test_nobody_comes_in_without_a_key(
    api: Client, owner_client: Client, live_version: ModelVersion
) -> None:
    """Not even who is signed in: a browser's session is no key."""
    location = send(api, "red")["Location"]
    for client in (Client(), owner_client):
        for response in (send(client, "red"), client.get(location)):
            assert_problem(response, 401, "key_missing")
            assert response["WWW-Authenticate"].startswith("Bearer")
    assert Prediction.objects.count() == 1


@pytest.mark.parametrize(
    "header", ["Bearer x", "Bearer", "Basic YTpi", "Bearer ocl_short", f"Token ocl_{'a' * 43}"]
)
def test_what_is_no_key_costs_no_query(
    header: str, db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        response = send(Client(headers={"Authorization": header}), "red")
    assert_problem(response, 401, "key_malformed")


def test_keys_that_are_unknown_revoked_or_expired_open_nothing(owner: User) -> None:
    row, key = api_key_create(owner=owner, name="a test's")
    api = Client(headers={"Authorization": f"Bearer {key}"})
    assert_problem(send(api), 422, "no_pictures")
    unknown = Client(headers={"Authorization": f"Bearer ocl_{'a' * 43}"})
    assert_problem(send(unknown), 401, "key_unknown")
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert_problem(send(api), 401, "key_expired")
    assert api_key_revoke(key=row)
    assert not api_key_revoke(key=row)
    assert_problem(send(api), 401, "key_revoked")


def test_the_keys_of_an_inactive_account_are_refused(api: Client, owner: User) -> None:
    owner.is_active = False
    owner.save()
    assert_problem(send(api, "red"), 403, "account_inactive")


def test_a_key_is_kept_as_a_hash_and_its_use_noted_once_a_minute(
    owner: User, live_version: ModelVersion
) -> None:
    row, key = api_key_create(owner=owner, name="a test's")
    assert key.startswith(row.prefix)
    assert len(row.prefix) < 12
    assert key not in str(ApiKey.objects.values().get())
    api = Client(headers={"Authorization": f"bearer  {key} "})
    send(api)
    used = ApiKey.objects.get().last_used_at
    assert used is not None
    send(api)
    assert ApiKey.objects.get().last_used_at == used
    ApiKey.objects.update(last_used_at=used - timedelta(minutes=2))
    send(api)
    again = ApiKey.objects.get().last_used_at
    assert again is not None
    assert again > used


def test_a_database_that_cannot_write_keeps_no_key_from_reading(
    api: Client, live_version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "uses", accounts.Uses())
    location = send(api, "red")["Location"]
    ApiKey.objects.update(last_used_at=None)
    num_tries = 0

    def fail_to_write(execute: Any, sql: str, *more: Any) -> Any:
        nonlocal num_tries
        if not sql.startswith(("UPDATE", "INSERT")):
            return execute(sql, *more)
        num_tries += 1
        raise OperationalError("database or disk is full")

    with connection.execute_wrapper(fail_to_write):
        for _ in range(3):
            assert api.get(location).status_code == 200
    assert num_tries == 1  # what fails is not tried with every call
    assert api.get(location).status_code == 200
    assert ApiKey.objects.get().last_used_at is None
    monkeypatch.setattr(accounts.uses, "_not_before", 0.0)  # a minute later
    api.get(location)
    assert ApiKey.objects.get().last_used_at is not None


def test_a_session_is_neither_looked_at_nor_made(
    owner_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        response = send(owner_client, "red")
    assert "Cookie" not in response["Vary"]
    assert not response.cookies


# Refusals


def test_a_request_without_pictures_is_explained(api: Client, live_version: ModelVersion) -> None:
    for response in (
        send(api),
        api.post(UPLOAD, {"pictures": "a text"}),
        api.post(UPLOAD, {"picture": SimpleUploadedFile("a.jpg", b"x")}),
        api.post(UPLOAD, b"{}", content_type="application/json"),
        api.post(UPLOAD, b"", content_type="image/jpeg"),
    ):
        assert "“pictures”" in assert_problem(response, 422, "no_pictures")


def test_a_form_that_cannot_be_read_is_told(api: Client, live_version: ModelVersion) -> None:
    response = api.post(UPLOAD, b"nothing of the kind", content_type="multipart/form-data")
    assert_problem(response, 400, "not_understood")


def test_a_flag_that_is_none_is_explained(api: Client, live_version: ModelVersion) -> None:
    file = SimpleUploadedFile("a.jpg", picture_bytes())
    response = api.post(f"{UPLOAD}?why=perhaps", {"pictures": [file]})
    assert "query.why" in assert_problem(response, 422, "invalid")


def test_more_files_than_allowed_are_told(api: Client, live_version: ModelVersion) -> None:
    files = [SimpleUploadedFile(f"{i}.jpg", b"x") for i in range(101)]
    sentence = assert_problem(api.post(UPLOAD, {"pictures": files}), 413, "too_many_files")
    assert "at most 100 files" in sentence
    assert not Prediction.objects.exists()


def test_large_bodies_are_for_requests_with_a_key(api: Client, owner_client: Client) -> None:
    large = str(4 * 1024 * 1024)
    stranger = Client(headers={"Authorization": "Bearer no-key"})
    for client in (owner_client, stranger):
        response = client.generic("POST", UPLOAD, b"", CONTENT_LENGTH=large)
        assert "at most 3 MB" in assert_problem(response, 413, "too_large")
    other_address = api.generic("POST", "/api/v1/others", b"", CONTENT_LENGTH=large)
    assert_problem(other_address, 413, "too_large")
    assert_problem(api.generic("POST", UPLOAD, b"", CONTENT_LENGTH=large), 422, "no_pictures")
    huge = api.generic("POST", UPLOAD, b"", CONTENT_LENGTH=str(10**10))
    assert "at most 512 MB" in assert_problem(huge, 413, "too_large")


def test_nothing_below_the_api_is_a_page(api: Client, live_version: ModelVersion) -> None:
    for path in ("/api/", "/api/v1/", "/api/v2/predictions", f"{UPLOAD}/", f"{UPLOAD}/seven"):
        assert_problem(api.get(path), 404, "not_found")
        assert_problem(Client().get(path), 404, "not_found")
    response = api.get(UPLOAD)
    assert "methods POST, received GET" in assert_problem(response, 405, "method_not_allowed")
    assert response["Allow"] == "POST"
    foreign = api.get(UPLOAD, headers={"Host": "evil.example"})
    assert_problem(foreign, 400, "not_understood")


def test_a_full_disk_is_told_with_a_503(
    api: Client, live_version: ModelVersion, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "not-a-folder").write_text("")
    settings.PICTURES_DIR = tmp_path / "not-a-folder"  # the disk takes nothing here
    response = send(api, "red")
    assert "send them again" in assert_problem(response, 503, "not_kept")
    assert response["Retry-After"] == "5"


@contextlib.contextmanager
def database_away() -> Iterator[None]:
    def fail(execute: object, sql: str, *more: object) -> None:
        raise OperationalError("server closed the connection: host=secret")

    with connection.execute_wrapper(fail):
        yield


def test_a_database_that_is_away_is_told_with_a_503(
    api: Client, owner_client: Client, live_version: ModelVersion
) -> None:
    location = send(api, "red")["Location"]
    # Django's test client would raise what a web server answers.
    api.raise_request_exception = owner_client.raise_request_exception = False
    with database_away():
        for response in (send(api, "red"), api.get(location)):
            assert "database" in assert_problem(response, 503, "unavailable")
            assert response["Retry-After"] == "5"
        page = owner_client.get("/history/")
    assert page.status_code == 503
    assert page["Retry-After"] == "5"
    assert "try again in a moment" in page.content.decode()
    assert "secret" not in page.content.decode()


def test_a_database_that_goes_away_while_one_waits_costs_only_the_answer(
    api: Client, live_version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pictures are kept: the program is told where to ask."""
    from webapp.api import predictions as module

    away = contextlib.ExitStack()

    def wait(ids: list[int], *, seconds: float) -> bool:
        away.enter_context(database_away())
        return True

    monkeypatch.setattr(module, "wait_until_answered", wait)
    with away:
        response = send(api, "red", headers={"Prefer": "wait=1"})
    assert response.status_code == 202
    assert api.get(response["Location"]).json()["state"] == "queued"


def test_what_nobody_foresaw_is_told_without_its_innards(
    api: Client, live_version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("something secret")

    monkeypatch.setattr(pictures, "keep", fail)
    response = send(api, "red")
    assert "secret" not in assert_problem(response, 500, "failed")


# The document


def test_the_document_tells_what_is_answered(api: Client, live_version: ModelVersion) -> None:
    """What is refused, `assert_problem` compares with it wherever it looks at a refusal."""
    uploaded = send(api, "red")
    operation = documented_operation(uploaded)
    assert operation
    upload_shape = shape_of(operation["responses"]["202"], "application/json")
    assert set(uploaded.json()) == set(upload_shape["properties"])
    answer_rows(live_version)
    read = api.get(uploaded["Location"])
    operation = documented_operation(read)
    assert operation
    shape = shape_of(operation["responses"]["200"], "application/json")
    assert shape == resolved(upload_shape["properties"]["predictions"]["items"])
    assert set(read.json()) == set(shape["properties"]) == set(shape["required"])
    assert read.json()["state"] in resolved(shape["properties"]["state"])["enum"]
    picture = documented_operation(api.get(read.json()["picture"]))
    assert picture
    assert list(picture["responses"]["200"]["content"]) == ["image/jpeg"]
    assert document()["components"]["securitySchemes"]["ApiKeyAuth"]["scheme"] == "bearer"


# Making keys


def test_staff_make_a_key_for_themselves_and_see_it_once(
    curator_client: Client, curator: User, owner: User
) -> None:
    page = curator_client.post(
        "/admin/accounts/apikey/add/", {"owner": owner.pk, "name": "camera trap"}
    )
    row = ApiKey.objects.get()
    assert (row.owner, row.name) == (owner, "camera trap")
    text = page.content.decode()
    key = text.split("<code>")[1].split("</code>")[0]
    assert "no-store" in page["Cache-Control"]
    assert not any(key in str(cookie) for cookie in page.cookies.values())
    assert_problem(send(Client(headers={"Authorization": f"Bearer {key}"})), 422, "no_pictures")
    for path in ("/admin/accounts/apikey/", f"/admin/accounts/apikey/{row.pk}/change/"):
        text = curator_client.get(path).content.decode()
        assert row.prefix in text
        assert key not in text
    curator_client.post(
        "/admin/accounts/apikey/", {"action": "revoke", "_selected_action": [row.pk]}
    )
    assert_problem(send(Client(headers={"Authorization": f"Bearer {key}"})), 401, "key_revoked")


def test_who_is_no_superuser_makes_and_sees_their_own_keys_only(owner: User, other: User) -> None:
    from django.contrib.auth.models import Permission

    api_key_create(owner=other, name="another's")
    owner.is_staff = True
    owner.save()
    owner.user_permissions.set(Permission.objects.filter(content_type__model="apikey"))
    client = Client()
    client.force_login(owner)
    client.post("/admin/accounts/apikey/add/", {"owner": other.pk, "name": "mine"})
    assert ApiKey.objects.get(name="mine").owner == owner
    text = client.get("/admin/accounts/apikey/").content.decode()
    assert "mine" in text
    assert "another&#x27;s" not in text


# The whole way


def test_programs_get_their_answers_in_the_same_call_from_running_processes(stack: Stack) -> None:
    colour_bundle(stack.data_dir / "bundles" / "colours")
    stack.create_users("ada", "eve")
    stack.install("colours")
    key, others_key = stack.create_api_key("ada"), stack.create_api_key("eve")
    stack.start("redis", "web", "inference")
    headers = {"Authorization": f"Bearer {key}", "Prefer": "wait=20"}
    with httpx.Client(base_url=stack.url, headers=headers, timeout=40) as program:
        first = program.post(UPLOAD, files=[("pictures", ("a.png", picture_bytes("green")))])
        assert first.status_code == 201, first.text
        [prediction] = first.json()["predictions"]
        assert (prediction["label"], prediction["version"]) == ("green", 1)

        def post(colour: str) -> tuple[int, str, float]:
            began = time.monotonic()
            file = ("pictures", (f"{colour}.jpg", picture_bytes(colour, (200, 200))))
            reply = program.post(
                UPLOAD, files=[file], headers={"Idempotency-Key": uuid.uuid4().hex}
            )
            return reply.status_code, reply.json()["predictions"][0]["label"], began

        colours = ["red", "green", "blue"] * 10
        with ThreadPoolExecutor(16) as pool:
            replies = list(pool.map(post, colours))
        assert [(status, label) for status, label, _ in replies] == [(201, c) for c in colours]
        theirs = httpx.get(
            f"{stack.url}{prediction['url']}", headers={"Authorization": f"Bearer {others_key}"}
        )
        assert theirs.status_code == 404
    assert stack.states() == {"done": 31}


def test_pages_answer_while_more_programs_wait_than_may(stack: Stack) -> None:
    """There is no worker, so all of them wait for their whole time."""
    colour_bundle(stack.data_dir / "bundles" / "colours")
    stack.create_users("ada")
    stack.install("colours")
    key = stack.create_api_key("ada")
    stack.start("redis", "web")
    headers = {"Authorization": f"Bearer {key}", "Prefer": "wait=8"}

    def post(number: int) -> tuple[int, bool, float]:
        began = time.monotonic()
        reply = httpx.post(
            f"{stack.url}{UPLOAD}",
            headers=headers,
            files=[("pictures", (f"{number}.jpg", picture_bytes(size=(80 + number, 60))))],
            timeout=40,
        )
        return reply.status_code, "Preference-Applied" in reply.headers, time.monotonic() - began

    num_posts = 40 * processes.WEB_PROCESSES
    with stack.signed_in("ada") as ada, ThreadPoolExecutor(num_posts) as pool:
        replies = [pool.submit(post, number) for number in range(num_posts)]
        wait_for(lambda: stack.states() == {"queued": num_posts}, what="all uploads")
        began = time.monotonic()
        assert ada.get("/history/").status_code == 200
        assert httpx.get(f"{stack.url}/healthz", timeout=5).status_code == 200
        assert time.monotonic() - began < 3
        results = [reply.result() for reply in replies]
    assert {status for status, _, _ in results} == {202}
    waited = [seconds for _, has_waited, seconds in results if has_waited]
    sent_on = [seconds for _, has_waited, seconds in results if not has_waited]
    # They are not shared out evenly among the processes; none has more than 24 that wait.
    assert 24 <= len(waited) <= 24 * processes.WEB_PROCESSES
    assert min(waited) >= 8
    assert sent_on


def test_the_operator_makes_a_key_at_the_command_line(stack: Stack) -> None:
    stack.create_users("ada")
    key = stack.manage("create_api_key", "ada").strip()
    assert len(key) == 47
    [(name, digest)] = stack.query("SELECT name, digest FROM accounts_apikey")
    assert name == "command line"
    assert len(digest) == 64
