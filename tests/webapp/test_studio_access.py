"""Who may open the studio: each of its pages and actions, found in the URLs, asked of by nobody, by a
visitor, by staff without the permission, and by a curator.

A page whose address takes something new fails here until the world below has one of it.
"""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse
from django.utils import timezone

from tests.every_page import named_patterns
from tests.webapp.rows import rows_of, version_of
from webapp.accounts.models import User
from webapp.recognizers.models import Promotion, Recognizer
from webapp.studio import curators
from webapp.studio.models import (
    Dataset,
    DatasetVersion,
    Example,
    Job,
    Review,
    Routine,
    RunLine,
    SecondAnswer,
    TrainingRun,
)

STUDIOS_OWN = re.compile(r"studio:\w+")
ADMINS = re.compile(r"admin:(studio|recognizers)_\w+")


@dataclass(frozen=True)
class World:
    """One of each thing that an address may name."""

    values: dict[str, Any]

    def arguments(self, name: str, pattern: URLPattern) -> dict[str, Any]:
        found = {}
        for argument in pattern.pattern.regex.groupindex:
            key = argument
            if argument == "object_id":  # the admin's, of any model
                key = name.removeprefix("admin:").split("_")[1] + "_id"
            elif argument == "version_id" and name.startswith("studio:dataset_version"):
                key = "dataset_version_id"
            assert key in self.values, (
                f"The address of {name} takes {argument!r}: say in tests/webapp/test_studio_access.py "
                f"what that can be, as {key!r}."
            )
            found[argument] = self.values[key]
        return found


@pytest.fixture
def world(recognizer: Recognizer, owner: User) -> World:
    version = version_of(recognizer, 1, "live")
    candidate = version_of(recognizer, 2, "candidate")
    [prediction, other] = rows_of(owner, recognizer, 2, version=version, verdict="wrong")
    dataset = Dataset.objects.create(name="bugs", folder_name="bugs", state="ready")
    frozen = DatasetVersion.objects.create(
        dataset=dataset, number=1, manifest_name="bugs-1.csv", digest="0" * 64, num_examples=1
    )
    example = Example.objects.create(
        dataset=dataset, path="datasets/bugs/bee/1.jpg", label="bee", given_label="bee"
    )
    run = TrainingRun.objects.create(
        recognizer=recognizer,
        dataset=dataset,
        dataset_version=frozen,
        state="succeeded",
        config={"backbone": "mobilenet_v2"},
        version=candidate,
    )
    line = RunLine.objects.create(run=run, text="It has begun.")
    job = Job.objects.create(
        kind="compare", version=candidate, other_version=version, state="failed"
    )
    SecondAnswer.objects.create(job=job, prediction=prediction, label="wasp", is_changed=True)
    review = Review.objects.create(
        prediction=other, decision="accepted", label="bee", decided_at=timezone.now()
    )
    routine = Routine.objects.create(recognizer=recognizer, dataset=dataset)
    promotion = Promotion.objects.create(recognizer=recognizer, version=version)
    return World(
        {
            "recognizer_id": recognizer.pk,
            "version_id": candidate.pk,
            "other_id": version.pk,
            "other_version_id": version.pk,
            "modelversion_id": candidate.pk,
            "dataset_id": dataset.pk,
            "dataset_version_id": frozen.pk,
            "datasetversion_id": frozen.pk,
            "example_id": example.pk,
            "run_id": run.pk,
            "trainingrun_id": run.pk,
            "line_id": line.pk,
            "job_id": job.pk,
            "prediction_id": prediction.pk,
            "public_id": prediction.public_id,
            "review_id": review.pk,
            "routine_id": routine.pk,
            "promotion_id": promotion.pk,
            "upload_id": uuid.uuid4(),
            "number": 1,
            "rank": 1,
            "row": 0,
            "column": 0,
            "position": 0,
            "slug": recognizer.slug,
            "name": "bee",
            "label": "bee",
        }
    )


