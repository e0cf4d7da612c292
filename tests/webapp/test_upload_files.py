"""Where the upload page's script sends files one by one."""

import uuid
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tests.pictures import new_picture_bytes, picture_bytes
from tests.webapp.counts import count
from tests.webapp.zips import zip_file, zip_of_pictures
from webapp.accounts.models import Attempts, User
from webapp.predictions import services
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.incoming import Unpacked
from webapp.predictions.models import Prediction
from webapp.predictions.services import UploadNotKept, upload_add
from webapp.recognizers.models import Recognizer

State = Prediction.State
SCRIPT = {"Accept": "application/json"}

pytestmark = pytest.mark.usefixtures("live_version")


def add(
    client: Client, recognizer: Recognizer, upload: uuid.UUID, position: int = 0, **values: Any
) -> Any:
    data = {"recognizer": recognizer.pk, "position": position, **values}
    return client.post(f"/uploads/{upload}/files/", data, headers=SCRIPT)


def jpeg(colour: str = "red", name: str = "a.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, picture_bytes(colour))


def one() -> Unpacked:
    return Unpacked([jpeg()])


def test_a_file_is_kept_and_what_became_of_it_is_told(
    owner_client: Client, recognizer: Recognizer
) -> None:
    upload = uuid.uuid4()
    response = add(owner_client, recognizer, upload, position=3, file=jpeg())
    row = Prediction.objects.get()
    assert (row.upload, row.position, row.state) == (upload, 3000, State.QUEUED)
    assert response.status_code == 201
    told = response.json()
    assert told["page"] == f"/uploads/{upload}/"
    assert told["is_whole"] is True
    assert told["notes"] == []
    [prediction] = told["predictions"]
    assert prediction == {
        "id": str(row.public_id),
        "page": f"/predictions/{row.public_id}/",
        "name": "a.jpg",
        "state": "queued",
        "failure": "",
    }
    assert owner_client.get(told["page"]).status_code == 200


def test_what_is_no_picture_is_a_failed_row_with_its_sentence(
    owner_client: Client, recognizer: Recognizer
) -> None:
    words = SimpleUploadedFile("notes.jpg", b"words")
    response = add(owner_client, recognizer, uuid.uuid4(), file=words)
    [prediction] = response.json()["predictions"]
    assert prediction["state"] == "failed"
    assert "received a file of another kind" in prediction["failure"]
    empty = SimpleUploadedFile("empty.jpg", b"")
    response = add(owner_client, recognizer, uuid.uuid4(), file=empty)
    assert "an empty file" in response.json()["predictions"][0]["failure"]


def test_the_same_file_in_the_same_place_is_kept_once(
    owner_client: Client, recognizer: Recognizer
) -> None:
    upload = uuid.uuid4()
    first = add(owner_client, recognizer, upload, file=jpeg()).json()
    answer_all_queued()
    again = add(owner_client, recognizer, upload, file=jpeg())
    assert again.status_code == 201
    assert again.json()["predictions"][0]["id"] == first["predictions"][0]["id"]
    assert again.json()["predictions"][0]["state"] == "done"
    assert Prediction.objects.count() == 1


@pytest.mark.parametrize(
    "other",
    [
        {"file": jpeg("blue")},
        {"file": jpeg("red", "b.jpg")},
        {"file": SimpleUploadedFile("a.jpg", b"words")},
    ],
    ids=["other content", "another name", "words"],
)
def test_another_file_in_a_place_that_is_taken_is_told(
    owner_client: Client, recognizer: Recognizer, other: dict[str, Any]
) -> None:
    upload = uuid.uuid4()
    add(owner_client, recognizer, upload, file=jpeg())
    counted = count("uploads_refused_total", reason="slot_taken")
    response = add(owner_client, recognizer, upload, **other)
    assert response.status_code == 409
    assert count("uploads_refused_total", reason="slot_taken") == counted + 1
    assert "in this one's place" in response.json()["problem"]
    assert Prediction.objects.get().file_name == "a.jpg"


def test_a_place_whose_picture_was_deleted_is_taken(
    owner_client: Client, recognizer: Recognizer
) -> None:
    upload = uuid.uuid4()
    add(owner_client, recognizer, upload, file=jpeg())
    Prediction.objects.update(deleted_at=timezone.now())
    assert add(owner_client, recognizer, upload, file=jpeg()).status_code == 409


def test_two_that_come_at_the_same_moment_make_one_record(
    owner: User, recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = uuid.uuid4()
    create = services._predictions_create

    def late(*args: Any, **options: Any) -> list[Prediction]:
        """Between this one's look and its write the other has written."""
        monkeypatch.setattr(services, "_predictions_create", create)
        upload_add(owner=owner, recognizer=recognizer, upload=upload, slot=0, found=one())
        return create(*args, **options)

    monkeypatch.setattr(services, "_predictions_create", late)
    added = upload_add(owner=owner, recognizer=recognizer, upload=upload, slot=0, found=one())
    assert added.predictions == [Prediction.objects.get()]


def test_the_pictures_of_a_zip_have_places_beside_each_other(
    owner_client: Client, recognizer: Recognizer
) -> None:
    upload = uuid.uuid4()
    file = zip_of_pictures("a.jpg", "b.jpg")
    told = add(owner_client, recognizer, upload, position=2, file=file).json()
    assert [each["name"] for each in told["predictions"]] == ["a.jpg", "b.jpg"]
    assert told["notes"] == ["2 pictures were in it."]
    assert told["is_whole"] is True
    rows = Prediction.objects.order_by("position")
    assert list(rows.values_list("position", flat=True)) == [2000, 2001]
    file.seek(0)
    again = add(owner_client, recognizer, upload, position=2, file=file)
    assert again.status_code == 201
    assert rows.count() == 2


def test_what_is_left_out_of_a_zip_is_told(owner_client: Client, recognizer: Recognizer) -> None:
    file = zip_file(("a.jpg", new_picture_bytes()), ("notes.txt", b"words"))
    told = add(owner_client, recognizer, uuid.uuid4(), file=file).json()
    assert told["is_whole"] is False
    assert "1 file in the ZIP has no picture's name and was left out." in told["notes"]


def test_pictures_of_a_zip_that_are_refused_are_told(
    owner_client: Client, recognizer: Recognizer
) -> None:
    file = zip_file(("a.jpg", new_picture_bytes()), ("b.jpg", b"words"))
    told = add(owner_client, recognizer, uuid.uuid4(), file=file).json()
    assert told["notes"] == [
        "2 pictures were in it.",
        "1 of them could not be taken; its answer says why.",
    ]


def test_a_picture_of_a_zip_above_its_folder_is_taken_by_its_last_name(
    owner_client: Client, recognizer: Recognizer
) -> None:
    file = zip_file(("../evil.jpg", new_picture_bytes()), ("../.hidden.jpg", b"litter"))
    told = add(owner_client, recognizer, uuid.uuid4(), file=file).json()
    assert [each["name"] for each in told["predictions"]] == ["evil.jpg"]


@pytest.mark.parametrize(
    ("name", "kept"),
    [('"d" &amp;.jpg', '"d" &amp;.jpg'), ("a/../b.jpg", "b.jpg"), ("..", "a.jpg"), ("", "a.jpg")],
)
def test_a_file_is_called_what_its_field_says(
    owner_client: Client, recognizer: Recognizer, name: str, kept: str
) -> None:
    told = add(owner_client, recognizer, uuid.uuid4(), file=jpeg(), name=name).json()
    assert [each["name"] for each in told["predictions"]] == [kept]


def test_an_upload_that_is_full_takes_no_more_and_says_so(
    owner_client: Client, recognizer: Recognizer, settings: Settings
) -> None:
    settings.MAX_FILES_PER_UPLOAD = 3
    upload = uuid.uuid4()
    add(owner_client, recognizer, upload, position=0, file=jpeg())
    trip = zip_of_pictures("b.jpg", "c.jpg", "d.jpg")
    told = add(owner_client, recognizer, upload, position=1, file=trip).json()
    assert [each["name"] for each in told["predictions"]] == ["b.jpg", "c.jpg"]
    assert "The first 2 were taken; please send the others (1)" in told["notes"][1]
    assert told["is_whole"] is False
    response = add(owner_client, recognizer, upload, position=2, file=jpeg("blue"))
    assert response.status_code == 413
    assert "at most 3 pictures" in response.json()["problem"]
    trip.seek(0)  # what was taken before still is the same
    assert add(owner_client, recognizer, upload, position=1, file=trip).status_code == 201
    assert Prediction.objects.count() == 3


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"position": -1}, "0"),
        ({"position": 10**9}, "1000000"),
        ({"position": "first"}, "number"),
        ({"file": ""}, "Choose at least one picture."),
        ({"file": "", "address": "https://example.org/a.jpg"}, "Choose at least one picture."),
    ],
)
def test_a_request_that_is_not_as_expected_is_told(
    owner_client: Client, recognizer: Recognizer, changes: dict[str, Any], word: str
) -> None:
    response = add(owner_client, recognizer, uuid.uuid4(), **{"file": jpeg(), **changes})
    assert response.status_code == 422
    assert word in response.json()["problem"]
    assert not Prediction.objects.exists()


