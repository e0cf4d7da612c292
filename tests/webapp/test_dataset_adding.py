"""New datasets: a folder on the server is taken, a ZIP is sent in pieces; neither leads anywhere else."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from tests.pictures import picture_bytes
from tests.webapp.datasets import dataset_of, do_job, folder_of, row_of, zip_of
from webapp.accounts.models import User
from webapp.studio.datasets import incoming, services, sweeping
from webapp.studio.datasets.adding import dataset_add_folder
from webapp.studio.datasets.incoming import PIECE_BYTES
from webapp.studio.datasets.pictures import thumbnail_of
from webapp.studio.models import Dataset, Job

State = Dataset.State
NEW = "/admin/studio/datasets/new/"


@pytest.fixture(autouse=True)
def _datasets_folder(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()


class Sender:
    """What the page's script does."""

    def __init__(
        self, client: Client, data: bytes, name: str = "bugs.zip", title: str = ""
    ) -> None:
        self.client, self.data, self.name, self.title = client, data, name, title
        self.upload = ""

    def begin(self) -> dict[str, Any]:
        values = {"file_name": self.name, "num_bytes": len(self.data), "modified": "7"}
        answer = self.client.post(f"{NEW}zip/begin/", {**values, "name": self.title}).json()
        self.upload = answer.get("upload", "")
        return dict(answer)

    def piece(self, at: int, num_bytes: int = PIECE_BYTES) -> HttpResponse:
        return self.client.post(
            f"{NEW}zip/piece/?upload={self.upload}&at={at}",
            self.data[at : at + num_bytes],
            content_type="application/octet-stream",
        )

    def finish(self) -> HttpResponse:
        return self.client.post(f"{NEW}zip/finish/?upload={self.upload}")

    def send(self, num_bytes: int = PIECE_BYTES) -> Dataset:
        received = self.begin()["received"]
        while received < len(self.data):
            received = self.piece(received, num_bytes).json()["received"]
        address = self.finish().json()["address"]
        return Dataset.objects.get(pk=address.rstrip("/").rpartition("/")[2])


SendZip = Callable[..., Dataset]


@pytest.fixture
def send(curator_client: Client) -> SendZip:
    """Send a ZIP and have it read."""

    def send_zip(data: bytes, **options: str) -> Dataset:
        dataset = Sender(curator_client, data, **options).send()
        do_job(dataset)
        dataset.refresh_from_db()
        return dataset

    return send_zip


def test_a_folder_that_is_no_dataset_yet_is_offered_and_taken(curator_client: Client) -> None:
    folder_of("bugs")
    assert "bugs" in curator_client.get(NEW).content.decode()
    response = curator_client.post(NEW, {"folder_name": "bugs", "name": "Garden bugs"})
    dataset = Dataset.objects.get()
    assert response["Location"] == reverse("studio:dataset", args=[dataset.pk])
    assert "waits for its turn" in curator_client.get(response["Location"]).content.decode()
    do_job(dataset)
    dataset.refresh_from_db()
    assert (dataset.name, dataset.state, dataset.examples.count()) == (
        "Garden bugs",
        State.READY,
        5,
    )
    assert 'value="bugs"' not in curator_client.get(NEW).content.decode()


