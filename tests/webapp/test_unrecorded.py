"""Pictures that were kept by an upload which died before its rows were written."""

import os
import time
import uuid
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from pytest_django import Settings

from tests.pictures import picture_bytes
from webapp.accounts.models import User
from webapp.predictions import unrecorded
from webapp.predictions.models import Prediction
from webapp.predictions.services import UploadNotKept, upload_accept
from webapp.recognizers.models import Recognizer


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def send(owner: User, recognizer: Recognizer) -> list[Prediction]:
    file = SimpleUploadedFile("red.jpg", picture_bytes())
    return upload_accept(owner=owner, recognizer=recognizer, upload=None, files=[file])


class KilledError(BaseException):
    """What ends a process ends the block as well, but lets it do nothing."""


@pytest.fixture
def left_behind(
    owner: User, recognizer: Recognizer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The pictures' folder after a process was killed between its pictures and their rows."""

    def die(rows: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(Prediction.objects, "bulk_create", die)
        patch.setattr(unrecorded, "_settle", lambda note, names: None)
        with pytest.raises(KilledError):
            send(owner, recognizer)
    return Path(settings.PICTURES_DIR)


def test_an_upload_leaves_nothing_but_its_pictures(
    owner: User, recognizer: Recognizer, settings: Settings
) -> None:
    [row] = send(owner, recognizer)
    assert files_in(Path(settings.PICTURES_DIR)) == [Path(row.picture_name).name]


def test_what_a_killed_upload_left_is_removed_after_a_day(
    left_behind: Path, owner: User, recognizer: Recognizer
) -> None:
    [kept] = send(owner, recognizer)
    assert len(files_in(left_behind)) == 3  # two pictures and a note
    unrecorded.sweep()
    assert len(files_in(left_behind)) == 3, "it may still be under way"
    [note] = (left_behind / ".unrecorded").iterdir()
    yesterday = time.time() - unrecorded.OLD_SECONDS - 1
    os.utime(note, (yesterday, yesterday))
    unrecorded.sweep()
    assert files_in(left_behind) == [Path(kept.picture_name).name]


def test_a_note_whose_rows_were_written_removes_nothing(
    owner: User, recognizer: Recognizer, settings: Settings
) -> None:
    """The commit had succeeded, and the process died before it could tell."""
    [row] = send(owner, recognizer)
    folder = Path(settings.PICTURES_DIR)
    note = folder / ".unrecorded" / f"{owner.pk}.{row.upload.hex}.{uuid.uuid4().hex}"
    note.write_text(row.picture_name)
    os.utime(note, (0, 0))
    unrecorded.sweep()
    assert files_in(folder) == [Path(row.picture_name).name]


def test_while_the_database_is_away_pictures_and_note_stay(
    owner: User, recognizer: Recognizer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def away(*args: object, **more: object) -> None:
            patch.setattr(Prediction.objects, "filter", away)
            raise OperationalError("it is away")

        patch.setattr(Prediction.objects, "bulk_create", away)
        with pytest.raises(UploadNotKept):
            send(owner, recognizer)
    folder = Path(settings.PICTURES_DIR)
    assert len(files_in(folder)) == 2
    [note] = (folder / ".unrecorded").iterdir()
    os.utime(note, (0, 0))
    unrecorded.sweep()
    assert files_in(folder) == []
