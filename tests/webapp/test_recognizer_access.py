"""Which recognizers somebody may ask: everyone's, those for accounts, those of their groups; and what is
left of one that is archived."""

import uuid
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from tests.pictures import picture_bytes
from tests.webapp.programs import api_client
from tests.webapp.rows import rows_of, version_of
from webapp.accounts.models import User
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.models import Prediction
from webapp.predictions.others import askable
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.recognizers.swap import versions_to_hold

Access = Recognizer.Access


@pytest.fixture
def birds(live_version: ModelVersion) -> Recognizer:
    """Another recognizer beside the colours, open to the group “Ringers”."""
    birds = Recognizer.objects.create(name="Birds", slug="birds", access=Access.GROUPS)
    birds.groups.add(Group.objects.create(name="Ringers"))
    version_of(birds, state="live")
    return birds


def names(person: User | None) -> list[str]:
    return list(Recognizer.objects.ready().open_to(person).values_list("slug", flat=True))


def picture() -> SimpleUploadedFile:
    return SimpleUploadedFile("red.jpg", picture_bytes("red"))


def test_a_group_s_recognizer_is_for_its_members(birds: Recognizer, owner: User) -> None:
    assert names(owner) == ["colours"]
    owner.groups.add(Group.objects.get(name="Ringers"))
    assert names(owner) == ["birds", "colours"]


def test_one_for_accounts_is_not_for_guests(birds: Recognizer, owner: User) -> None:
    Recognizer.objects.filter(slug="colours").update(access=Access.ACCOUNTS)
    guest = User.objects.create(username="guest", is_guest=True)
    assert names(owner) == ["colours"]
    assert names(guest) == []
    assert names(None) == []


def test_who_may_train_may_ask_each(birds: Recognizer, owner: User) -> None:
    owner.user_permissions.add(Permission.objects.get(codename="train"))
    assert names(User.objects.get(pk=owner.pk)) == ["colours"], "staff alone"
    owner.is_staff = True
    owner.save()
    assert names(User.objects.get(pk=owner.pk)) == ["birds", "colours"]


def test_the_upload_page_offers_what_is_open(birds: Recognizer, owner_client: Client) -> None:
    page = owner_client.get("/").content.decode()
    assert "Colours" in page
    assert "Birds" not in page
    assert "wasp" not in page, "and names no class of another one"


def test_a_picture_for_one_that_is_not_open_is_refused_with_a_sentence(
    birds: Recognizer, owner_client: Client
) -> None:
    form = {"recognizer": birds.pk, "pictures": picture(), "upload": str(uuid.uuid4())}
    page = owner_client.post("/", form)
    assert page.status_code == 422
    assert "This recognizer is not open to you" in page.content.decode()
    one = {"recognizer": birds.pk, "file": picture(), "position": 0}
    answer = owner_client.post(f"/uploads/{uuid.uuid4()}/files/", one)
    assert answer.status_code == 422
    assert "This recognizer is not open to you" in answer.content.decode()
    assert not Prediction.objects.exists()


def test_a_page_offers_to_ask_others_that_are_open(
    birds: Recognizer, owner: User, owner_client: Client, live_version: ModelVersion
) -> None:
    [row] = rows_of(owner, live_version.recognizer, 1, version=live_version)
    assert askable(row, [], person=owner) == []
    owner_client.post(f"/predictions/{row.public_id}/ask/", {"recognizer": "birds"})
    assert Prediction.objects.count() == 1
    owner.groups.add(Group.objects.get(name="Ringers"))
    assert askable(row, [], person=owner) == [birds]


def test_programs_see_and_ask_what_is_open_to_the_key_s_owner(
    birds: Recognizer, owner: User, api: Client
) -> None:
    slugs = [each["slug"] for each in api.get("/api/v1/recognizers").json()["recognizers"]]
    assert slugs == ["colours"]
    assert api.get("/api/v1/recognizers/birds").status_code == 404
    sent = api.post("/api/v1/predictions", {"recognizer": "birds", "pictures": picture()})
    assert (sent.status_code, sent.json()["code"]) == (422, "recognizer_unknown")
    assert "birds" not in sent.json()["detail"].split("received")[0]
    owner.groups.add(Group.objects.get(name="Ringers"))
    assert api_client(owner).get("/api/v1/recognizers/birds").status_code == 200


def test_the_command_line_asks_what_is_open(birds: Recognizer, owner: User, tmp_path: Path) -> None:
    file = tmp_path / "red.jpg"
    file.write_bytes(picture_bytes("red"))
    with pytest.raises(CommandError, match="one of colours, received birds"):
        call_command("classify", str(file), "--user", "owner", "--recognizer", "birds")
    Recognizer.objects.update(access=Access.GROUPS)
    with pytest.raises(CommandError, match="No recognizer is open to owner"):
        call_command("classify", str(file), "--user", "owner", stderr=StringIO())


def test_labels_of_one_that_is_not_open_are_not_suggested(
    birds: Recognizer, owner_client: Client, owner: User
) -> None:
    assert "wasp" not in owner_client.get("/labels/", {"true_label": "wa"}).content.decode()
    assert "wasp" not in owner_client.get("/history/").content.decode()
    owner.groups.add(Group.objects.get(name="Ringers"))
    assert "wasp" in owner_client.get("/labels/", {"true_label": "wa"}).content.decode()


def test_an_archived_one_is_offered_to_nobody(birds: Recognizer, curator_client: Client) -> None:
    assert "Birds" in curator_client.get("/").content.decode()
    Recognizer.objects.filter(pk=birds.pk).update(archived_at=timezone.now())
    assert "Birds" not in curator_client.get("/").content.decode()
    _, live = versions_to_hold()
    assert [version.recognizer.slug for version in live] == ["colours"]


def test_its_past_answers_stay_in_the_history_with_their_filter(
    birds: Recognizer, owner: User, owner_client: Client
) -> None:
    page = owner_client.get("/history/").content.decode()
    assert "Birds" not in page
    rows_of(owner, birds, 2, label="heron", version=birds.live_version())
    Recognizer.objects.filter(pk=birds.pk).update(archived_at=timezone.now())
    page = owner_client.get("/history/", {"recognizer": "birds"}).content.decode()
    assert page.count("heron") >= 2
    assert "left out" not in page
    assert '<option value="wasp">' in page, "what it may have said is offered to search for"
    api = api_client(owner)
    assert len(api.get("/api/v1/predictions?recognizer=birds").json()["predictions"]) == 2


def test_what_waits_for_an_archived_one_is_still_answered(
    live_version: ModelVersion, upload_of: Callable[..., list[Prediction]]
) -> None:
    upload_of("red")
    Recognizer.objects.update(archived_at=timezone.now())
    answer_all_queued()
    assert Prediction.objects.get().label == "red"
