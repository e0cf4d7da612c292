"""Visitors without an account: what they may see, whose their pictures are, and how they go."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse
from django.utils import timezone
from pytest_django import Settings

from tests.bundles import colour_bundle
from tests.pictures import picture_bytes
from tests.webapp.rows import rows_of
from tests.webapp.test_access import OPEN_TO_ALL, OPEN_TO_KEYS, Unread, named_patterns
from tests.webapp.test_history_plans import plan_of
from tests.webapp.versions import go_live
from webapp.accounts import guests, tidying
from webapp.accounts.models import User
from webapp.accounts.tidying import tidy
from webapp.belongings import leaving
from webapp.belongings.leaving import account_leave, guest_join, leave_finish
from webapp.predictions.handover import predictions_hand_over
from webapp.predictions.models import Prediction
from webapp.predictions.services import upload_accept
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.recognizers.services import version_create

pytestmark = pytest.mark.django_db

PASSWORD = "a quiet pond at dusk"


@pytest.fixture(autouse=True)
def _anybody_may_try(settings: Settings, live_version: ModelVersion) -> None:
    settings.ANONYMOUS_UPLOADS = True


@pytest.fixture
def other_version(tmp_path: Path, live_version: ModelVersion) -> ModelVersion:
    """Of a recognizer named Birds."""
    bundle = colour_bundle(tmp_path / "bundles" / uuid.uuid4().hex)
    birds = Recognizer.objects.create(name="Birds", slug="birds")
    version = version_create(recognizer=birds, bundle=bundle)
    go_live(version)
    return version


def send(client: Client, *colours: str, upload: uuid.UUID | None = None) -> HttpResponse:
    """Pictures of these colours, by the form of the upload page."""
    form = {
        "recognizer": Recognizer.objects.get(slug="colours").pk,
        "upload": upload or uuid.uuid4(),
        "pictures": [SimpleUploadedFile(f"{c}.jpg", picture_bytes(c)) for c in colours],
    }
    return client.post("/", form)  # type: ignore[return-value]


def a_guest(*colours: str) -> tuple[Client, User]:
    """A browser that has come to the upload page and sent pictures of these colours."""
    client = Client()
    assert client.get("/").status_code == 200
    assert send(client, *colours)["Location"].startswith("/uploads/")
    return client, User.objects.filter(is_guest=True).latest("pk")


def page(client: Client, path: str = "/") -> str:
    response = client.get(path)
    assert response.status_code == 200, path
    return response.content.decode()


def files_in(folder: str | Path) -> int:
    return sum(path.is_file() for path in Path(folder).rglob("*"))


def is_sent_to_sign_in(response: Any) -> bool:
    return response.status_code == 302 and response["Location"].startswith("/sign-in/")


# The first try


def test_the_first_pictures_make_a_guest_and_no_page_does(client: Client) -> None:
    assert "kept for this browser for 14 days" in page(client)
    page(client, "/sign-in/")
    assert not User.objects.exists()
    assert not Session.objects.exists()
    response = send(client, "red")
    guest = User.objects.get()
    assert guest.is_guest
    assert not guest.has_usable_password()
    assert not guest.has_perm("predictions.view_prediction")
    assert Prediction.objects.get().owner == guest
    assert "red.jpg" in page(client, response["Location"])
    history = page(client, "/history/")
    assert "red.jpg" in history
    assert "kept for this browser for 14 days" in history
    assert "Guest" in history
    assert guest.username not in history
    send(client, "green")
    assert User.objects.count() == 1
    assert Prediction.objects.filter(owner=guest).count() == 2


@pytest.mark.parametrize("form", [{}, {"recognizer": 4711}])
def test_a_form_that_is_refused_makes_nobody(client: Client, form: dict[str, Any]) -> None:
    page(client)
    assert client.post("/", form).status_code == 422
    assert not User.objects.exists()


def test_the_open_page_goes_on_sending_with_its_token() -> None:
    """A sign-in gives the browser another token, which the page that is open does not know."""
    client = Client(enforce_csrf_checks=True)
    text = page(client)
    token = text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    for number, colour in enumerate(("red", "green", "blue"), start=1):
        form = {
            "csrfmiddlewaretoken": token,
            "recognizer": Recognizer.objects.get().pk,
            "upload": uuid.uuid4(),
            "pictures": [SimpleUploadedFile(f"{colour}.jpg", picture_bytes(colour))],
        }
        assert client.post("/", form).status_code == 302
        assert Prediction.objects.count() == number
    assert User.objects.count() == 1
    del form["csrfmiddlewaretoken"]
    assert client.post("/", form).status_code == 403


def test_first_pictures_sent_at_once_are_one_guests() -> None:
    """Each answer brings a session; whichever the browser keeps, it sees all of them."""
    first = Client()
    page(first)
    second = Client()
    second.cookies[guests.MARKER_COOKIE] = first.cookies[guests.MARKER_COOKIE].value
    send(first, "red")
    send(second, "green")
    assert first.cookies["sessionid"].value != second.cookies["sessionid"].value
    assert User.objects.count() == 1
    for client in (first, second):
        history = page(client, "/history/")
        assert "red.jpg" in history
        assert "green.jpg" in history


def test_a_marker_found_later_opens_nothing(client: Client) -> None:
    page(client)
    marker = client.cookies[guests.MARKER_COOKIE].value
    send(client, "red")
    User.objects.update(date_joined=timezone.now() - guests.MARKER_JOINS)
    finder = Client()
    finder.cookies[guests.MARKER_COOKIE] = marker
    send(finder, "green")
    assert User.objects.count() == 2
    assert "red.jpg" not in page(finder, "/history/")


@pytest.mark.parametrize("marker", [None, "made-up", "made:up:thing"])
def test_who_has_not_seen_the_page_sends_nothing(client: Client, marker: str | None) -> None:
    if marker:
        client.cookies[guests.MARKER_COOKIE] = marker
    assert is_sent_to_sign_in(send(client, "red"))
    large = client.generic(
        "POST",
        "/",
        b"",
        CONTENT_LENGTH=str(4 * 1024 * 1024),
        CONTENT_TYPE="multipart/form-data; boundary=b",
        **{"wsgi.input": Unread()},
    )
    assert large.status_code == 413
    assert not User.objects.exists()


def test_a_large_first_upload_is_taken(client: Client, settings: Settings) -> None:
    settings.MAX_OTHER_BYTES = 1000
    page(client)
    assert send(client, "red").status_code == 302
    assert send(client, "green").status_code == 302  # as the guest
    assert Prediction.objects.count() == 2


# Who sees what


def all_pages() -> list[tuple[str, URLPattern]]:
    patterns: list[URLPattern | URLResolver] = get_resolver().url_patterns
    return named_patterns(patterns)


def test_every_page_says_whether_a_guest_may_open_it() -> None:
    """Those of pictures, and the one that forgets them; every other asks for an account."""
    for name, pattern in all_pages():
        if name in OPEN_TO_ALL | OPEN_TO_KEYS or not getattr(
            pattern.callback, "login_required", True
        ):
            continue
        module = pattern.callback.__module__
        is_open = getattr(pattern.callback, "open_to_guests", False)
        assert is_open == (
            module == "webapp.predictions"
            or name == "forget"
            or (module.startswith("webapp.predictions.") and module != "webapp.predictions.admin")
        ), name


def closed_pages() -> list[tuple[str, str]]:
    """The name and a path of every page that asks somebody to sign in; what it is of is not there."""
    values = {"pk": 4711, "rank": 1, "first": 0, "last": 9, "key": "x", "share": uuid.uuid4()}
    pages = []
    for name, pattern in all_pages():
        if ":" in name or not getattr(pattern.callback, "login_required", True):
            continue
        converters = pattern.pattern.converters
        wanted = {key: values.get(key, uuid.uuid4()) for key in converters}
        pages.append((name, reverse(name, kwargs=wanted)))
    return pages


@pytest.mark.parametrize("is_on", [True, False], ids=["on", "off"])
def test_nobody_opens_but_the_upload_page_and_only_while_it_is_on(
    client: Client, settings: Settings, is_on: bool
) -> None:
    page(client)  # has been here, and has the marker
    settings.ANONYMOUS_UPLOADS = is_on
    pages = closed_pages()
    assert len(pages) > 15
    for name, path in pages:
        if is_on and getattr(resolve(path).func, "guests_welcome", False):
            assert client.get(path).status_code in (200, 405), name
        else:
            assert is_sent_to_sign_in(client.get(path)), name
            assert is_sent_to_sign_in(client.post(path)), name
    assert not User.objects.exists()


@pytest.mark.parametrize("is_on", [True, False], ids=["on", "off"])
def test_a_guest_opens_the_pages_of_pictures_and_no_other(settings: Settings, is_on: bool) -> None:
    client, _ = a_guest("red")
    settings.ANONYMOUS_UPLOADS = is_on
    for name, path in closed_pages():
        view = resolve(path).func
        is_closed = not getattr(view, "open_to_guests", False)
        is_closed |= not is_on and getattr(view, "takes_pictures", False)
        assert is_sent_to_sign_in(client.get(path)) == is_closed, name


@pytest.mark.parametrize("is_on", [True, False], ids=["on", "off"])
def test_whoever_has_an_account_sees_the_same_on_and_off(
    owner_client: Client, curator_client: Client, settings: Settings, is_on: bool
) -> None:
    settings.ANONYMOUS_UPLOADS = is_on
    for client in (owner_client, curator_client):
        for name, path in closed_pages():
            assert not is_sent_to_sign_in(client.get(path)) or name == "logout", name
        for path in ("/", "/history/"):
            text = page(client, path)
            assert "kept for this browser" not in text
            assert "Sign out" in text
            assert guests.MARKER_COOKIE not in client.cookies


NOT_FOR_GUESTS = (
    "/account/",
    "/account/password/",
    "/account/mail/",
    "/account/keys/",
    "/account/keys/1/revoke/",
    "/account/download/",
    "/account/download/0-9.zip",
    "/account/delete/",
    "/admin/",
    "/admin/login/",
    "/admin/accounts/user/",
    "/sign-out/",
)


@pytest.mark.parametrize("path", NOT_FOR_GUESTS)
def test_what_needs_an_account_asks_a_guest_to_sign_in(path: str) -> None:
    client, guest = a_guest("red")
    for response in (client.get(path), client.post(path)):
        assert is_sent_to_sign_in(response), path
    if path != "/admin/login/":
        assert "That needs an account" in page(client, "/sign-in/")
    assert guest.username not in page(client, "/sign-in/")
    assert User.objects.get().is_active


def test_nobody_but_the_guest_sees_a_guests_pictures(
    client: Client, owner_client: Client, curator_client: Client
) -> None:
    guest_client, _ = a_guest("red")
    another_guest, _ = a_guest("green")
    row = Prediction.objects.get(file_name="red.jpg")
    own = f"/predictions/{row.public_id}/"
    paths = [own, f"{own}picture.jpg", f"{own}thumbnail.jpg", f"/uploads/{row.upload}/"]
    for path in paths:
        assert guest_client.get(path).status_code == 200
        assert is_sent_to_sign_in(client.get(path))
        for stranger in (another_guest, owner_client, curator_client):
            assert stranger.get(path).status_code == 404, path
    for stranger in (another_guest, owner_client, curator_client):
        assert "red.jpg" not in page(stranger, "/history/")
        assert b"red.jpg" not in stranger.get("/history/ocellus-history.csv").getvalue()  # type: ignore[attr-defined]
    assert b"red.jpg" in guest_client.get("/history/ocellus-history.csv").getvalue()  # type: ignore[attr-defined]
    for who in (owner_client, curator_client):
        assert who.get("/forget/").status_code == 404
        assert who.post("/forget/").status_code == 404
    assert is_sent_to_sign_in(client.get("/forget/"))


def test_a_guest_deletes_pictures_and_takes_it_back() -> None:
    client, _ = a_guest("red", "green")
    row = Prediction.objects.get(file_name="red.jpg")
    deletion = uuid.uuid4()
    client.post("/history/delete/", {"deletion": deletion, "selected": [row.public_id]})
    assert "red.jpg" not in page(client, "/history/")
    client.post("/history/undo/", {"deletion": deletion})
    assert "red.jpg" in page(client, "/history/")


def test_off_nobody_comes_in(client: Client, settings: Settings) -> None:
    settings.ANONYMOUS_UPLOADS = False
    assert is_sent_to_sign_in(client.get("/"))
    assert "Try it without" not in page(client, "/sign-in/")
    assert guests.MARKER_COOKIE not in client.cookies
    settings.ANONYMOUS_UPLOADS = True
    assert "Try it without an account" in page(client, "/sign-in/")
    page(client)
    settings.ANONYMOUS_UPLOADS = False
    assert is_sent_to_sign_in(send(client, "red"))
    assert not User.objects.exists()


def test_off_again_guests_keep_what_they_have_and_send_nothing_more(settings: Settings) -> None:
    client, _ = a_guest("red")
    settings.ANONYMOUS_UPLOADS = False
    assert is_sent_to_sign_in(client.get("/"))
    assert is_sent_to_sign_in(send(client, "green"))
    assert "red.jpg" in page(client, "/history/")
    settings.MAX_OTHER_BYTES = 100
    assert is_sent_to_sign_in(send(client, "green"))
    settings.MAX_OTHER_BYTES = 10_000
    assert "forgotten" in client.post("/forget/").content.decode()


# How much


def test_an_address_sends_so_many_pictures_an_hour(settings: Settings) -> None:
    settings.GUEST_PICTURES_PER_HOUR = 3
    client, _ = a_guest("red", "green")
    another = Client()
    page(another)
    response = send(another, "red", "green")
    assert response.status_code == 429
    assert response["Retry-After"] == "3600"
    assert "at most 3 pictures an hour" in response.content.decode()
    assert User.objects.count() == 1
    assert send(client, "blue").status_code == 302  # what was refused did not count
    assert send(client, "red").status_code == 429
    assert "red.jpg" in page(client, "/history/")


def test_asking_another_recognizer_is_a_picture_more(
    settings: Settings, other_version: ModelVersion
) -> None:
    settings.GUEST_PICTURES_PER_HOUR = 2
    client, _ = a_guest("red")
    row = Prediction.objects.get()
    Prediction.objects.update(state="done", answered_at=timezone.now())
    path, form = f"/predictions/{row.public_id}/ask/", {"recognizer": "birds"}
    settings.ANONYMOUS_UPLOADS = False
    assert is_sent_to_sign_in(client.post(path, form))
    assert Prediction.objects.count() == 1
    settings.ANONYMOUS_UPLOADS = True
    for _ in range(2):  # the second finds the first
        assert client.post(path, form).status_code == 302
    assert Prediction.objects.count() == 2
    Prediction.objects.filter(recognizer__slug="birds").update(state="failed")
    response = client.post(path, form)
    assert response.status_code == 429
    assert "at most 2 pictures an hour" in response.content.decode()
    assert Prediction.objects.count() == 2


def test_a_large_form_is_not_read_when_it_would_be_refused(settings: Settings) -> None:
    settings.GUEST_PICTURES_PER_HOUR = 1
    client, _ = a_guest("red")
    nobody = Client()
    page(nobody)
    for visitor in (client, nobody):
        response = visitor.generic(
            "POST",
            "/",
            b"",
            CONTENT_LENGTH=str(4 * 1024 * 1024),
            CONTENT_TYPE="multipart/form-data; boundary=b",
            **{"wsgi.input": Unread()},
        )
        assert response.status_code == 429


def test_who_has_an_account_is_not_counted(owner_client: Client, settings: Settings) -> None:
    settings.GUEST_PICTURES_PER_HOUR = 1
    assert send(owner_client, "red", "green").status_code == 302


def test_an_address_makes_so_many_guests_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guests, "GUESTS_PER_ADDRESS", 1)
    a_guest("red")
    client = Client()
    page(client)
    response = send(client, "green")
    assert response.status_code == 429
    assert "Please wait an hour" in response.content.decode()
    assert User.objects.count() == 1


# Signing in


def test_signing_in_takes_the_pictures_along(owner: User) -> None:
    client, _ = a_guest("red", "green")
    assert page(client, "/sign-in/")  # not sent away for being signed in already
    form = {"username": "owner", "password": "owner's password", "next": "/history/"}
    response = client.post("/sign-in/", form)
    assert response["Location"] == "/history/"
    history = page(client, "/history/")
    assert "The 2 pictures that you sent before" in history
    assert "red.jpg" in history
    assert "kept for this browser" not in history
    assert set(Prediction.objects.values_list("owner", flat=True)) == {owner.pk}
    assert not client.cookies[guests.MARKER_COOKIE].value
    assert leave_finish(seconds=10)
    assert list(User.objects.all()) == [owner]
    assert Prediction.objects.count() == 2


def test_signing_up_takes_the_pictures_along(settings: Settings) -> None:
    settings.SIGN_UP = True
    client, _ = a_guest("red")
    assert "Make an account" in page(client, "/history/")
    form = {"username": "ada", "email": "", "password1": PASSWORD, "password2": PASSWORD}
    assert client.post("/sign-up/", form).status_code == 302
    assert Prediction.objects.get().owner.username == "ada"
    assert "red.jpg" in page(client, "/history/")


def test_a_wrong_password_changes_nothing(owner: User) -> None:
    client, guest = a_guest("red")
    client.post("/sign-in/", {"username": "owner", "password": "wrong"})
    client.post("/sign-in/", {"username": guest.username, "password": "!"})
    assert Prediction.objects.get().owner == guest
    assert "red.jpg" in page(client, "/history/")


def test_the_same_form_as_both_is_two_uploads(owner: User, recognizer: Recognizer) -> None:
    _, guest = a_guest("red")
    [row] = Prediction.objects.all()
    [earlier] = rows_of(owner, recognizer, 1)
    Prediction.objects.filter(pk=earlier.pk).update(upload=row.upload)
    with CaptureQueriesContext(connection) as queries:
        assert predictions_hand_over(giver=guest, taker=owner) == 1
    assert Prediction.objects.filter(owner=owner).values("upload").distinct().count() == 2
    [asked] = [query["sql"] for query in queries if "DISTINCT" in query["sql"]]
    if connection.vendor == "sqlite":  # PostgreSQL decides by how much there is
        steps = " / ".join(plan_of(asked))
        assert "(owner_id=? AND upload=?)" in steps, steps  # not all that the account has
        assert "LIST SUBQUERY" not in steps, steps


def test_what_was_being_uploaded_at_the_sign_in_comes_after(
    owner: User, upload_of: Callable[..., list[Prediction]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, guest = a_guest("red")
    assert guest_join(guest=guest, account=owner) == 1
    assert guest_join(guest=guest, account=owner) == 0  # the same form once more
    upload_of("green", by=guest)
    remove = leaving._remove_person

    def upload_and_remove(person: User) -> None:
        upload_of("blue", by=guest)
        remove(person)

    monkeypatch.setattr(leaving, "_remove_person", upload_and_remove)
    assert leave_finish(seconds=10)
    assert Prediction.objects.filter(owner=owner).count() == 3
    assert not User.objects.filter(is_guest=True).exists()


def test_an_account_that_goes_in_the_same_round_takes_nothing_of_its_guest_along(
    owner: User, upload_of: Callable[..., list[Prediction]]
) -> None:
    """The account is removed first; what it was to get has nobody any more."""
    _, guest = a_guest("red")
    assert owner.pk < guest.pk
    assert guest_join(guest=guest, account=owner) == 1
    upload_of("green", by=guest)  # was under way
    account_leave(user=owner)
    assert leave_finish(seconds=10)
    assert not User.objects.exists()
    assert not Prediction.objects.exists()


def test_an_account_that_goes_while_its_guest_is_removed_holds_nobody_up(
    owner: User, upload_of: Callable[..., list[Prediction]]
) -> None:
    _, guest = a_guest("red")
    guest_join(guest=guest, account=owner)
    upload_of("green", by=guest)
    stale = User.objects.select_related("became").get(pk=guest.pk)
    account_leave(user=owner)
    assert leave_finish(seconds=10, only=owner)
    leaving._remove_person(stale)
    assert not User.objects.exists()
    assert not Prediction.objects.exists()


@pytest.mark.parametrize("step", ["login", "guest_join"])
def test_a_sign_in_that_is_cut_short_loses_no_picture(
    owner: User, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    class KilledError(BaseException):
        """What ends a process."""

    def die(*arguments: object, **more: object) -> None:
        raise KilledError

    client, _ = a_guest("red")
    where = {"login": "django.contrib.auth.views.auth_login"}
    with monkeypatch.context() as patch:
        patch.setattr(where.get(step, "webapp.belongings.joining.guest_join"), die)
        with pytest.raises(KilledError):
            client.post("/sign-in/", {"username": "owner", "password": "owner's password"})
    tidy()
    assert leave_finish(seconds=10)
    assert list(User.objects.all()) == [owner]
    assert Prediction.objects.get().owner == owner


def test_who_leaves_at_once_takes_a_guests_pictures_along(owner: User, settings: Settings) -> None:
    _, guest = a_guest("red")
    guest_join(guest=guest, account=owner)
    leaving.account_leave(user=owner)
    assert leave_finish(seconds=10)
    assert not User.objects.exists()
    assert files_in(settings.PICTURES_DIR) == 0


# Forgetting


def test_a_guest_forgets(settings: Settings) -> None:
    client, guest = a_guest("red", "green")
    other_client, other = a_guest("blue")
    assert "2 pictures go" in page(client, "/forget/")
    assert User.objects.count() == 2
    assert "are gone" in client.post("/forget/").content.decode()
    assert list(User.objects.all()) == [other]
    assert files_in(settings.PICTURES_DIR) == 1
    assert not AccessLog.objects.filter(username=guest.username).exists()
    assert is_sent_to_sign_in(client.get("/history/"))
    assert is_sent_to_sign_in(client.post("/forget/"))
    assert "blue.jpg" in page(other_client, "/history/")
    page(client)
    assert send(client, "red").status_code == 302  # and begins anew


def test_guests_who_do_not_come_back_go_with_their_pictures(
    owner: User, upload_of: Callable[..., list[Prediction]], settings: Settings
) -> None:
    client, gone = a_guest("red")
    _, stays = a_guest("green")
    upload_of("blue")
    User.objects.filter(pk=gone.pk).update(seen_at=timezone.now() - timedelta(days=14))
    tidy()
    assert is_sent_to_sign_in(client.get("/history/"))
    assert leave_finish(seconds=10)
    assert set(User.objects.all()) == {owner, stays}
    assert files_in(settings.PICTURES_DIR) == 2


def test_who_comes_back_is_kept(settings: Settings) -> None:
    client, guest = a_guest("red")
    User.objects.update(seen_at=timezone.now() - timedelta(days=13, hours=23))
    Session.objects.update(expire_date=timezone.now() + timedelta(hours=1))
    response = client.get("/history/")
    assert "sessionid" in response.cookies  # the browser's cookie lasts longer, too
    assert Session.objects.get().expire_date > timezone.now() + timedelta(days=13)
    tidy()
    guest.refresh_from_db()
    assert guest.leaving_at is None
    assert "sessionid" not in client.get("/history/").cookies  # to the hour


def test_ended_sessions_and_old_logs_are_removed_in_steps(
    owner: User, other_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidying, "TIDIED_AT_ONCE", 2)
    for _ in range(5):
        Client().force_login(owner)
        AccessAttempt.objects.create(username=str(uuid.uuid4()), failures_since_start=1)
    theirs = other_client.session.session_key
    Session.objects.exclude(session_key=theirs).update(expire_date=timezone.now())
    old = AccessAttempt.objects.order_by("pk")[:4].values_list("pk", flat=True)
    AccessAttempt.objects.filter(pk__in=list(old)).update(
        attempt_time=timezone.now() - timedelta(days=31)
    )
    tidy()
    assert Session.objects.get().session_key == theirs
    assert AccessAttempt.objects.count() == 1


# In the studio


def test_the_studio_lists_guests_where_they_are_asked_for(curator_client: Client) -> None:
    _, guest = a_guest("red")
    users = "/admin/accounts/user/"
    assert guest.username not in page(curator_client, users)
    for query in ("?guests=only", "?guests=too"):
        assert guest.username in page(curator_client, users + query)
    assert "curator" in page(curator_client, users)
    assert guest.username not in page(curator_client, "/admin/accounts/apikey/add/")
    change = reverse("admin:accounts_user_change", args=[guest.pk])
    assert 'name="is_staff"' not in page(curator_client, change)
    assert curator_client.post(change, {"is_staff": "on"}).status_code == 403
    guest.refresh_from_db()
    assert not guest.is_staff


def test_a_guest_who_signs_in_for_the_studio_takes_the_pictures_along(curator: User) -> None:
    client, _ = a_guest("red")
    assert client.get("/admin/login/?next=/admin/")["Location"] == "/sign-in/?next=/admin/"
    form = {"username": "curator", "password": "curator's password", "next": "/admin/"}
    assert client.post("/sign-in/", form)["Location"] == "/admin/"
    assert Prediction.objects.get().owner == curator


def test_uploads_of_two_guests_of_the_same_picture_are_answered_apart(
    recognizer: Recognizer,
) -> None:
    _, one = a_guest("red")
    _, two = a_guest("red")
    form = uuid.uuid4()
    for guest in (one, two):
        file = SimpleUploadedFile("red.jpg", picture_bytes("red"))
        upload_accept(owner=guest, recognizer=recognizer, upload=form, files=[file])
        assert Prediction.objects.filter(owner=guest).count() == 2
