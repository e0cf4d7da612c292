"""The API: pictures in, answers out."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import httpx
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image
from pytest_django import DjangoAssertNumQueries, Settings

from tests.pictures import new_picture_bytes, picture_bytes
from tests.stack import Stack
from tests.webapp.programs import UPLOAD, answer_rows, api_client, assert_problem, send
from tests.webapp.zips import zip_file
from webapp.accounts.models import User
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion, Recognizer


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
    assert body["left_out"] == 0
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
        "verdict": None,
        "true_label": None,
        "corrected_at": None,
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


def test_of_a_zip_the_pictures_are_taken_and_what_is_left_out_is_told(
    api: Client, live_version: ModelVersion, settings: Settings
) -> None:
    settings.MAX_FILES_PER_UPLOAD = 3
    names = ("bee.jpg", "trip/wasp.png", "notes.txt", "fly.jpg")
    files = [
        SimpleUploadedFile("a.jpg", picture_bytes("red")),
        zip_file(*((name, new_picture_bytes()) for name in names)),
    ]
    headers = {"Idempotency-Key": "the first trip"}
    body = api.post(UPLOAD, {"pictures": files}, headers=headers).json()
    taken = [each["file_name"] for each in body["predictions"]]
    assert taken == ["a.jpg", "bee.jpg", "wasp.png"]
    assert body["left_out"] == 2
    for file in files:
        file.seek(0)
    again = api.post(UPLOAD, {"pictures": files}, headers=headers).json()
    assert again["upload"] == body["upload"]
    assert Prediction.objects.count() == 3


def test_a_zip_of_which_nothing_can_be_taken_is_a_failed_prediction(
    api: Client, live_version: ModelVersion
) -> None:
    body = api.post(UPLOAD, {"pictures": [zip_file(("notes.txt", b"words"))]}).json()
    [prediction] = body["predictions"]
    assert prediction["failure"]["code"] == "zip_no_pictures"
    assert body["left_out"] == 0


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


@pytest.mark.slow
@pytest.mark.on_postgres
def test_programs_get_their_answers_in_the_same_call_from_running_processes(colours: Stack) -> None:
    colours.create_users("eve")
    key, others_key = colours.create_api_key("ada"), colours.create_api_key("eve")
    colours.start("redis", "web", "inference")
    headers = {"Authorization": f"Bearer {key}", "Prefer": "wait=20"}
    with httpx.Client(base_url=colours.url, headers=headers, timeout=40) as program:
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

        sent = ["red", "green", "blue"] * 10
        with ThreadPoolExecutor(16) as pool:
            replies = list(pool.map(post, sent))
        assert [(status, label) for status, label, _ in replies] == [(201, c) for c in sent]
        theirs = httpx.get(
            f"{colours.url}{prediction['url']}", headers={"Authorization": f"Bearer {others_key}"}
        )
        assert theirs.status_code == 404
    assert colours.states() == {"done": 31}
