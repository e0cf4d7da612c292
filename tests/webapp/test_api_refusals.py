"""What the API refuses, and what it says when something of ours is away: always problem JSON."""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from tests.pictures import picture_bytes
from tests.webapp.away import database_away
from tests.webapp.programs import UPLOAD, assert_problem, send
from webapp.predictions import pictures
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion


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
    files = [SimpleUploadedFile(f"{i}.jpg", b"x") for i in range(301)]
    sentence = assert_problem(api.post(UPLOAD, {"pictures": files}), 413, "too_many_files")
    assert "at most 300 files" in sentence
    assert not Prediction.objects.exists()


def test_a_request_in_chunks_is_told_to_say_its_length(api: Client, owner_client: Client) -> None:
    chunked = {"Transfer-Encoding": "chunked"}
    response = api.generic("POST", UPLOAD, b"", headers=chunked)
    assert "Content-Length" in assert_problem(response, 411, "length_required")
    page = owner_client.generic("POST", "/", b"", headers=chunked)
    assert page.status_code == 411
    assert "tells its length" in page.content.decode()


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
    response = api.put(UPLOAD)
    sentence = assert_problem(response, 405, "method_not_allowed")
    assert "methods GET, POST, received PUT" in sentence
    assert response["Allow"] == "GET, POST"
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


def test_what_nobody_foresaw_is_told_without_its_innards(
    api: Client, live_version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("something secret")

    monkeypatch.setattr(pictures, "keep", fail)
    response = send(api, "red")
    assert "secret" not in assert_problem(response, 500, "failed")