def test_a_link_that_leads_out_is_not_offered_and_refused_if_posted(
    curator_client: Client, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere" / "ant").mkdir(parents=True)
    (tmp_path / "datasets" / "linked").symlink_to(tmp_path / "elsewhere")
    assert "linked" not in curator_client.get(NEW).content.decode()
    for name in ("linked", "../elsewhere", ".", "", ".hidden", "\0"):
        response = curator_client.post(NEW, {"folder_name": name})
        assert response.status_code == 422
        assert "Expected " in response.content.decode()
    assert not Dataset.objects.exists()


@pytest.mark.parametrize("name", ["ant", "bee/2.jpg"])
def test_a_link_inside_that_leads_out_is_refused_with_its_name(
    curator_client: Client, tmp_path: Path, name: str
) -> None:
    link = folder_of("bugs") / name
    shutil.move(link, tmp_path / "elsewhere")
    link.symlink_to(tmp_path / "elsewhere")
    curator_client.post(NEW, {"folder_name": "bugs"})
    job = do_job(Dataset.objects.get())
    assert f"“{name}” leads out" in job.failure_sentence
    page = curator_client.get(reverse("studio:dataset", args=[job.dataset_id])).content.decode()
    assert f"“{name}” leads out" in page


def test_a_form_sent_twice_makes_one_dataset(curator_client: Client) -> None:
    folder_of("bugs")
    curator_client.post(NEW, {"folder_name": "bugs"})
    second = curator_client.post(NEW, {"folder_name": "bugs"})
    assert "is the dataset “bugs” already" in second.content.decode()
    assert (Dataset.objects.count(), Job.objects.count()) == (1, 1)


@pytest.mark.parametrize("origin", ["folder", "upload"])
def test_of_two_new_datasets_with_one_name_the_second_is_given_the_next_that_is_free(
    curator: User, send: SendZip, monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    folder_of("garden")

    def free_while_another_is_made(name: str) -> str:
        monkeypatch.undo()
        Dataset.objects.create(name=name, folder_name="another")
        return name

    monkeypatch.setattr(services, "free_name", free_while_another_is_made)
    if origin == "folder":
        dataset = dataset_add_folder(folder_name="garden", name="Garden", created_by=curator)
    else:
        dataset = send(zip_of(), title="Garden")
    assert dataset.name == "Garden 2"


def test_a_zip_in_pieces_becomes_a_dataset_named_as_the_file(curator_client: Client) -> None:
    dataset = Sender(curator_client, zip_of(), name="Käfer & Co.zip").send(num_bytes=700)
    assert (dataset.name, dataset.origin) == ("Käfer & Co", Dataset.Origin.UPLOAD)
    assert do_job(dataset).state == Job.State.SUCCEEDED
    dataset.refresh_from_db()
    assert dataset.state == State.READY
    assert row_of(dataset, "ant/1.jpg").label == "ant"
    assert row_of(dataset, "ant/1.jpg").file.is_file()
    assert not list(incoming.root().iterdir()), "nothing of the ZIP is left"


def test_a_zip_that_broke_off_goes_on_where_it_was(curator_client: Client) -> None:
    data = zip_of()
    first = Sender(curator_client, data)
    assert first.begin()["received"] == 0
    first.piece(0, 1000)
    again = Sender(curator_client, data)  # the page was loaded anew, the same file chosen
    assert again.begin()["received"] == 1000
    assert again.piece(0, 1000).json()["received"] == 1000, "what comes twice is there once"
    assert "so far" in again.finish().json()["problem"]
    assert again.piece(1000).json()["received"] == len(data)
    address = again.finish().json()["address"]
    assert again.finish().json()["address"] == address, "pressed twice"
    assert do_job(Dataset.objects.get()).state == Job.State.SUCCEEDED
    assert again.begin() == {"address": address}, "the same file is the same dataset"
    assert Job.objects.count() == 1


def test_another_file_or_another_curator_begins_anew(
    curator_client: Client, admin_client: Client
) -> None:
    data = zip_of()
    first = Sender(curator_client, data)
    first.begin()
    first.piece(0, 100)
    for sender in (
        Sender(curator_client, data, name="other.zip"),
        Sender(curator_client, data[:-1]),
        Sender(admin_client, data),
    ):
        assert sender.begin()["received"] == 0


def test_a_csv_manifest_in_a_zip_names_the_classes(send: SendZip) -> None:
    files = {"all/list.csv": b"path,label,split\nx/1.jpg,ant,train\nx/2.jpg,bee,val\n"}
    dataset = send(
        zip_of({**files, "all/x/1.jpg": picture_bytes(), "all/x/2.jpg": picture_bytes()})
    )
    assert dataset.state == State.READY
    assert row_of(dataset, "x/2.jpg").label == "bee"
    assert row_of(dataset, "x/2.jpg").split == "val"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"no zip at all", "Expected a ZIP"),
        (zip_of()[:-30], "Expected a ZIP"),
        (zip_of({"../../ant/1.jpg": b"x"}), "paths that stay"),
        (zip_of({"a/1.jpg": b"x", "a/inner.zip": b"x"}), "no archives"),
        (zip_of({"a/1.jpg": b"0" * 5_000_000}), ""),
        (zip_of({"notes.txt": b"no pictures"}), "one subfolder for each class"),
    ],
    ids=["no zip", "cut off", "leads out", "nested", "whole", "no classes"],
)
def test_a_zip_that_is_refused_says_why_on_its_page(
    curator_client: Client, send: SendZip, data: bytes, told: str, tmp_path: Path
) -> None:
    dataset = send(data)
    page = curator_client.get(reverse("studio:dataset", args=[dataset.pk])).content.decode()
    assert told in page
    assert ("could not be read" in page) == (dataset.state == State.FAILED) == bool(told)
    assert str(tmp_path) not in page, "where things lie on the server is nobody's business"
    assert not list((tmp_path / "datasets").glob(".*")), "nothing half unpacked is left"


