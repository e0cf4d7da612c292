"""All that one has here, as a ZIP that is made while it is sent."""

import io
import json
import re
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests.webapp.streams import hang_up, pieces_of
from webapp.accounts.models import User
from webapp.accounts.services import api_key_create
from webapp.belongings import download
from webapp.belongings.download import parts_of
from webapp.predictions import downloads, pictures
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.models import Prediction
from webapp.predictions.sharing import prediction_share
from webapp.recognizers.models import ModelVersion

Uploads = Callable[..., list[Prediction]]


def links(client: Client) -> list[str]:
    return re.findall(
        r'href="(/account/download/[^"]+)"', client.get("/account/download/").content.decode()
    )


def opened(client: Client, link: str) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(b"".join(pieces_of(client.get(link)))))
    assert archive.testzip() is None
    return archive


def lines_of(archive: zipfile.ZipFile) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archive.read("predictions.jsonl").splitlines()]


def test_the_archive_holds_each_picture_its_answer_and_the_account(
    owner: User, owner_client: Client, live_version: ModelVersion, upload_of: Uploads
) -> None:
    owner.email = "ada@example.org"
    owner.save()
    _, key = api_key_create(owner=owner, name="camera trap")
    upload_of("red", "green")
    answer_all_queued()
    Prediction.objects.filter(label="green").update(verdict="wrong", true_label="lime")
    [shared] = Prediction.objects.filter(label="red")
    prediction_share(owner=owner, public_id=shared.public_id)
    shared.refresh_from_db()
    [link] = links(owner_client)
    archive = opened(owner_client, link)
    rows = list(Prediction.objects.order_by("id"))
    lines = lines_of(archive)
    assert [line["id"] for line in lines] == [str(row.public_id) for row in rows]
    assert [line["label"] for line in lines] == ["red", "green"]
    assert [line["file_name"] for line in lines] == ["red.jpg", "green.jpg"]
    assert [line["verdict"] for line in lines] == [None, "wrong"]
    assert [line["true_label"] for line in lines] == [None, "lime"]
    assert [line["share"] for line in lines] == [f"/s/{shared.share}/", None]
    for line, row in zip(lines, rows, strict=True):
        kept = pictures.path_of(row.picture_name).read_bytes()
        assert archive.read(line["picture"]) == kept
    account = json.loads(archive.read("account.json"))
    assert (account["user_name"], account["mail_address"]) == ("owner", "ada@example.org")
    assert [key["name"] for key in account["api_keys"]] == ["camera trap"]
    text = archive.read("account.json").decode()
    assert key not in text
    assert owner.password not in text
    assert len(archive.namelist()) == 4


def test_a_history_that_is_empty_still_gives_the_account(owner_client: Client) -> None:
    [link] = links(owner_client)
    assert opened(owner_client, link).namelist() == ["account.json", "predictions.jsonl"]


def test_a_large_history_comes_in_parts_that_miss_and_double_nothing(
    owner: User,
    other: User,
    owner_client: Client,
    upload_of: Uploads,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(download, "PICTURES_IN_PART", 2)
    monkeypatch.setattr(download, "ROWS_AT_ONCE", 1)
    for _ in range(5):
        upload_of("red")
        upload_of("green", by=other)
    assert [part.num_predictions for part in parts_of(owner)] == [2, 2, 1]
    seen = [
        line["id"] for link in links(owner_client) for line in lines_of(opened(owner_client, link))
    ]
    own = Prediction.objects.filter(owner=owner).order_by("id")
    assert seen == [str(row.public_id) for row in own]


def test_an_archive_is_sent_in_small_pieces_and_never_whole(
    owner_client: Client, upload_of: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_of(*["red"] * 20)
    monkeypatch.setattr(downloads, "SENT_AT_ONCE", 1)
    [link] = links(owner_client)
    pieces = pieces_of(owner_client.get(link))
    assert len(pieces) > 20
    largest = max(
        pictures.path_of(row.picture_name).stat().st_size for row in Prediction.objects.all()
    )
    assert max(map(len, pieces[:-1])) < largest + 20_000


def test_what_is_lost_on_the_disk_costs_only_itself(
    owner_client: Client, upload_of: Uploads
) -> None:
    [lost, kept] = upload_of("red", "green")
    pictures.forget(lost.picture_name)
    [link] = links(owner_client)
    archive = opened(owner_client, link)
    names = [name for name in archive.namelist() if name.startswith("pictures/")]
    assert len(names) == 1
    assert str(kept.public_id) in names[0]


def test_nobody_downloads_what_is_anothers(
    owner: User,
    owner_client: Client,
    other_client: Client,
    curator_client: Client,
    upload_of: Uploads,
) -> None:
    upload_of("red")
    [link] = links(owner_client)
    for client in (other_client, curator_client):
        archive = opened(client, link)
        assert lines_of(archive) == []
        assert "owner" not in archive.read("account.json").decode()
    assert Client().get(link).status_code == 302


def test_one_download_of_a_person_at_a_time(
    owner_client: Client, other_client: Client, upload_of: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each holds a thread of the web process for as long as the line takes."""
    upload_of("red")
    [link] = links(owner_client)
    first = owner_client.get(link)
    second = owner_client.get(link)
    assert second.status_code == 503
    assert second["Retry-After"]
    monkeypatch.setattr(downloads, "MAX_AT_ONCE", 1)
    assert other_client.get(link).status_code == 503
    hang_up(first)  # whoever asked has gone, before a byte was sent
    assert opened(owner_client, link)
    assert opened(other_client, link)


def test_numbers_beyond_all_rows_are_no_error(owner_client: Client) -> None:
    opened(owner_client, f"/account/download/0-{10**30}.zip")
    opened(owner_client, f"/account/download/{10**30}-0.zip")
