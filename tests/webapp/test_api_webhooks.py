"""Webhooks by the API."""

import uuid
from typing import Any

import pytest
from django.test import Client

from tests.webapp.programs import api_client, assert_problem
from webapp.accounts.models import User
from webapp.webhooks.models import Webhook
from webapp.webhooks.services import MAX_WEBHOOKS

WEBHOOKS = "/api/v1/webhooks"
URL = "https://example.org/ocellus"


def make(api: Client, url: str = URL) -> Any:
    return api.post(WEBHOOKS, {"url": url}, content_type="application/json")


def test_one_is_made_listed_and_removed(api: Client, owner: User) -> None:
    response = make(api)
    assert response.status_code == 201
    assert response["Cache-Control"] == "no-store"
    made = response.json()
    row = Webhook.objects.get(owner=owner)
    assert made["secret"] == row.secret
    assert row.secret.startswith("whs_")
    [listed] = api.get(WEBHOOKS).json()["webhooks"]
    assert listed == {key: value for key, value in made.items() if key != "secret"}
    assert (listed["id"], listed["url"], listed["is_active"]) == (str(row.public_id), URL, True)
    assert api.delete(f"{WEBHOOKS}/{made['id']}").status_code == 204
    assert_problem(api.delete(f"{WEBHOOKS}/{made['id']}"), 404, "not_found")
    assert api.get(WEBHOOKS).json() == {"webhooks": []}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://192.168.1.1/hook", "private network"),
        ("ftp://example.org/", "https:// or http://"),
        ("https://a:b@example.org/", "user name and password"),
    ],
)
def test_an_address_that_will_not_do_is_refused_with_a_sentence(
    api: Client, url: str, said: str
) -> None:
    assert said in assert_problem(make(api, url), 422, "address_refused")
    assert not Webhook.objects.exists()


def test_what_is_no_address_at_all_is_invalid(api: Client) -> None:
    for body in ({}, {"url": 7}, {"url": "x" * 2001}):
        response = api.post(WEBHOOKS, body, content_type="application/json")
        assert_problem(response, 422, "invalid")


def test_there_are_not_more_than_allowed(api: Client) -> None:
    for _ in range(MAX_WEBHOOKS):
        assert make(api).status_code == 201
    assert_problem(make(api), 409, "too_many_webhooks")


def test_anothers_are_not_there_even_for_staff(
    api: Client, owner_client: Client, other: User, curator: User
) -> None:
    made = make(api).json()
    path = f"{WEBHOOKS}/{made['id']}"
    for person in (other, curator):
        assert api_client(person).get(WEBHOOKS).json() == {"webhooks": []}
        assert_problem(api_client(person).delete(path), 404, "not_found")
    for client in (Client(), owner_client):
        for response in (client.get(WEBHOOKS), make(client), client.delete(path)):
            assert_problem(response, 401, "key_missing")
    assert_problem(api.delete(f"{WEBHOOKS}/{uuid.uuid4()}"), 404, "not_found")
    assert Webhook.objects.count() == 1