def test_what_was_refused_may_be_deleted_and_sent_again(
    curator_client: Client, send: SendZip
) -> None:
    failed = send(b"no zip at all")
    curator_client.post(reverse("studio:dataset_remove", args=[failed.pk]))
    assert not Dataset.objects.exists()
    assert Sender(curator_client, b"no zip at all").begin()["received"] == 0


def test_a_full_disk_is_told_before_anything_is_sent(
    curator_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")._replace(free=600 * 2**20)
    monkeypatch.setattr(incoming.shutil, "disk_usage", lambda path: usage)
    data = b"x" * 100  # announced as much larger
    response = curator_client.post(
        f"{NEW}zip/begin/", {"file_name": "a.zip", "num_bytes": str(300 * 2**20), "modified": "1"}
    )
    assert response.status_code == 422
    assert "501 MB of them are missing" in response.json()["problem"]
    assert Sender(curator_client, data).begin()["received"] == 0, "a small one fits"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"file_name": "a.tar", "num_bytes": "5"}, "a.tar"),
        ({"file_name": "a.zip", "num_bytes": "0"}, "empty"),
        ({"file_name": "a.zip", "num_bytes": str(10**14)}, "at most"),
        ({"file_name": "a.zip", "num_bytes": "5", "name": "Bugs"}, "named “Bugs” already"),
    ],
)
def test_what_is_not_taken_is_told_at_once(
    curator_client: Client, values: dict[str, str], told: str
) -> None:
    Dataset.objects.create(name="Bugs", folder_name="bugs")
    response = curator_client.post(f"{NEW}zip/begin/", values)
    assert response.status_code == 422
    assert told in response.json()["problem"]


def test_a_piece_of_nothing_that_was_begun_or_too_much_of_it_is_refused(
    curator_client: Client, tmp_path: Path
) -> None:
    sender = Sender(curator_client, b"x" * 10)
    sender.begin()
    sender.data = b"x" * 11
    assert sender.piece(0).status_code == 422
    for upload in ("", "../secret", "0" * 32):
        sender.upload = upload
        assert sender.piece(0).status_code == 422
        assert sender.finish().status_code == 422


def test_what_is_cancelled_leaves_nothing(curator_client: Client) -> None:
    sender = Sender(curator_client, zip_of())
    sender.begin()
    sender.piece(0, 100)
    curator_client.post(f"{NEW}zip/drop/?upload={sender.upload}")
    assert not list(incoming.root().iterdir())


