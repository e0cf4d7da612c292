"""The upload form and what it keeps."""

import uuid
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from tests.bundles import colour_bundle
from tests.pictures import picture_bytes
from tests.webapp.versions import go_live
from tests.webapp.zips import zip_bytes
from webapp.accounts.models import User
from webapp.predictions import pictures, services
from webapp.predictions.incoming import clean_file_name
from webapp.predictions.models import Prediction
from webapp.predictions.services import UploadNotKept, upload_accept
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.recognizers.services import version_create

State = Prediction.State


def send(client: Client, recognizer: Recognizer, *files: SimpleUploadedFile, **more: str) -> object:
    values = {"recognizer": recognizer.pk, "upload": str(uuid.uuid4()), **more}
    return client.post("/", {**values, "pictures": list(files)})


def test_several_files_become_queued_predictions_in_their_order(
    owner_client: Client, live_version: ModelVersion, recognizer: Recognizer
) -> None:
    files = [SimpleUploadedFile(f"{c}.jpg", picture_bytes(c)) for c in ("red", "green", "blue")]
    response = send(owner_client, recognizer, *files)
    rows = list(Prediction.objects.order_by("position"))
    assert [row.file_name for row in rows] == ["red.jpg", "green.jpg", "blue.jpg"]
    assert {row.state for row in rows} == {State.QUEUED}
    assert response.status_code == 302  # type: ignore[attr-defined]
    assert response["Location"] == f"/uploads/{rows[0].upload}/"  # type: ignore[index]


def test_one_bad_file_does_not_cost_the_others(
    owner_client: Client, live_version: ModelVersion, recognizer: Recognizer
) -> None:
    send(
        owner_client,
        recognizer,
        SimpleUploadedFile("a.jpg", picture_bytes("red")),
        SimpleUploadedFile("notes.jpg", b"these are words, not a picture"),
        SimpleUploadedFile("b.jpg", picture_bytes("blue")),
    )
    states = list(Prediction.objects.order_by("position").values_list("state", flat=True))
    assert states == [State.QUEUED, State.FAILED, State.QUEUED]
    refused = Prediction.objects.get(position=1)
    assert refused.failure_code == "unknown_format"
    assert "JPEG, PNG" in refused.failure_sentence
    assert not refused.picture_name


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.jpg", b"", "empty"),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unknown_format"),
        ("half.jpg", picture_bytes(size=(400, 300))[:2000], "damaged"),
        ("script.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "unknown_format"),
    ],
)
def test_what_is_no_picture_is_in_the_history_with_its_sentence(
    owner_client: Client,
    live_version: ModelVersion,
    recognizer: Recognizer,
    name: str,
    content: bytes,
    code: str,
) -> None:
    response = send(owner_client, recognizer, SimpleUploadedFile(name, content))
    assert response.status_code == 302  # type: ignore[attr-defined]
    prediction = Prediction.objects.get()
    assert (prediction.state, prediction.failure_code) == (State.FAILED, code)
    page = owner_client.get("/history/").content.decode()
    assert name in page
    assert "Expected" in page


def test_a_file_over_the_limit_is_refused_before_it_is_read(
    owner: User, recognizer: Recognizer
) -> None:
    class Huge(SimpleUploadedFile):
        def read(self, *args: object, **kwargs: object) -> bytes:
            raise AssertionError("it was read")

    file = Huge("huge.jpg", b"x")
    file.size = 10**9
    [row] = upload_accept(owner=owner, recognizer=recognizer, upload=uuid.uuid4(), files=[file])
    assert row.failure_code == "too_many_bytes"
    assert "at most 32 MB" in row.failure_sentence


def test_what_is_kept_is_encoded_anew_under_a_name_that_nobody_chose(
    owner: User, recognizer: Recognizer, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a secret description"
    buffer = BytesIO()
    Image.new("RGB", (50, 40), "red").save(buffer, "JPEG", exif=exif)
    hostile = buffer.getvalue() + b"<script>alert(1)</script>"
    file = SimpleUploadedFile("x.jpg", hostile)
    [row] = upload_accept(owner=owner, recognizer=recognizer, upload=uuid.uuid4(), files=[file])
    kept = (tmp_path / "pictures" / row.picture_name).read_bytes()
    assert b"script" not in kept
    assert b"secret" not in kept
    assert "x" not in Path(row.picture_name).stem
    assert Image.open(BytesIO(kept)).size == (50, 40)


def test_a_large_picture_is_kept_smaller(owner: User, recognizer: Recognizer) -> None:
    file = SimpleUploadedFile("large.jpg", picture_bytes(size=(3000, 2000)))
    [row] = upload_accept(owner=owner, recognizer=recognizer, upload=uuid.uuid4(), files=[file])
    assert (row.width, row.height) == (3000, 2000)
    assert Image.open(pictures.path_of(row.picture_name)).size == (960, 640)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\pictures\\bee.jpg", "bee.jpg"),
        ("bee\x00\n.jpg", "bee.jpg"),
        ("b" * 300, "b" * 255),
        ("蜜蜂.jpg", "蜜蜂.jpg"),
    ],
)
def test_a_file_name_is_shown_without_its_dangers(given: str, shown: str) -> None:
    assert clean_file_name(given) == shown


