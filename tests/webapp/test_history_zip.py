"""The history as a ZIP of labelled folders: whole, harmless, and never in memory at once."""

import io
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tests.webapp.rows import rows_of
from tests.webapp.streams import hang_up, pieces_of
from webapp.accounts.models import User
from webapp.predictions import downloads, history_views, paging, pictures, zipped
from webapp.predictions.folders import MAX_FOLDER_BYTES, Folders, file_name_for
from webapp.predictions.models import Prediction
from webapp.recognizers.models import Recognizer

ADDRESS = "/history/ocellus-pictures.zip"


@pytest.fixture(autouse=True)
def picture(settings: Settings) -> bytes:
    """What all rows of these tests show."""
    path = Path(settings.PICTURES_DIR) / "aa" / "nothing.jpg"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a picture, or as good as one" * 100)
    return path.read_bytes()


def opened(client: Client, **filters: str) -> zipfile.ZipFile:
    response = client.get(ADDRESS, filters)
    assert response["Content-Type"] == "application/zip"
    assert 'filename="ocellus-pictures-2' in response["Content-Disposition"]
    archive = zipfile.ZipFile(io.BytesIO(b"".join(pieces_of(response))))
    assert archive.testzip() is None
    return archive


def folders_in(archive: zipfile.ZipFile) -> list[str]:
    return [name.split("/")[0] for name in archive.namelist()]


def test_each_picture_is_in_the_folder_of_its_true_label(
    owner: User, other: User, owner_client: Client, recognizer: Recognizer, picture: bytes
) -> None:
    def add(**fields: Any) -> None:
        rows_of(owner, recognizer, 1, first=Prediction.objects.count(), **fields)

    add()
    add(label="wasp", verdict="right")
    add(verdict="wrong", true_label="hornet")
    add(verdict="wrong")
    add(is_outlier=True)
    add(is_outlier=True, verdict="wrong", true_label="bee")
    add(state="failed", label="")
    add(state="queued", label="")
    rows_of(other, recognizer, 1)
    archive = opened(owner_client)
    assert folders_in(archive) == ["bee", "none-of-these", "unlabelled", "hornet", "wasp", "bee"]
    for name in archive.namelist():
        assert archive.read(name) == picture
        assert re.fullmatch(r"[a-z-]+/picture-00\d-[0-9a-f]{32}\.jpg", name)


