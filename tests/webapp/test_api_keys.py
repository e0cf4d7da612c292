"""Keys of the API: whom they let in, and who makes them."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.stack import Stack
from tests.webapp.programs import UPLOAD, api_client, assert_problem, send
from webapp.accounts import services as accounts
from webapp.accounts.models import ApiKey, User
from webapp.accounts.services import api_key_create, api_key_revoke
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion


def test_another_persons_prediction_is_a_404_even_for_staff(
    api: Client, other: User, curator: User, live_version: ModelVersion
) -> None:
    location = send(api, "red")["Location"]
    for client in (api_client(other), api_client(curator)):
        for path in (location, f"{location}/picture.jpg", f"{UPLOAD}/{uuid.uuid4()}"):
            assert_problem(client.get(path), 404, "not_found")


def test_nobody_comes_in_without_a_key(
    api: Client, owner_client: Client, live_version: ModelVersion
) -> None:
    """Not even who is signed in: a browser's session is no key."""
    location = send(api, "red")["Location"]
    for client in (Client(), owner_client):
        for response in (send(client, "red"), client.get(location)):
            assert_problem(response, 401, "key_missing")
            assert response["WWW-Authenticate"].startswith("Bearer")
    assert Prediction.objects.count() == 1


@pytest.mark.parametrize(
    "header", ["Bearer x", "Bearer", "Basic YTpi", "Bearer ocl_short", f"Token ocl_{'a' * 43}"]
)
def test_what_is_no_key_costs_no_query(
    header: str, db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        response = send(Client(headers={"Authorization": header}), "red")
    assert_problem(response, 401, "key_malformed")


def test_keys_that_are_unknown_revoked_or_expired_open_nothing(owner: User) -> None:
    row, key = api_key_create(owner=owner, name="a test's")
    api = Client(headers={"Authorization": f"Bearer {key}"})
    assert_problem(send(api), 422, "no_pictures")
    unknown = Client(headers={"Authorization": f"Bearer ocl_{'a' * 43}"})
    assert_problem(send(unknown), 401, "key_unknown")
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert_problem(send(api), 401, "key_expired")
    assert api_key_revoke(key=row)
    assert not api_key_revoke(key=row)
    assert_problem(send(api), 401, "key_revoked")


def test_the_keys_of_an_inactive_account_are_refused(api: Client, owner: User) -> None:
    owner.is_active = False
    owner.save()
    assert_problem(send(api, "red"), 403, "account_inactive")


def test_a_key_is_kept_as_a_hash_and_its_use_noted_once_a_minute(
    owner: User, live_version: ModelVersion
) -> None:
    row, key = api_key_create(owner=owner, name="a test's")
    assert key.startswith(row.prefix)
    assert len(row.prefix) < 12
    assert key not in str(ApiKey.objects.values().get())
    api = Client(headers={"Authorization": f"bearer  {key} "})
    send(api)
    used = ApiKey.objects.get().last_used_at
    assert used is not None
    send(api)
    assert ApiKey.objects.get().last_used_at == used
    ApiKey.objects.update(last_used_at=used - timedelta(minutes=2))
    send(api)
    again = ApiKey.objects.get().last_used_at
    assert again is not None
    assert again > used


def test_a_database_that_cannot_write_keeps_no_key_from_reading(
    api: Client, live_version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "uses", accounts.Uses())
    location = send(api, "red")["Location"]
    ApiKey.objects.update(last_used_at=None)
    num_tries = 0

    def fail_to_write(execute: Any, sql: str, *more: Any) -> Any:
        nonlocal num_tries
        if not sql.startswith(("UPDATE", "INSERT")):
            return execute(sql, *more)
        num_tries += 1
        raise OperationalError("database or disk is full")

    with connection.execute_wrapper(fail_to_write):
        for _ in range(3):
            assert api.get(location).status_code == 200
    assert num_tries == 1  # what fails is not tried with every call
    assert api.get(location).status_code == 200
    assert ApiKey.objects.get().last_used_at is None
    monkeypatch.setattr(accounts.uses, "_not_before", 0.0)  # a minute later
    api.get(location)
    assert ApiKey.objects.get().last_used_at is not None


def test_a_session_is_neither_looked_at_nor_made(
    owner_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        response = send(owner_client, "red")
    assert not response.wsgi_request.session.accessed
    assert not response.cookies


# Making keys


def test_staff_make_a_key_for_themselves_and_see_it_once(
    curator_client: Client, curator: User, owner: User
) -> None:
    page = curator_client.post(
        "/admin/accounts/apikey/add/", {"owner": owner.pk, "name": "camera trap"}
    )
    row = ApiKey.objects.get()
    assert (row.owner, row.name) == (owner, "camera trap")
    text = page.content.decode()
    key = text.split("<code>")[1].split("</code>")[0]
    assert "no-store" in page["Cache-Control"]
    assert not any(key in str(cookie) for cookie in page.cookies.values())
    assert_problem(send(Client(headers={"Authorization": f"Bearer {key}"})), 422, "no_pictures")
    for path in ("/admin/accounts/apikey/", f"/admin/accounts/apikey/{row.pk}/change/"):
        text = curator_client.get(path).content.decode()
        assert row.prefix in text
        assert key not in text
    curator_client.post(
        "/admin/accounts/apikey/", {"action": "revoke", "_selected_action": [row.pk]}
    )
    assert_problem(send(Client(headers={"Authorization": f"Bearer {key}"})), 401, "key_revoked")


def test_who_is_no_superuser_makes_and_sees_their_own_keys_only(owner: User, other: User) -> None:
    from django.contrib.auth.models import Permission

    api_key_create(owner=other, name="another's")
    owner.is_staff = True
    owner.save()
    owner.user_permissions.set(Permission.objects.filter(content_type__model="apikey"))
    client = Client()
    client.force_login(owner)
    client.post("/admin/accounts/apikey/add/", {"owner": other.pk, "name": "mine"})
    assert ApiKey.objects.get(name="mine").owner == owner
    text = client.get("/admin/accounts/apikey/").content.decode()
    assert "mine" in text
    assert "another&#x27;s" not in text


def test_the_operator_makes_a_key_at_the_command_line(stack: Stack) -> None:
    stack.create_users("ada")
    key = stack.manage("create_api_key", "ada").strip()
    assert len(key) == 47
    [(name, digest)] = stack.query("SELECT name, digest FROM accounts_apikey")
    assert name == "command line"
    assert len(digest) == 64
