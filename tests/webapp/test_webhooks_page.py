"""The page of one's own webhooks."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from webapp.accounts.models import User
from webapp.webhooks.models import Delivery, Webhook
from webapp.webhooks.services import webhook_create

PAGE = "/account/webhooks/"
URL = "https://example.net/told"


@pytest.fixture
def webhook(owner: User) -> Webhook:
    return webhook_create(owner=owner, url=URL)


def text_of(response: Any) -> str:
    text: str = response.content.decode()
    return re.sub(r"\s+", " ", text)


def number_of(client: Client) -> str:
    found = re.search(r'name="number" value="([^"]+)"', client.get(PAGE).content.decode())
    assert found
    return found[1]


def test_the_account_leads_there(owner_client: Client) -> None:
    assert PAGE in owner_client.get("/account/").content.decode()
    assert "None yet." in text_of(owner_client.get(PAGE))


def test_the_secret_is_shown_once(owner_client: Client) -> None:
    response = owner_client.post(PAGE, {"url": URL, "number": number_of(owner_client)})
    row = Webhook.objects.get()
    assert row.secret in text_of(response)
    assert "no-store" in response["Cache-Control"]
    page = text_of(owner_client.get(PAGE))
    assert row.secret not in page
    assert URL in page


def test_a_double_click_makes_one_and_still_shows_the_secret(owner_client: Client) -> None:
    form = {"url": URL, "number": number_of(owner_client)}
    pages = [text_of(owner_client.post(PAGE, form)) for _ in range(2)]
    row = Webhook.objects.get()
    assert all(row.secret in page for page in pages)
    Webhook.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    response = owner_client.post(PAGE, form, follow=True)
    assert row.secret not in text_of(response)
    assert "its secret was shown before" in text_of(response)
    assert Webhook.objects.count() == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "required"),
        ("example.org/hook", "begins with https:// or http://"),
        ("http://localhost:9/", None),  # a name: looked up when something is sent
        ("http://127.0.0.1/", "private network"),
        ("https://me:word@example.org/", "without a user name"),
        ("https://example.org/\x7f", "Expected an address such as"),
    ],
)
def test_an_address_that_will_not_do_is_explained_and_nothing_typed_is_lost(
    owner_client: Client, url: str, said: str | None
) -> None:
    response = owner_client.post(PAGE, {"url": url, "number": number_of(owner_client)})
    if said is None:
        assert response.status_code == 200
        return
    assert response.status_code == 422
    assert said in text_of(response)
    assert not Webhook.objects.exists()


def test_what_was_sent_is_told_with_its_outcome(owner_client: Client, webhook: Webhook) -> None:
    now = timezone.now()
    for number, values in enumerate(
        [
            {"state": "delivered", "status": 204, "num_tries": 1, "tried_at": now},
            {"status": 500, "num_tries": 3, "tried_at": now, "prediction": uuid.uuid4()},
            {
                "state": "given_up",
                "num_tries": 8,
                "tried_at": now,
                "failure_code": "address_slow",
                "failure_params": {"seconds": "10", "host": "example.org"},
            },
            {"state": "dropped", "prediction": uuid.uuid4()},
        ]
    ):
        Delivery.objects.create(webhook=webhook, **{"num_tries": number, **values})
    page = text_of(owner_client.get(PAGE))
    assert "Delivered" in page
    assert "status 500; expected one from 200 to 299" in page
    assert "Tried 3 times; next try" in page
    assert "example.org took longer" in page
    assert "The picture was deleted before." in page
    assert "hx-get" not in page.split("deliveries-")[1].split(">")[0]


def test_a_test_is_sent_and_the_page_asks_again_until_it_was_tried(
    owner_client: Client, webhook: Webhook
) -> None:
    response = owner_client.post(f"{PAGE}{webhook.public_id}/test/", follow=True)
    assert "A test is on its way" in text_of(response)
    assert Delivery.objects.get().prediction is None
    assert "hx-get" in text_of(response).split("deliveries-")[1].split(">")[0]


def test_one_that_rests_says_so_and_the_page_does_not_ask_in_vain(
    owner_client: Client, webhook: Webhook
) -> None:
    Delivery.objects.create(webhook=webhook)
    Webhook.objects.update(rests_until=timezone.now() + timedelta(minutes=5))
    page = text_of(owner_client.get(PAGE))
    assert "did not take what was sent; next try" in page
    assert "hx-get" not in page.split("deliveries-")[1].split(">")[0]


def test_a_paused_one_says_so_and_is_switched_on_again(
    owner_client: Client, webhook: Webhook
) -> None:
    Webhook.objects.update(paused_at=timezone.now(), num_given_up=5)
    page = text_of(owner_client.get(PAGE))
    assert "Paused since" in page
    assert "Send a test" not in page
    response = owner_client.post(f"{PAGE}{webhook.public_id}/test/", follow=True)
    assert "switch the webhook on first" in text_of(response)
    owner_client.post(f"{PAGE}{webhook.public_id}/on/")
    webhook.refresh_from_db()
    assert (webhook.is_active, webhook.num_given_up) == (True, 0)


def test_one_is_removed_once(owner_client: Client, webhook: Webhook) -> None:
    Delivery.objects.create(webhook=webhook)
    path = f"{PAGE}{webhook.public_id}/remove/"
    assert owner_client.post(path)["Location"] == PAGE
    assert not Webhook.objects.exists()
    assert not Delivery.objects.exists()
    assert owner_client.post(path).status_code == 404


@pytest.mark.parametrize("action", ["test", "on", "remove"])
def test_anothers_is_a_404_even_for_staff(
    action: str,
    client: Client,
    owner_client: Client,
    other_client: Client,
    curator_client: Client,
    webhook: Webhook,
) -> None:
    path = f"{PAGE}{webhook.public_id}/{action}/"
    for each in (other_client, curator_client):
        assert each.post(path).status_code == 404
        assert URL not in text_of(each.get(PAGE))
    for page in (PAGE, path):
        assert client.post(page)["Location"].startswith("/sign-in/")
    assert owner_client.get(path).status_code == 405
    webhook.refresh_from_db()
    assert not Delivery.objects.exists()
