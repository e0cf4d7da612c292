"""Who can be asked: the list, and one with its classes."""

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.webapp.programs import (
    api_client,
    assert_problem,
    documented_operation,
    resolved,
    shape_of,
)
from webapp.accounts.models import User
from webapp.recognizers.models import ModelVersion, Recognizer

LIST = "/api/v1/recognizers"


def add_recognizer(name: str, state: str = "live") -> Recognizer:
    recognizer = Recognizer.objects.create(name=name, slug=name.lower(), description=f"{name}!")
    ModelVersion.objects.create(
        recognizer=recognizer,
        number=1,
        state=state,
        bundle_name=name,
        class_names=["one", "two"],
        backbone="none",
    )
    return recognizer


def test_the_list_has_all_that_can_answer_by_name(
    api: Client, recognizer: Recognizer, live_version: ModelVersion
) -> None:
    add_recognizer("Birds")
    add_recognizer("Leaves", state="candidate")
    body = api.get(LIST).json()
    assert [row["slug"] for row in body["recognizers"]] == ["birds", "colours"]
    live_version.refresh_from_db()
    colours = body["recognizers"][1]
    assert colours == {
        "slug": "colours",
        "name": "Colours",
        "description": "",
        "version": 1,
        "live_since": colours["live_since"],
        "url": f"{LIST}/colours",
    }
    assert body["recognizers"][0]["description"] == "Birds!"


def test_one_has_its_classes_in_their_order(api: Client, live_version: ModelVersion) -> None:
    [listed] = api.get(LIST).json()["recognizers"]
    one = api.get(listed["url"]).json()
    assert one == {**listed, "classes": live_version.class_names}


def test_without_any_the_list_is_empty(api: Client) -> None:
    assert api.get(LIST).json() == {"recognizers": []}


def test_what_cannot_answer_or_is_not_there_is_a_404(
    api: Client, recognizer: Recognizer, new_version: Callable[..., ModelVersion]
) -> None:
    new_version()
    for slug in ("colours", "no-such", "ä", "a%00b", "x" * 300):
        assert_problem(api.get(f"{LIST}/{slug}"), 404, "not_found")


def test_how_many_there_are_costs_no_query_more(
    api: Client, live_version: ModelVersion, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    api.get(LIST)  # notes the key's use, for a minute
    with django_assert_num_queries(2):  # the key with its owner, and this
        api.get(LIST)
    for number in range(20):
        add_recognizer(f"R{number}")
    with django_assert_num_queries(2) as queries:
        assert len(api.get(LIST).json()["recognizers"]) == 21
    assert "class_names" not in queries[-1]["sql"]
    with django_assert_num_queries(2):
        api.get(f"{LIST}/r7")


def test_whoever_has_a_key_may_ask_and_nobody_else(
    api: Client,
    other: User,
    curator: User,
    owner_client: Client,
    curator_client: Client,
    live_version: ModelVersion,
) -> None:
    for path in (LIST, f"{LIST}/colours"):
        for client in (api, api_client(other), api_client(curator)):
            assert client.get(path).status_code == 200
        for client in (Client(), owner_client, curator_client):
            assert_problem(client.get(path), 401, "key_missing")


@pytest.mark.parametrize("path", [LIST, f"{LIST}/colours"])
def test_the_document_tells_what_is_answered(
    api: Client, live_version: ModelVersion, path: str
) -> None:
    response = api.get(path)
    operation = documented_operation(response)
    assert operation
    shape = shape_of(operation["responses"]["200"], "application/json")
    body = response.json()
    assert set(body) == set(shape["properties"]) == set(shape["required"])
    if path == LIST:
        row = resolved(shape["properties"]["recognizers"]["items"])
        assert set(body["recognizers"][0]) == set(row["properties"])
