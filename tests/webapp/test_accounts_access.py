"""Every page of an account as nobody, as another visitor, as its owner, and as staff."""

import pytest
from django.test import Client

from tests.webapp.streams import hang_up
from webapp.accounts.models import ApiKey, User
from webapp.accounts.services import api_key_create

OWN_PAGES = (
    "/account/",
    "/account/password/",
    "/account/mail/",
    "/account/keys/",
    "/account/download/",
    "/account/download/0-9.zip",
    "/account/delete/",
)
OPEN_PAGES = (
    "/sign-in/",
    "/sign-up/",
    "/forgotten/",
    "/forgotten/sent/",
    "/forgotten/done/",
    "/forgotten/MQ/no-token/",
)


@pytest.fixture
def key(owner: User) -> ApiKey:
    owner.email = "ada@example.org"
    owner.save()
    row, _ = api_key_create(owner=owner, name="the owner's camera")
    return row


@pytest.mark.parametrize("page", OWN_PAGES)
def test_nobody_is_asked_to_sign_in(client: Client, key: ApiKey, page: str) -> None:
    for response in (client.get(page), client.post(page, {"password": "owner's password"})):
        assert response.status_code == 302
        assert response["Location"].startswith("/sign-in/")
    assert User.objects.get().is_active


@pytest.mark.parametrize("page", OWN_PAGES)
def test_everybody_sees_their_own_and_nothing_of_anothers(
    owner_client: Client, other_client: Client, curator_client: Client, key: ApiKey, page: str
) -> None:
    for client in (owner_client, other_client, curator_client):
        response = client.get(page)
        assert response.status_code == 200
        if response.streaming:
            hang_up(response)
            continue
        text = response.content.decode()
        if client is not owner_client:
            assert "the owner&#x27;s camera" not in text
            assert "ada@example.org" not in text
            assert "None. With one" in text or page != "/account/"
    assert "the owner&#x27;s camera" in owner_client.get("/account/keys/").content.decode()


@pytest.mark.parametrize("page", OPEN_PAGES)
def test_pages_before_the_sign_in_are_open_and_know_nobody(
    client: Client, owner_client: Client, curator_client: Client, key: ApiKey, page: str
) -> None:
    response = client.get(page)
    assert response.status_code == (404 if page == "/sign-up/" else 200)
    assert "Content-Security-Policy" in response
    assert 'href="/account/"' not in response.content.decode()
    for signed_in in (owner_client, curator_client):
        assert signed_in.get(page).status_code in (200, 302)


def test_a_key_is_revoked_by_its_owner_alone(
    client: Client, owner_client: Client, other_client: Client, curator_client: Client, key: ApiKey
) -> None:
    page = f"/account/keys/{key.pk}/revoke/"
    assert client.post(page)["Location"].startswith("/sign-in/")
    for stranger in (other_client, curator_client):
        assert stranger.post(page).status_code == 404
    assert owner_client.get(page).status_code == 405
    key.refresh_from_db()
    assert key.revoked_at is None
    assert owner_client.post(page)["Location"] == "/account/keys/"
    key.refresh_from_db()
    assert key.revoked_at is not None


@pytest.mark.parametrize("page", ["/account/", "/account/keys/", "/account/download/"])
def test_no_page_of_an_account_is_kept_by_a_browser(owner_client: Client, page: str) -> None:
    assert "no-store" in owner_client.get(page)["Cache-Control"]
