"""manage.py classify: files and folders of this machine, as if somebody had uploaded them."""

import json
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.pictures import picture_bytes
from tests.stack import ROOT, Stack
from tests.webapp.away import database_away
from webapp.accounts.models import User
from webapp.api.management.commands import classify as module
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion, Recognizer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures, one of them deeper; and what is none."""
    folder = tmp_path / "photos"
    (folder / "deeper").mkdir(parents=True)
    for name in ("red.jpg", "deeper/green.JPG", "blue.png"):
        (folder / name).write_bytes(picture_bytes(Path(name).stem))
    (folder / "notes.txt").write_text("words")
    (folder / ".hidden.jpg").write_text("words")
    return folder


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch, live_version: ModelVersion) -> ModelVersion:
    """A worker answers while the command waits."""

    def answer(ids: set[int], *, seconds: float) -> bool:
        answer_all_queued()
        return True

    monkeypatch.setattr(module, "wait_until_answered", answer)
    return live_version


def classify(*arguments: object) -> tuple[list[str], str, int]:
    """The lines it wrote, what it wrote to stderr, and how it ended."""
    out, err = StringIO(), StringIO()
    try:
        call_command("classify", *map(str, arguments), stdout=out, stderr=err)
    except CommandError as error:
        return out.getvalue().splitlines(), f"{err.getvalue()}{error}", error.returncode
    return out.getvalue().splitlines(), err.getvalue(), 0


def test_a_folder_is_kept_and_answered_in_order(
    folder: Path, curator: User, answering: ModelVersion
) -> None:
    lines, told, status = classify(folder)
    assert status == 0, told
    assert [line.split("\t")[::2] for line in lines] == [
        ["blue", f"{folder}/blue.png"],
        ["red", f"{folder}/red.jpg"],
        ["green", f"{folder}/deeper/green.JPG"],
    ]
    assert all(line.split("\t")[1].endswith(" %") for line in lines)
    assert "3 files for Colours, kept in the history of curator." in told
    assert "1 other file in the folders is no picture" in told
    assert set(Prediction.objects.values_list("owner__username", "state")) == {("curator", "done")}


def test_as_json_each_line_is_what_the_api_has_and_the_file(
    folder: Path, owner: User, answering: ModelVersion
) -> None:
    lines, _, status = classify(folder / "red.jpg", folder / "notes.txt", "--user=owner", "--json")
    assert status == 1
    red, notes = map(json.loads, lines)
    row = Prediction.objects.get(label="red")
    assert (red["file"], red["id"], red["label"]) == (
        str(folder / "red.jpg"),
        str(row.public_id),
        "red",
    )
    assert red["top"][0]["label"] == "red"
    assert notes["state"] == "failed"
    assert notes["failure"]["code"] == "unknown_format"


def test_a_bad_file_gets_its_sentence_and_costs_no_other(
    folder: Path, curator: User, answering: ModelVersion
) -> None:
    (folder / "bad\n.jpg").write_bytes(b"words")
    secret = folder / "gone.jpg"
    secret.symlink_to(folder / "nowhere.jpg")
    lines, told, status = classify(folder)
    assert status == 1
    assert len(lines) == 3
    assert f"{folder}/bad�.jpg: Expected" in told
    assert "1 file was not answered." in told
    assert "2 other files" in told  # a link to nowhere is none


def test_a_file_that_cannot_be_read_costs_no_other(
    folder: Path, curator: User, answering: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Path.open

    def refuse(path: Path, *arguments: Any, **options: Any) -> object:
        if path.name == "red.jpg":
            raise PermissionError(13, "Permission denied")
        return read(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    lines, _, status = classify(folder, folder / "red.jpg", "--json")
    assert (len(lines), status) == (3, 1)
    assert [json.loads(line).get("failure") for line in lines][1] == {
        "code": "unreadable",
        "sentence": "It cannot be read: Permission denied.",
    }


def test_many_go_in_batches_of_what_one_upload_may_bring(
    folder: Path, curator: User, answering: ModelVersion, settings: Settings
) -> None:
    settings.MAX_FILES_PER_UPLOAD = 2
    lines, _, status = classify(folder)
    assert (len(lines), status) == (3, 0)
    assert Prediction.objects.values("upload").distinct().count() == 2


def test_without_a_worker_it_gives_up_and_says_that_they_are_kept(
    folder: Path, curator: User, live_version: ModelVersion
) -> None:
    lines, told, status = classify(folder, "--wait=0.2")
    assert (lines, status) == ([], 1)
    assert told.count("no answer has come for 0.2 seconds. Is Ocellus running?") == 3
    assert Prediction.objects.filter(state="queued").count() == 3


def test_what_is_deleted_meanwhile_is_told(
    folder: Path, curator: User, live_version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete(ids: set[int], *, seconds: float) -> bool:
        Prediction.objects.filter(pk__in=ids).delete()
        return True

    monkeypatch.setattr(module, "wait_until_answered", delete)
    assert "It was deleted before it was answered." in classify(folder / "red.jpg")[1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["no-such-place"], "Expected a picture or a folder, found none at no-such-place."),
        (["{}/empty"], "There is no picture in these folders."),
        (["{}", "--user=nobody"], "a person with an active account, received nobody"),
        (["{}", "--recognizer=birds"], "one of colours, received birds"),
    ],
)
def test_what_cannot_be_tried_ends_with_2_before_anything_is_kept(
    folder: Path, curator: User, live_version: ModelVersion, arguments: list[str], sentence: str
) -> None:
    (folder / "empty").mkdir()
    lines, told, status = classify(*(argument.format(folder) for argument in arguments))
    assert (lines, status) == ([], 2)
    assert sentence in told
    assert not Prediction.objects.exists()


def test_a_person_and_a_recognizer_must_be_named_where_they_are_not_plain(
    folder: Path, owner: User, recognizer: Recognizer, new_version: Callable[..., ModelVersion]
) -> None:
    assert "There is no superuser yet" in classify(folder)[1]
    User.objects.create_superuser("curator")
    assert "No recognizer can answer yet" in classify(folder)[1]
    for name in ("birds", "leaves"):
        ModelVersion.objects.create(
            recognizer=Recognizer.objects.create(name=name, slug=name),
            number=1,
            state="live",
            bundle_name=name,
            class_names=[],
            backbone="none",
        )
    _, told, status = classify(folder)
    assert "one of birds, leaves, received none" in told
    assert status == 2


def test_a_disk_or_a_database_that_is_away_is_told(
    folder: Path, curator: User, live_version: ModelVersion, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "not-a-folder").write_text("")
    settings.PICTURES_DIR = tmp_path / "not-a-folder"
    _, told, status = classify(folder)
    assert "could not be kept" in told
    assert status == 1
    with database_away():
        _, told, status = classify(folder)
    assert "The database does not answer" in told
    assert status == 2


@pytest.mark.slow
def test_it_works_from_a_shell_beside_the_running_processes(colours: Stack, folder: Path) -> None:
    colours.start("redis", "web", "inference")
    (folder / "bad.jpg").write_bytes(b"words")
    done = subprocess.run(
        [sys.executable, "manage.py", "classify", str(folder), "--user", "ada"],
        cwd=ROOT,
        env=colours.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert sorted(line.split("\t")[0] for line in done.stdout.splitlines()) == [
        "blue",
        "green",
        "red",
    ]
    assert "bad.jpg: Expected" in done.stderr
    assert colours.states() == {"done": 3, "failed": 1}