def test_the_same_form_sent_twice_makes_one_record(
    owner_client: Client, live_version: ModelVersion, recognizer: Recognizer, tmp_path: Path
) -> None:
    upload = str(uuid.uuid4())
    pages = set()
    for _ in range(2):
        file = SimpleUploadedFile("a.jpg", picture_bytes())
        response = send(owner_client, recognizer, file, upload=upload)
        pages.add(response["Location"])  # type: ignore[index]
    assert pages == {f"/uploads/{Prediction.objects.get().upload}/"}
    assert len(list((tmp_path / "pictures").rglob("*.jpg"))) == 1


def test_the_same_form_with_other_files_is_another_upload(
    owner_client: Client, live_version: ModelVersion, recognizer: Recognizer
) -> None:
    """A browser's Back brings the page again, hidden fields and all."""
    upload = str(uuid.uuid4())
    for colours in (("red",), ("blue", "green"), ("blue",)):
        files = [SimpleUploadedFile("a.jpg", picture_bytes(c)) for c in colours]
        send(owner_client, recognizer, *files, upload=upload)
    assert Prediction.objects.count() == 4
    assert Prediction.objects.values("upload").distinct().count() == 3


def test_nothing_a_nudge_meets_undoes_an_upload(
    owner: User,
    recognizer: Recognizer,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    def fail() -> bool:
        raise OSError("an odd broker")

    monkeypatch.setattr(services, "nudge_inference", fail)
    file = SimpleUploadedFile("a.jpg", picture_bytes())
    with django_capture_on_commit_callbacks(execute=True):
        [row] = upload_accept(owner=owner, recognizer=recognizer, upload=uuid.uuid4(), files=[file])
    assert row.picture_path.is_file()
    assert Prediction.objects.get().state == State.QUEUED


def test_another_visitors_upload_id_is_no_obstacle(
    owner: User, other: User, recognizer: Recognizer
) -> None:
    upload = uuid.uuid4()
    for person in (owner, other):
        file = SimpleUploadedFile("a.jpg", picture_bytes())
        upload_accept(owner=person, recognizer=recognizer, upload=upload, files=[file])
    assert Prediction.objects.count() == 2


def test_a_full_disk_keeps_nothing_and_says_so(
    owner: User,
    owner_client: Client,
    live_version: ModelVersion,
    recognizer: Recognizer,
    settings: Settings,
    tmp_path: Path,
) -> None:
    (tmp_path / "not-a-folder").write_text("")
    settings.PICTURES_DIR = tmp_path / "not-a-folder"  # the disk takes nothing here
    file = SimpleUploadedFile("a.jpg", picture_bytes())
    with pytest.raises(UploadNotKept):
        upload_accept(owner=owner, recognizer=recognizer, upload=uuid.uuid4(), files=[file])
    response = send(owner_client, recognizer, SimpleUploadedFile("a.jpg", picture_bytes()))
    assert response.status_code == 503  # type: ignore[attr-defined]
    assert "send them again" in response.content.decode()  # type: ignore[attr-defined]
    assert not Prediction.objects.exists()


def test_a_form_without_pictures_is_explained(
    owner_client: Client, live_version: ModelVersion, recognizer: Recognizer
) -> None:
    response = send(owner_client, recognizer)
    assert response.status_code == 422  # type: ignore[attr-defined]
    assert "Choose at least one picture." in response.content.decode()  # type: ignore[attr-defined]


def test_of_more_files_than_allowed_the_first_are_taken_and_it_is_said(
    owner_client: Client, live_version: ModelVersion, recognizer: Recognizer, settings: Settings
) -> None:
    settings.MAX_FILES_PER_UPLOAD = 2
    files = [SimpleUploadedFile(f"{i}.jpg", picture_bytes()) for i in range(5)]
    response = send(owner_client, recognizer, *files)
    names = Prediction.objects.order_by("position").values_list("file_name", flat=True)
    assert list(names) == ["0.jpg", "1.jpg"]
    page = owner_client.get(response["Location"]).content.decode()  # type: ignore[index]
    assert "The first 2 were taken; please send the others (3) in another upload." in page


def test_far_more_files_than_allowed_are_explained_with_a_413(
    owner_client: Client, live_version: ModelVersion, recognizer: Recognizer
) -> None:
    files = [SimpleUploadedFile(f"{i}.jpg", b"x") for i in range(501)]
    response = send(owner_client, recognizer, *files)
    assert response.status_code == 413  # type: ignore[attr-defined]
    assert "at most 300 files" in response.content.decode()  # type: ignore[attr-defined]
    assert not Prediction.objects.exists()


def test_a_zip_in_the_form_becomes_its_pictures(
    owner_client: Client, live_version: ModelVersion, recognizer: Recognizer
) -> None:
    upload = str(uuid.uuid4())
    content = zip_bytes(("a.jpg", picture_bytes("red")), ("b.jpg", picture_bytes("blue")))
    for _ in range(2):  # a double click
        response = send(
            owner_client, recognizer, SimpleUploadedFile("trip.zip", content), upload=upload
        )
    names = Prediction.objects.order_by("position").values_list("file_name", flat=True)
    assert list(names) == ["a.jpg", "b.jpg"]
    assert response.status_code == 302  # type: ignore[attr-defined]


def test_the_limits_are_said_before_anything_is_sent(
    owner_client: Client, live_version: ModelVersion
) -> None:
    page = owner_client.get("/").content.decode()
    assert "JPEG, PNG, WebP, GIF, BMP, HEIC, AVIF; up to 300 pictures of at most 32 MB" in page
    assert 'data-max-files="300"' in page
    assert f'data-max-bytes="{32 * 1024 * 1024}"' in page


def test_each_recognizer_shows_what_it_knows(
    owner_client: Client, live_version: ModelVersion
) -> None:
    ModelVersion.objects.update(class_names=[f"class {i}" for i in range(100)])
    Recognizer.objects.update(description="Tells <colours> apart.")
    page = owner_client.get("/").content.decode()
    assert "Colours knows 100 classes" in page
    assert "Tells &lt;colours&gt; apart." in page
    assert "<li>class 29</li>" in page
    assert "<li>class 30</li>" not in page
    assert "and 70 more" in page


def test_the_recognizer_that_somebody_asked_last_is_chosen(
    owner_client: Client,
    other_client: Client,
    live_version: ModelVersion,
    recognizer: Recognizer,
    tmp_path: Path,
) -> None:
    another = Recognizer.objects.create(name="A first one", slug="first")
    bundle = colour_bundle(tmp_path / "bundles" / "first")
    go_live(version_create(recognizer=another, bundle=bundle))
    chosen = f'<option value="{recognizer.pk}" selected>'
    assert chosen not in owner_client.get("/").content.decode()
    send(owner_client, recognizer, SimpleUploadedFile("a.jpg", picture_bytes()))
    assert chosen in owner_client.get("/").content.decode()
    assert chosen not in other_client.get("/").content.decode()


def test_a_body_over_the_limit_is_explained_with_a_413(owner_client: Client) -> None:
    response = owner_client.generic("POST", "/", b"", CONTENT_LENGTH=str(10**10))
    assert response.status_code == 413
    assert "at most 512 MB" in response.content.decode()


@pytest.mark.django_db
def test_large_bodies_are_for_the_upload_form_of_somebody_signed_in(
    client: Client, owner_client: Client
) -> None:
    large = str(4 * 1024 * 1024)
    assert client.generic("POST", "/", b"", CONTENT_LENGTH=large).status_code == 413
    assert owner_client.generic("POST", "/sign-in/", b"", CONTENT_LENGTH=large).status_code == 413
    assert owner_client.generic("POST", "/", b"", CONTENT_LENGTH=large).status_code != 413


def test_a_recognizer_without_a_live_version_is_not_offered(
    owner_client: Client, recognizer: Recognizer
) -> None:
    assert "No recognizer can answer yet" in owner_client.get("/").content.decode()
    response = send(owner_client, recognizer, SimpleUploadedFile("a.jpg", picture_bytes()))
    assert response.status_code == 422  # type: ignore[attr-defined]
    assert not Prediction.objects.exists()


def test_the_broker_being_away_loses_nothing(
    upload_of: Callable[..., list[Prediction]],
) -> None:
    """There is no Redis in this test at all."""
    [row] = upload_of("red")
    assert Prediction.objects.get(pk=row.pk).state == State.QUEUED
