"""Open files: as many as the system allows, and none for who has no pictures to send."""

import subprocess
import sys
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

pytestmark = pytest.mark.django_db


def post(client: Client, path: str) -> Any:
    """A form of which Django would put every file on the disk."""
    files = [SimpleUploadedFile(f"{number}.jpg", b"x" * 100) for number in range(3)]
    return client.post(path, {"username": "ada", "pictures": files}).wsgi_request  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["/sign-in/", "/", "/api/v1/predictions"])
def test_what_comes_from_nobody_is_read_without_its_files(
    client: Client, settings: Settings, path: str
) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0
    request = post(client, path)
    assert request.POST["username"] == "ada"
    assert not request.FILES


def test_pictures_come_to_the_upload_form_only(owner_client: Client) -> None:
    assert len(post(owner_client, "/").FILES.getlist("pictures")) == 3
    assert not post(owner_client, "/account/mail/").FILES


def test_the_launcher_allows_as_many_open_files_as_the_system_does() -> None:
    script = (
        "import resource\n"
        "from webapp.ops import launch\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (128, 512))\n"
        "launch._allow_many_files()\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE))\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "(512, 512)\n"
