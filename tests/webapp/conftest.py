"""The cast: an owner of pictures, another visitor, a curator; and a recognizer that tells colours."""

import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import translation
from pytest_django import Settings

from tests import every_page
from tests.bundles import colour_bundle
from tests.pictures import picture_bytes
from tests.webapp.corrections import colours_dataset
from tests.webapp.programs import api_client
from tests.webapp.versions import go_live
from webapp.accounts.models import User
from webapp.predictions import answering, downloads, waiting
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.engines import engines
from webapp.predictions.models import Prediction
from webapp.predictions.services import upload_accept
from webapp.recognizers import services as recognizer_services
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.recognizers.services import version_create
from webapp.studio.models import Dataset


@pytest.fixture(autouse=True)
def _own_folders(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    settings.PICTURES_DIR = tmp_path / "pictures"
    settings.BUNDLES_DIR = tmp_path / "bundles"
    settings.DATASETS_DIR = tmp_path / "datasets"
    settings.MANIFESTS_DIR = tmp_path / "manifests"
    settings.CACHE_DIR = tmp_path / "cache"
    settings.WORK_DIR = tmp_path / "work"


@pytest.fixture
def no_smoke_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a second, and `test_promotion` looks at it."""
    monkeypatch.setattr(recognizer_services, "_let_it_answer_once", lambda version: None)


@pytest.fixture(autouse=True)
def _no_engines_left() -> None:
    engines.clear()


@pytest.fixture(autouse=True)
def _nobody_reads_on() -> Iterator[None]:
    """The language of the last request would be that of the tests that follow."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def _nobody_listens_on() -> Iterator[None]:
    """The thread that hears of answers would stay for a minute, in the tests that follow."""
    yield
    waiting._listener._thread = None


@pytest.fixture(autouse=True)
def _nobody_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker remembers for ten seconds what it could not load; the next test is another worker."""
    monkeypatch.setattr(answering, "_left_alone", {})


@pytest.fixture(autouse=True)
def _nobody_downloads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that leaves an archive unread would have the next one's owner wait for it."""
    monkeypatch.setattr(downloads, "_turns", downloads._Turns())


@pytest.fixture
def owner(db: None) -> User:
    return User.objects.create_user("owner", password="owner's password")


@pytest.fixture
def other(db: None) -> User:
    return User.objects.create_user("other", password="other's password")


@pytest.fixture
def curator(db: None) -> User:
    return User.objects.create_superuser("curator", password="curator's password")


@pytest.fixture
def owner_client(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def other_client(other: User) -> Client:
    client = Client()
    client.force_login(other)
    return client


@pytest.fixture
def curator_client(curator: User) -> Client:
    client = Client()
    client.force_login(curator)
    return client


@pytest.fixture
def api(owner: User) -> Client:
    """A program with a key of the owner."""
    return api_client(owner)


@pytest.fixture
def recognizer(db: None) -> Recognizer:
    return Recognizer.objects.create(name="Colours", slug="colours")


@pytest.fixture
def new_version(recognizer: Recognizer, tmp_path: Path) -> Callable[..., ModelVersion]:
    """Makes a candidate with a bundle of its own."""

    def make(**options: object) -> ModelVersion:
        path = tmp_path / "bundles" / uuid.uuid4().hex
        bundle = colour_bundle(path, **options)  # type: ignore[arg-type]
        return version_create(recognizer=recognizer, bundle=bundle)

    return make


@pytest.fixture
def live_version(new_version: Callable[..., ModelVersion]) -> ModelVersion:
    version = new_version()
    go_live(version)
    return version


@pytest.fixture
def corrected_dataset(live_version: ModelVersion) -> Dataset:
    """What the live version's recognizer has learned from once; its corrections are taken into it."""
    return colours_dataset(live_version.recognizer)


@pytest.fixture
def redis_socket(settings: Settings) -> Iterator[Path]:
    """Where a test's `redis_server` would listen."""
    # A path under pytest's own folders may be too long for a socket.
    with tempfile.TemporaryDirectory(prefix="ocellus-") as folder:
        path = Path(folder) / "redis.sock"
        settings.REDIS_URL = f"redis+socket://{path}"
        yield path


@pytest.fixture
def upload_of(owner: User, recognizer: Recognizer) -> Callable[..., list[Prediction]]:
    """Uploads pictures of these colours as the owner."""

    def upload(*colours: str, by: User = owner) -> list[Prediction]:
        files = [SimpleUploadedFile(f"{c}.jpg", picture_bytes(c)) for c in colours]
        return upload_accept(owner=by, recognizer=recognizer, upload=uuid.uuid4(), files=files)

    return upload


@pytest.fixture
def furnished_curator(
    curator: User,
    new_version: Callable[..., ModelVersion],
    upload_of: Callable[..., list[Prediction]],
) -> User:
    """A curator who has pictures of their own, and rows in every list."""
    go_live(new_version(knows_pictures=True))
    upload_of("red", by=curator)
    upload_of("grey", by=curator)
    answer_all_queued()
    every_page.furnish(curator)
    return curator


@pytest.fixture
def folder(db: None, tmp_path: Path) -> Path:
    """A labelled folder of empty files, for what never opens them."""
    for name in ("ant/1.jpg", "ant/2.jpg", "bee/1.jpg"):
        file = tmp_path / "datasets" / "bugs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path / "datasets" / "bugs"
