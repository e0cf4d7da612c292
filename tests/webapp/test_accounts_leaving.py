"""Somebody leaves, with everything: rows, keys, sessions, and the files on the disk."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from tests.pictures import picture_bytes
from tests.webapp.programs import api_client, assert_problem, send
from webapp.accounts.models import ApiKey, User
from webapp.belongings import leaving
from webapp.belongings.leaving import LastSuperuser, account_leave, leave_finish
from webapp.predictions import pictures, removal
from webapp.predictions.models import Prediction, RemovedPicture
from webapp.predictions.services import UploadNotKept, upload_accept
from webapp.recognizers.models import Recognizer

Uploads = Callable[..., list[Prediction]]


def files_in(folder: str | Path) -> list[str]:
    return sorted(path.name for path in Path(folder).rglob("*") if path.is_file())


def leave(client: Client, password: str) -> str:
    response = client.post("/account/delete/", {"password": password})
    assert response.status_code == 200, response.content.decode()
    return response.content.decode()


class KilledError(BaseException):
    """What ends a process."""


def test_who_leaves_takes_everything_along_and_nothing_of_anybody_else(
    owner: User, owner_client: Client, other: User, upload_of: Uploads, settings: Settings
) -> None:
    upload_of("red", "green")
    [kept] = upload_of("blue", by=other)
    api, elsewhere = api_client(owner), Client()
    elsewhere.force_login(owner)
    thumbnail = Prediction.objects.filter(owner=owner).values_list("public_id", flat=True)[0]
    assert owner_client.get(f"/predictions/{thumbnail}/thumbnail.jpg").status_code == 200
    assert len(files_in(settings.PICTURES_DIR)) == 4

    assert "2 pictures" in owner_client.get("/account/delete/").content.decode()
    assert "are gone" in leave(owner_client, "owner's password")
    assert list(User.objects.all()) == [other]
    assert list(Prediction.objects.all()) == [kept]
    assert not ApiKey.objects.exists()
    assert not RemovedPicture.objects.exists()
    assert files_in(settings.PICTURES_DIR) == [Path(kept.picture_name).name]
    for client in (owner_client, elsewhere):
        assert client.get("/history/")["Location"].startswith("/sign-in/")
    assert_problem(send(api, "red"), 401, "key_unknown")
    assert not Client().login(username="owner", password="owner's password")


def test_nobody_leaves_without_the_password(owner: User, owner_client: Client) -> None:
    for form in ({}, {"password": "wrong"}):
        response = owner_client.post("/account/delete/", form)
        assert response.status_code == 422
        assert 'role="alert"' in response.content.decode()
    assert User.objects.filter(pk=owner.pk, is_active=True).exists()


def test_the_last_superuser_stays(curator: User, curator_client: Client, owner: User) -> None:
    response = curator_client.post("/account/delete/", {"password": "curator's password"})
    assert response.status_code == 422
    assert "Make somebody else a superuser" in response.content.decode()
    owner.is_superuser = True
    owner.is_active = False  # could not do anything, either
    owner.save()
    with pytest.raises(LastSuperuser):
        account_leave(user=curator)
    owner.is_active = True
    owner.save()
    account_leave(user=curator)
    with pytest.raises(LastSuperuser):  # the other one has just gone
        account_leave(user=owner)


def test_what_a_killed_process_left_the_next_one_removes(
    owner: User, upload_of: Uploads, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at each step in turn: nothing is lost of what is still to do."""
    upload_of("red", "green", "blue")
    client = Client()
    client.force_login(owner)
    account_leave(user=owner)
    assert client.get("/history/").status_code == 302  # closed from the first step on

    def die(*arguments: object, **more: object) -> None:
        raise KilledError

    for module, name in (
        (leaving, "predictions_remove"),
        (leaving, "_remove_person"),
        (removal.pictures, "forget"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, die)
            with pytest.raises(KilledError):
                leave_finish(seconds=10)
        assert len(files_in(settings.PICTURES_DIR)) == 3
    assert not User.objects.exists()
    assert RemovedPicture.objects.count() == 3
    assert leave_finish(seconds=10)
    assert files_in(settings.PICTURES_DIR) == []
    assert not RemovedPicture.objects.exists()
    assert leave_finish(seconds=10)  # nothing to do is fine


def test_a_long_farewell_goes_on_in_steps(
    owner: User, upload_of: Uploads, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "REMOVED_AT_ONCE", 1)
    upload_of("red", "green", "blue")
    client = Client()
    client.force_login(owner)
    monkeypatch.setattr("webapp.belongings.views.LEAVE_SECONDS", -1.0)
    assert "within the next minutes" in leave(client, "owner's password")
    assert Prediction.objects.count() == 2
    assert client.get("/history/").status_code == 302
    assert leave_finish(seconds=10)
    assert not User.objects.exists()
    assert files_in(settings.PICTURES_DIR) == []


def test_an_upload_that_was_under_way_goes_too(
    owner: User, upload_of: Uploads, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who sent it was signed in a moment ago; its rows come when all others are removed."""
    account_leave(user=owner)
    remove = leaving._remove_person

    def upload_and_remove(person: User) -> None:
        upload_of("red")
        remove(person)

    monkeypatch.setattr(leaving, "_remove_person", upload_and_remove)
    assert leave_finish(seconds=10)
    assert not Prediction.objects.exists()
    assert files_in(settings.PICTURES_DIR) == []


@pytest.mark.django_db(transaction=True)
def test_an_upload_of_who_is_gone_already_keeps_nothing(
    owner: User, recognizer: Recognizer, settings: Settings
) -> None:
    gone = User.objects.get(pk=owner.pk)
    account_leave(user=owner)
    assert leave_finish(seconds=10)
    file = SimpleUploadedFile("red.jpg", picture_bytes())
    with pytest.raises(UploadNotKept):
        upload_accept(owner=gone, recognizer=recognizer, upload=uuid.uuid4(), files=[file])
    assert files_in(settings.PICTURES_DIR) == []


def test_files_wait_for_a_disk_that_is_away(
    owner: User, upload_of: Uploads, settings: Settings, tmp_path: Path
) -> None:
    """A share that is not mounted looks like a folder whose files are all gone."""
    upload_of("red")
    settings.PICTURES_DIR = tmp_path / "not mounted"
    account_leave(user=owner)
    assert not leave_finish(seconds=10)
    assert not User.objects.exists()
    settings.PICTURES_DIR = tmp_path / "pictures"
    assert leave_finish(seconds=10)
    assert files_in(settings.PICTURES_DIR) == []


def test_a_file_that_the_disk_keeps_holds_no_other_up(
    owner: User, upload_of: Uploads, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "REMOVED_AT_ONCE", 1)
    [stubborn, _] = upload_of("red", "green")
    path = pictures.path_of(stubborn.picture_name)
    path.unlink()
    path.mkdir()  # which `unlink` refuses
    account_leave(user=owner)
    assert not leave_finish(seconds=10)
    assert RemovedPicture.objects.get().picture_name == stubborn.picture_name
    path.rmdir()
    assert leave_finish(seconds=10)


# In the studio


def delete_in_studio(client: Client, *users: User) -> str:
    form = {
        "action": "delete_selected",
        "_selected_action": [user.pk for user in users],
        "post": "yes",
    }
    return client.post("/admin/accounts/user/", form, follow=True).content.decode()


def test_whoever_is_deleted_in_the_studio_leaves_with_their_files(
    owner: User,
    curator_client: Client,
    upload_of: Uploads,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    upload_of("red", "green")
    page = f"/admin/accounts/user/{owner.pk}/delete/"
    assert "owner, with 2 pictures" in curator_client.get(page).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        response = curator_client.post(page, {"post": "yes"})
    assert response.status_code == 302
    assert not User.objects.filter(username="owner").exists()
    assert not Prediction.objects.exists()
    assert files_in(settings.PICTURES_DIR) == []
    assert LogEntry.objects.count() == 1


def test_several_go_at_once_and_the_last_superuser_does_not(
    owner: User,
    other: User,
    curator: User,
    curator_client: Client,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    assert "at least one superuser must stay" in delete_in_studio(curator_client, owner, curator)
    assert User.objects.count() == 3
    with django_capture_on_commit_callbacks(execute=True):
        delete_in_studio(curator_client, owner, other)
    assert list(User.objects.all()) == [curator]
