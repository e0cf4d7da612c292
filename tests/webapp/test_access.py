"""Who may see what: nobody, another visitor, the owner, staff."""

import uuid
from collections.abc import Callable

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import get_resolver

from tests.every_page import named_patterns
from webapp.accounts.models import User
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion

# Pages that anybody may open, by the name of their URL.
OPEN_TO_ALL = {
    "login",
    "sign_up",
    "password_reset",
    "password_reset_done",
    "password_reset_confirm",
    "password_reset_complete",
    "alive",
    "ready",
    "admin:login",
    "studio_sign_in",
    "api:openapi-json",
    "api:docs",
    # Whoever has the link: see test_sharing.
    "shared",
    "shared_picture",
    "shared_map",
    "shared_nearest",
    "set_language",
}
# What is opened by a key or a token instead of a session: see test_api_keys and test_metrics.
OPEN_TO_KEYS = {
    "api:predictions",
    "api:prediction",
    "api:prediction-picture",
    "api:correction",
    "api:webhooks",
    "api:webhook",
    "api:recognizers",
    "api:recognizer",
    "api-nothing",
    "metrics",
}


@pytest.fixture
def prediction(
    live_version: ModelVersion, upload_of: Callable[..., list[Prediction]]
) -> Prediction:
    upload_of("red")
    answer_all_queued()
    return Prediction.objects.get()


def private_pages(prediction: Prediction) -> list[str]:
    page = f"/predictions/{prediction.public_id}/"
    return [
        page,
        f"{page}picture.jpg",
        f"{page}thumbnail.jpg",
        f"{page}map-1.png",
        f"/uploads/{prediction.upload}/",
    ]


def test_the_owner_sees_the_answer_and_the_picture(
    owner_client: Client, prediction: Prediction
) -> None:
    for page in private_pages(prediction):
        response = owner_client.get(page)
        assert response.status_code == 200, page
    answer = owner_client.get(f"/predictions/{prediction.public_id}/").content.decode()
    assert "red" in answer
    assert "version 1" in answer


def test_another_persons_picture_is_a_404_even_for_staff(
    other_client: Client, curator_client: Client, prediction: Prediction
) -> None:
    for client in (other_client, curator_client):
        for page in private_pages(prediction):
            assert client.get(page).status_code == 404, page
        assert "red.jpg" not in client.get("/history/").content.decode()
        assert b"red.jpg" not in client.get("/history/ocellus-history.csv").getvalue()
        assert "red" not in client.get("/history/chart/").content.decode()
        assert b"red" not in client.get("/history/ocellus-pictures.zip").getvalue()
        correction = f"/predictions/{prediction.public_id}/correction/"
        assert client.post(correction, {"verdict": "right"}).status_code == 404


def test_another_can_do_nothing_with_a_picture(
    other_client: Client, curator_client: Client, client: Client, prediction: Prediction
) -> None:
    page = f"/predictions/{prediction.public_id}/"
    for action in ("ask", "share", "unshare"):
        for visitor in (other_client, curator_client):
            assert visitor.post(f"{page}{action}/").status_code == 404, action
        response = client.post(f"{page}{action}/")
        assert response.status_code == 302, action
        assert response["Location"].startswith("/sign-in/"), action
    for visitor in (other_client, curator_client):
        assert visitor.get(f"{page}others/").status_code == 404
    assert Prediction.objects.get() == prediction
    assert Prediction.objects.get().share is None


def test_nobody_is_asked_to_sign_in_on_every_page(client: Client, prediction: Prediction) -> None:
    of_all = (
        *("/", "/history/", "/history/ocellus-history.csv", "/history/ocellus-pictures.zip"),
        *("/history/chart/", "/labels/", f"/predictions/{prediction.public_id}/correction/"),
    )
    for page in (*of_all, *private_pages(prediction)):
        response = client.get(page)
        assert response.status_code == 302, page
        assert response["Location"].startswith("/sign-in/"), page


@pytest.mark.django_db
def test_every_url_denies_nobody_unless_it_is_on_the_list(client: Client) -> None:
    """A new page that forgets to say who may see it fails here."""
    checked = 0
    for name, pattern in named_patterns(get_resolver().url_patterns):
        if name in OPEN_TO_ALL | OPEN_TO_KEYS:
            continue
        view = pattern.callback
        assert getattr(view, "login_required", True), f"{name} is open to all"
        checked += 1
    assert checked > 30


def test_a_visitor_without_staff_cannot_enter_the_studio(
    owner_client: Client, live_version: ModelVersion
) -> None:
    for page in (
        "/admin/",
        "/admin/studio/trainingrun/add/",
        f"/admin/recognizers/modelversion/{live_version.pk}/change/",
    ):
        response = owner_client.get(page)
        assert response.status_code == 302, page
        assert response["Location"].startswith("/admin/login/"), page


def test_staff_without_permission_can_neither_train_nor_promote(
    owner: User, owner_client: Client, live_version: ModelVersion
) -> None:
    owner.is_staff = True
    owner.save()
    assert owner_client.get("/admin/studio/trainingrun/add/").status_code == 403
    page = f"/admin/studio/comparing/{live_version.pk}/promote/"
    assert owner_client.post(page).status_code == 403


class Unread:
    """A body that must not be read."""

    def read(self, *arguments: object) -> bytes:
        raise AssertionError("The body was read.")

    readline = read


@pytest.mark.parametrize("path", ["/", f"/uploads/{uuid.uuid4()}/files/"], ids=["form", "file"])
@pytest.mark.parametrize("session", ["none at all", "ended", "of an inactive account"])
def test_a_large_form_is_read_for_nobody_who_is_not_signed_in(
    owner: User, session: str, path: str
) -> None:
    """A cookie is no proof, and Django would look for the form's token in the body."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    if session == "none at all":
        client.cookies["sessionid"] = "x" * 32
    elif session == "ended":
        Session.objects.all().delete()
    else:
        User.objects.update(is_active=False)
    client.cookies["csrftoken"] = "t" * 32
    response = client.generic(
        "POST",
        path,
        b"",
        CONTENT_LENGTH=str(4 * 1024 * 1024),
        CONTENT_TYPE="multipart/form-data; boundary=b",
        **{"wsgi.input": Unread()},
    )
    assert response.status_code == 302
    assert response["Location"].startswith("/sign-in/")


def test_signing_in_and_out_works_and_wrong_passwords_are_told(client: Client, owner: User) -> None:
    page = client.post("/sign-in/", {"username": "owner", "password": "wrong"})
    assert "correct" in page.content.decode()
    response = client.post("/sign-in/", {"username": "owner", "password": "owner's password"})
    assert response["Location"] == "/"
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
