"""The studio's worker is killed while it unpacks a ZIP: the next one begins anew, and it is whole."""

import io
import zipfile

import pytest

from tests.stack import Stack, Visitor
from tests.waiting import wait_for

NUM_FILES = 6000
NEW = "/admin/studio/datasets/new/"


@pytest.mark.slow
def test_an_import_whose_worker_is_killed_is_done_by_the_next(stack: Stack) -> None:
    stack.create_users("curator", is_staff=True)
    stack.start("redis", "web", "studio")
    datasets = stack.data_dir / "datasets"
    with stack.signed_in("curator") as curator:
        dataset = _send(curator, _many_files())
        [unpacking] = wait_for(lambda: [*datasets.glob(".unpacking-*")], what="the unpacking")
        wait_for(lambda: any(unpacking.rglob("*.jpg")), what="the first files")
        stack.kill("studio")
        assert unpacking.is_dir(), "killed in the middle"
        assert not list(datasets.glob("bugs*")), "nothing half whole is taken for a folder"
        stack.shell(
            "from datetime import timedelta\n"
            "from django.utils import timezone\n"
            "from webapp.studio.jobs.services import jobs_requeue_lost\n"
            "from webapp.studio.jobs.tasks import nudge_jobs\n"
            "from webapp.studio.models import Job\n"
            "Job.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))\n"
            "assert jobs_requeue_lost() == 1\n"
            "nudge_jobs()\n"
        )
        stack.start("studio")
        states = "SELECT state, attempts FROM studio_job"
        wait_for(lambda: stack.query(states) == [("succeeded", 2)], what="the second attempt")
        page = curator.get(dataset).text
    assert f"{NUM_FILES} pictures" in page.replace(",", "")
    assert len(list(datasets.glob("bugs*/*/*.jpg"))) == NUM_FILES
    assert not list(datasets.glob(".*")), "the first attempt left nothing"
    assert not list((stack.data_dir / "incoming").iterdir())


def _many_files() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for i in range(NUM_FILES):
            archive.writestr(f"{'ant' if i % 2 else 'bee'}/{i:05}.jpg", b"x" * 200)
    return data.getvalue()


def _send(curator: Visitor, data: bytes) -> str:
    """The address of the dataset that becomes of a ZIP."""
    values = {"file_name": "bugs.zip", "num_bytes": str(len(data)), "modified": "1"}
    begun = curator.post(f"{NEW}zip/begin/", values, page=NEW).json()
    token = curator.client.cookies["csrftoken"]
    headers = {"X-CSRFToken": token, "Content-Type": "application/octet-stream"}
    received = begun["received"]
    while received < len(data):
        address = f"{NEW}zip/piece/?upload={begun['upload']}&at={received}"
        piece = data[received : received + 2**20]
        received = curator.client.post(address, content=piece, headers=headers).json()["received"]
    done = curator.client.post(
        f"{NEW}zip/finish/?upload={begun['upload']}", headers={"X-CSRFToken": token}
    )
    return str(done.json()["address"])