def test_parts_that_nobody_goes_on_with_for_a_day_are_swept(curator_client: Client) -> None:
    old, new, waiting = (
        Sender(curator_client, zip_of(), name=name) for name in ("old.zip", "new.zip", "wait.zip")
    )
    for sender in (old, new):
        sender.begin()
        sender.piece(0, 100)
    waiting.send()  # its job waits for a worker
    yesterday = time.time() - 25 * 3600
    for sender in (old, waiting):
        folder = incoming.root() / sender.upload
        for path in (*folder.iterdir(), folder):
            os.utime(path, (yesterday, yesterday))
    sweeping.sweep()
    left = {path.name for path in incoming.root().iterdir()}
    assert left == {new.upload, waiting.upload}


def test_half_unpacked_folders_of_nobody_are_swept(curator_client: Client, tmp_path: Path) -> None:
    dataset = Sender(curator_client, zip_of()).send()
    for name in (f".unpacking-{dataset.pk}", ".unpacking-99", ".deleted-x"):
        folder = tmp_path / "datasets" / name
        folder.mkdir()
        os.utime(folder, (1, 1))
    sweeping.sweep()
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == [f".unpacking-{dataset.pk}"]
    assert do_job(dataset).state == Job.State.SUCCEEDED, (
        "what a killed worker left is in nobody's way"
    )


@pytest.mark.usefixtures("db")
def test_a_folder_that_another_worker_sweeps_at_the_same_moment_stops_nothing(
    tmp_path: Path,
) -> None:
    root = tmp_path / "datasets"
    (root / ".deleted-a").symlink_to(tmp_path / "gone")  # listed, and not there any more
    for name in (".deleted-b", ".unpacking-99"):
        (root / name).mkdir()
        os.utime(root / name, (1, 1))
    sweeping.sweep()
    assert [path.name for path in root.iterdir()] == [".deleted-a"]


@pytest.mark.usefixtures("db")
def test_small_pictures_made_long_ago_are_swept_and_made_again_when_looked_at(
    tmp_path: Path,
) -> None:
    def thumbnails() -> set[Path]:
        return set((tmp_path / "cache" / "thumbnails").rglob("*.*"))

    old, new = dataset_of("bugs").examples.all()[:2]
    thumbnail_of(old)
    [file] = thumbnails()
    thumbnail_of(new)
    long_ago = time.time() - 31 * 24 * 3600
    part = file.with_name(".killed.part")
    part.touch()
    for each in (file, part):
        os.utime(each, (long_ago, long_ago))
    sweeping.sweep()
    assert len(thumbnails()) == 1
    assert file not in thumbnails()
    thumbnail_of(old)
    assert file in thumbnails()


def test_a_worker_that_died_after_unpacking_has_not_lost_it(curator_client: Client) -> None:
    dataset = Sender(curator_client, zip_of()).send()
    folder_of(dataset.folder_name)  # renamed, and killed before it was read
    assert do_job(dataset).state == Job.State.SUCCEEDED
    assert dataset.examples.count() == 5


def test_read_again_a_folder_that_is_gone_says_so(curator_client: Client, tmp_path: Path) -> None:
    folder_of("bugs")
    curator_client.post(NEW, {"folder_name": "bugs"})
    dataset = Dataset.objects.get()
    do_job(dataset)
    (tmp_path / "datasets" / "bugs").rename(tmp_path / "away")
    curator_client.post(reverse("studio:dataset_read_again", args=[dataset.pk]))
    job = do_job(dataset)
    assert "found none" in job.failure_sentence
    dataset.refresh_from_db()
    assert dataset.state == State.READY, "what was read stays"
    (tmp_path / "away").rename(tmp_path / "datasets" / "bugs")
    curator_client.post(reverse("studio:dataset_read_again", args=[dataset.pk]))
    assert do_job(dataset).result == {"new": 0, "gone": 0}