def pages(world: World) -> Iterator[tuple[str, str]]:
    """(name, address) of every page of the studio and of its lists in the admin."""
    for name, pattern in named_patterns(get_resolver().url_patterns):
        if STUDIOS_OWN.fullmatch(name) or ADMINS.fullmatch(name):
            yield name, reverse(name, kwargs=world.arguments(name, pattern))


def statuses(client: Client, world: World, only: re.Pattern[str]) -> dict[str, tuple[str, int]]:
    """What each page answers to GET and POST, and where it leads to, if anywhere."""
    found = {}
    client.raise_request_exception = False
    for name, address in pages(world):
        if only.match(name):
            for method in (client.get, client.post):
                answer = method(address)
                where = str(answer.headers.get("Location", ""))
                found[f"{method.__name__} {name}"] = (where, answer.status_code)
    return found


def client_of(person: User, *permissions: str) -> Client:
    """Staff with these permissions, in their words: "studio.train"."""
    User.objects.filter(pk=person.pk).update(is_staff=True)
    for permission in permissions:
        app, codename = permission.split(".")
        person.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=codename)
        )
    client = Client()
    client.force_login(User.objects.get(pk=person.pk))
    return client


ANY = re.compile("")


def test_the_studio_has_pages(world: World) -> None:
    names = [name for name, _ in pages(world)]
    assert sum(name.startswith("studio:") for name in names) > 5
    assert sum(name.startswith("admin:") for name in names) > 10


def test_nobody_is_sent_to_sign_in(world: World, client: Client) -> None:
    for name, (where, status) in statuses(client, world, ANY).items():
        assert (status, "/sign-in/" in where or "/login/" in where) == (302, True), (name, where)


def test_a_visitor_is_sent_away_or_refused(world: World, other_client: Client) -> None:
    for name, (where, status) in statuses(other_client, world, ANY).items():
        is_sent_away = status == 302 and ("/sign-in/" in where or "/login/" in where)
        assert is_sent_away or status == 403, (name, where, status)


def test_staff_without_the_permission_are_refused(world: World, other: User) -> None:
    """On the admin's lists those who may not even look; on the studio's pages everybody without it."""
    answers: dict[str, set[int]] = {}
    for key, (_, status) in statuses(client_of(other), world, ANY).items():
        answers.setdefault(key.split()[1], set()).add(status)
    for name, found in answers.items():
        # In the admin a page that is only posted, or never, may say so before it asks by whom.
        allowed = ({403}, {403, 405}) if name.startswith("admin:") else ({403},)
        assert found in allowed, (name, found)


def test_other_permissions_do_not_open_the_studio(world: World, other: User) -> None:
    every = Permission.objects.exclude(codename="train").values_list(
        "content_type__app_label", "codename"
    )
    client = client_of(other, *{f"{app}.{codename}" for app, codename in every})
    for name, (_, status) in statuses(client, world, STUDIOS_OWN).items():
        assert status == 403, (name, status)


def test_a_curator_is_refused_nothing_of_the_studio(world: World, other: User) -> None:
    other.groups.add(Group.objects.get(name=curators.NAME))
    client = client_of(other)
    for name, address in pages(world):
        if STUDIOS_OWN.fullmatch(name):
            assert client.get(address).status_code != 403, name


def test_a_curator_opens_each_list_of_the_studio(world: World, other: User) -> None:
    other.groups.add(Group.objects.get(name=curators.NAME))
    client = client_of(other)
    for model in ("studio_dataset", "studio_trainingrun", "recognizers_recognizer"):
        assert client.get(reverse(f"admin:{model}_changelist")).status_code == 200, model
    for address in ("/admin/recognizers/modelversion/", "/admin/predictions/correction/"):
        assert client.get(address).status_code == 200, address
    assert client.get("/admin/accounts/user/").status_code == 403


def test_the_group_of_curators_is_made_once_and_then_left_alone(db: None) -> None:
    group = Group.objects.get(name=curators.NAME)
    names = {
        f"{each.content_type.app_label}.{each.codename}"
        for each in group.permissions.select_related("content_type")
    }
    assert names == set(curators.PERMISSIONS)
    group.permissions.clear()
    curators.curators_create(sender=apps.get_app_config("studio"), using="default")
    assert not group.permissions.exists()