def test_the_filters_hold_and_one_that_cannot_be_understood_is_explained(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    rows_of(owner, recognizer, 2)
    rows_of(owner, recognizer, 1, first=2, verdict="wrong", true_label="wasp")
    assert folders_in(opened(owner_client, corrected="wrong")) == ["wasp"]
    assert owner_client.get(ADDRESS, {"label": "nothing"}).status_code == 302
    assert owner_client.get(ADDRESS, {"min": "x"})["Location"] == "/history/?min=x"


def test_where_nothing_is_answered_there_is_no_file_and_a_sentence_instead(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    [failed] = rows_of(owner, recognizer, 1, state="failed", label="", picture_name="")
    [waiting] = rows_of(owner, recognizer, 1, first=1, state="queued", label="")
    sentence = "Expected answered pictures for a ZIP"
    for filters in ("", "?state=failed", "?label=wasp", "?q=x"):
        response = owner_client.get(f"{ADDRESS}{filters}")
        assert response["Location"] == f"/history/{filters}"
        assert sentence in owner_client.get(response["Location"]).content.decode()
    chosen = {"selected": [str(failed.public_id), str(waiting.public_id)], "back": "label="}
    page = owner_client.post("/history/selected/zip/", chosen, follow=True).content.decode()
    assert sentence in page
    assert page.count("checked>") == 2, "what was selected still is"
    rows_of(owner, recognizer, 1, first=2)
    assert folders_in(opened(owner_client)) == ["bee"]


def test_the_selected_ones_and_nothing_of_others(
    owner: User, owner_client: Client, other_client: Client, recognizer: Recognizer
) -> None:
    rows = rows_of(owner, recognizer, 3)
    values = {"selected": [str(row.public_id) for row in rows[:2]]}

    def names(client: Client) -> list[str]:
        response = client.post("/history/selected/zip/", values)
        return zipfile.ZipFile(io.BytesIO(b"".join(pieces_of(response)))).namelist()

    assert len(names(owner_client)) == 2
    assert "Location" in other_client.post("/history/selected/zip/", values)


HOSTILE = [
    *("../x", "..\\x", "/etc/passwd", "C:\\x", "a/b", ".", "..", "...", " ", ".hidden"),
    *("CON", "con.txt", "Aux .jpg", "COM1", "lpt¹", "NUL", "CONIN$", "-rf", "a\x00b", "a\nb"),
    *("x" * 255, "蜂" * 255, "a:b", "what?", "*", "tail.", "tail ", "\u202egnp.exe", "\ud7ff"),
    *("none-of-these", "unlabelled", "Unlabelled", "e\u0301", "~", "%00", "\u2028"),
]


@pytest.mark.parametrize("label", HOSTILE, ids=ascii)
def test_no_label_leaves_its_place_or_is_taken_for_something_else(label: str) -> None:
    row = Prediction(state="done", label=label, file_name=f"{label}.jpg")
    folder = Folders().folder_of(row)
    assert folder is not None
    for name in (folder, file_name_for(row)):
        assert name.strip(" .") == name != ""
        assert not re.search(r'[<>:"/\\|?*\x00-\x1f]', name)
        assert not name.startswith(("-", "."))
        assert len(name.encode()) <= MAX_FOLDER_BYTES + 9
        stem = name.split(".")[0].strip().casefold()
        assert not re.fullmatch(r"con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]", stem)
    assert folder not in ("none-of-these", "unlabelled")


def test_two_labels_are_never_in_one_folder() -> None:
    folders = Folders()
    labels = ["Bee", "bee", "BEE", "a/b", "a:b", "a_b", "é", "e\u0301", "x" * 200, "x" * 201]
    named = {
        label: (folders.folder_of(Prediction(state="done", label=label)) or "").casefold()
        for label in labels * 2
    }
    assert len(set(named.values())) == len(labels)
    assert folders.folder_of(Prediction(state="done", label="Bee")) == "Bee"


def test_chunks_lose_and_repeat_nothing_and_pieces_are_small(
    owner: User, owner_client: Client, recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipped, "CHUNK_ROWS", 4)
    monkeypatch.setattr(downloads, "SENT_AT_ONCE", 1)
    for number in (4, 9):
        Prediction.objects.all().delete()
        rows = rows_of(owner, recognizer, number)
        pieces = pieces_of(owner_client.get(ADDRESS))
        archive = zipfile.ZipFile(io.BytesIO(b"".join(pieces)))
        numbers = [name[-36:-4] for name in archive.namelist()]
        assert numbers == [row.public_id.hex for row in reversed(rows)]
        assert max(map(len, pieces)) < 4000, "the table of contents comes last, and whole"


def test_another_program_can_read_it(
    owner: User, owner_client: Client, recognizer: Recognizer, tmp_path: Path
) -> None:
    unzip = shutil.which("unzip")
    if unzip is None:
        pytest.skip("unzip is not installed; on Debian: apt-get install unzip")
    rows_of(owner, recognizer, 3, label="Biene, 蜂")
    path = tmp_path / "pictures.zip"
    path.write_bytes(b"".join(pieces_of(owner_client.get(ADDRESS))))
    told = subprocess.run([unzip, "-t", path], check=True, capture_output=True, text=True)
    assert "No errors detected" in told.stdout


def test_too_many_for_one_archive_are_told_on_the_page(
    owner: User, owner_client: Client, recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipped, "MAX_PICTURES", 3)
    monkeypatch.setattr(history_views, "MAX_PICTURES", 3)
    rows_of(owner, recognizer, 3)
    rows_of(owner, recognizer, 1, first=3, label="wasp")
    for filters in ({}, {"q": "picture"}):
        response = owner_client.get(ADDRESS, filters)
        assert response["Location"] == f"/history/{'?q=picture' if filters else ''}"
        page = owner_client.get(response["Location"]).content.decode()
        assert "Expected at most 3 pictures for one ZIP" in page
    assert len(opened(owner_client, label="bee").namelist()) == 3
    assert len(opened(owner_client, q="wasp").namelist()) == 1


def test_a_search_is_counted_as_far_as_it_may_go(
    owner: User, owner_client: Client, recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "SEARCH_ROWS", 2)
    rows_of(owner, recognizer, 3, label="wasp")
    rows_of(owner, recognizer, 6, first=3)
    assert len(opened(owner_client, q="wasp").namelist()) == 3
    assert len(opened(owner_client, q="picture").namelist()) == 9
    monkeypatch.setattr(zipped, "MAX_PICTURES", 8)
    assert owner_client.get(ADDRESS, {"q": "picture"}).status_code == 302
    monkeypatch.setattr(paging, "MAX_SEARCHES", 3)
    assert owner_client.get(ADDRESS, {"q": "wasp"}).status_code == 302


def test_what_is_lost_on_the_disk_costs_only_itself(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    rows_of(owner, recognizer, 1)
    rows_of(owner, recognizer, 1, first=1, picture_name="bb/lost.jpg")
    assert len(opened(owner_client).namelist()) == 1


def test_one_download_of_a_person_at_a_time(
    owner: User, other: User, owner_client: Client, other_client: Client, recognizer: Recognizer
) -> None:
    rows_of(owner, recognizer, 1)
    rows_of(other, recognizer, 1)
    first = owner_client.get(ADDRESS)
    assert owner_client.get(ADDRESS).status_code == 503
    assert owner_client.get("/account/download/0-9.zip").status_code == 503, "of whatever kind"
    assert len(pieces_of(other_client.get(ADDRESS))) > 0
    hang_up(first)
    assert len(opened(owner_client).namelist()) == 1


def test_times_are_the_uploads_and_before_1980_there_were_none(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    old = timezone.now().replace(year=1975, month=5, day=4, hour=3, minute=2, second=1)
    rows_of(owner, recognizer, 1, created_at=old)
    [entry] = opened(owner_client).infolist()
    assert entry.date_time[0] == 1980
    assert pictures.path_of("aa/nothing.jpg").stat().st_size == entry.file_size