def test_a_recognizer_that_answers_nobody_is_told(owner_client: Client) -> None:
    unready = Recognizer.objects.create(name="Birds", slug="birds")
    response = add(owner_client, unready, uuid.uuid4(), file=jpeg())
    assert response.status_code == 422
    assert "choose another one" in response.json()["problem"]


def test_it_takes_nothing_but_posts(owner_client: Client) -> None:
    assert owner_client.get(f"/uploads/{uuid.uuid4()}/files/").status_code == 405


def test_a_disk_that_is_full_is_told_as_something_that_may_pass(
    owner_client: Client, recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **options: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("webapp.predictions.pictures.keep", full)
    response = add(owner_client, recognizer, uuid.uuid4(), file=jpeg())
    assert response.status_code == 503
    assert response["Retry-After"]
    assert "send them again" in response.json()["problem"]
    assert not Prediction.objects.exists()


def test_a_write_that_fails_for_another_reason_keeps_nothing(
    owner: User, recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise IntegrityError("something else")

    monkeypatch.setattr(services, "_predictions_create", fail)
    with pytest.raises(UploadNotKept):
        upload_add(owner=owner, recognizer=recognizer, upload=uuid.uuid4(), slot=0, found=one())


def test_a_body_over_the_limit_is_explained_as_json(owner_client: Client) -> None:
    path = f"/uploads/{uuid.uuid4()}/files/"
    response = owner_client.generic("POST", path, b"", CONTENT_LENGTH=str(10**10), headers=SCRIPT)
    assert response.status_code == 413
    assert "at most 512 MB" in response.json()["problem"]
    large = str(4 * 1024 * 1024)
    response = owner_client.generic("POST", path, b"", CONTENT_LENGTH=large, headers=SCRIPT)
    assert response.status_code != 413
    response = owner_client.generic(
        "POST", f"/uploads/{uuid.uuid4()}/", b"", CONTENT_LENGTH=large, headers=SCRIPT
    )
    assert response.status_code == 413


def test_nobody_is_sent_to_sign_in_and_nothing_is_kept(
    client: Client, owner: User, recognizer: Recognizer
) -> None:
    response = add(client, recognizer, uuid.uuid4(), file=jpeg())
    assert response.status_code == 302
    assert response["Location"].startswith("/sign-in/")
    client.force_login(owner)
    Session.objects.all().delete()
    large = str(4 * 1024 * 1024)
    response = client.generic("POST", f"/uploads/{uuid.uuid4()}/files/", b"", CONTENT_LENGTH=large)
    assert response.status_code == 302
    assert not Prediction.objects.exists()


def test_anothers_upload_stays_anothers(
    owner_client: Client, other_client: Client, curator_client: Client, recognizer: Recognizer
) -> None:
    upload = uuid.uuid4()
    add(owner_client, recognizer, upload, file=jpeg())
    for client in (other_client, curator_client):
        response = add(client, recognizer, upload, file=jpeg("blue"))
        assert response.status_code == 201
        page = client.get(f"/uploads/{upload}/")
        assert len(page.context["predictions"]) == 1
    assert Prediction.objects.filter(upload=upload).count() == 3


def test_a_guest_is_charged_for_what_is_kept_and_no_more(
    client: Client, recognizer: Recognizer, settings: Settings
) -> None:
    settings.ANONYMOUS_UPLOADS, settings.GUEST_PICTURES_PER_HOUR = True, 4
    settings.MAX_FILES_PER_UPLOAD = 2
    upload = uuid.uuid4()
    client.get("/")
    for _ in range(3):  # whoever heard nothing tries again, also before the session is there
        client.cookies.pop("sessionid", None)
        assert add(client, recognizer, upload, file=jpeg()).status_code == 201
    trip = zip_of_pictures("a.jpg", "b.jpg", "c.jpg")
    for _ in range(2):
        trip.seek(0)
        assert add(client, recognizer, upload, position=1, file=trip).status_code == 201
    assert add(client, recognizer, upload, position=1, file=jpeg()).status_code == 409
    assert add(client, recognizer, upload, position=2, file=jpeg()).status_code == 413
    assert attempts() == 2
    settings.MAX_FILES_PER_UPLOAD = 300
    form = {"recognizer": recognizer.pk, "upload": uuid.uuid4()}
    for _ in range(2):
        assert client.post("/", {**form, "pictures": [jpeg()]}).status_code == 302
    assert attempts() == 3
    assert add(client, recognizer, upload, position=3, file=jpeg()).status_code == 201
    assert add(client, recognizer, upload, position=4, file=jpeg()).status_code == 429
    assert add(client, recognizer, upload, position=3, file=jpeg()).status_code == 201
    assert Prediction.objects.count() == attempts() == 4


def attempts() -> int:
    return Attempts.objects.get(kind="guest picture").number


def test_of_a_large_zip_a_guest_has_as_many_as_in_an_hour(
    client: Client, recognizer: Recognizer, settings: Settings
) -> None:
    settings.ANONYMOUS_UPLOADS, settings.GUEST_PICTURES_PER_HOUR = True, 2
    client.get("/")
    trip = zip_of_pictures("a.jpg", "b.jpg", "c.jpg")
    response = add(client, recognizer, uuid.uuid4(), file=trip)
    assert response.status_code == 201
    assert "The first 2 were taken" in response.json()["notes"][1]
    assert Prediction.objects.count() == 2


def test_without_its_token_it_is_refused_and_with_the_header_it_is_not(
    owner: User, recognizer: Recognizer
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    assert add(client, recognizer, uuid.uuid4(), file=jpeg()).status_code == 403
    token = client.get("/").content.decode().split('name="csrfmiddlewaretoken" value="')[1]
    headers = {**SCRIPT, "X-CSRFToken": token.split('"')[0]}
    data = {"recognizer": recognizer.pk, "position": 0, "file": jpeg()}
    response = client.post(f"/uploads/{uuid.uuid4()}/files/", data, headers=headers)
    assert response.status_code == 201
    headers["X-CSRFToken"] = response.json()["token"]  # as the script does from then on
    data = {"recognizer": recognizer.pk, "position": 1, "file": jpeg()}
    assert client.post(f"/uploads/{uuid.uuid4()}/files/", data, headers=headers).status_code == 201


def test_a_guest_sends_files_one_by_one_and_each_picture_of_a_zip_counts(
    client: Client, recognizer: Recognizer, settings: Settings
) -> None:
    settings.ANONYMOUS_UPLOADS, settings.GUEST_PICTURES_PER_HOUR = True, 3
    upload = uuid.uuid4()
    client.get("/")
    assert add(client, recognizer, upload, position=0, file=jpeg()).status_code == 201
    trip = zip_of_pictures("a.jpg", "b.jpg", "c.jpg")
    counted = count("uploads_refused_total", reason="guests_wait")
    response = add(client, recognizer, upload, position=1, file=trip)
    assert response.status_code == 429
    assert response["Retry-After"] == "3600"
    assert count("uploads_refused_total", reason="guests_wait") == counted + 1
    assert "at most 3 pictures an hour" in response.json()["problem"]
    smaller = zip_of_pictures("a.jpg", "b.jpg")
    assert add(client, recognizer, upload, position=1, file=smaller).status_code == 201
    assert len(client.get(f"/uploads/{upload}/").context["predictions"]) == 3
