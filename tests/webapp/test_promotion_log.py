"""The log of promotions, and the way back to the version before."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import translation

from tests.webapp.versions import go_live
from webapp.accounts.models import User
from webapp.recognizers import services as recognizer_services
from webapp.recognizers.models import ModelVersion, Promotion, Recognizer
from webapp.recognizers.services import version_promote
from webapp.recognizers.swap import PromotionRefused
from webapp.studio.comparing.log import ROWS_A_PAGE, log_page
from webapp.studio.comparing.services import ROLLED_BACK, recognizer_roll_back, version_before

NewVersion = Callable[..., ModelVersion]


@pytest.fixture(autouse=True)
def _no_smoke_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a second, and others look at it."""
    monkeypatch.setattr(recognizer_services, "_let_it_answer_once", lambda version: None)


@pytest.fixture
def promoted(new_version: NewVersion, curator: User) -> list[ModelVersion]:
    """Three versions, promoted one after the other."""
    versions = [new_version() for _ in range(3)]
    for version in versions:
        version_promote(version=version, by=curator, reason=f"Number {version.number}.")
    return versions


def log_of(recognizer: Recognizer) -> str:
    return f"/admin/studio/comparing/log/{recognizer.pk}/"


def test_the_log_says_which_version_answered_from_when_to_when(
    promoted: list[ModelVersion], recognizer: Recognizer, curator: User
) -> None:
    lines = log_page(recognizer).lines
    assert [line.version for line in lines] == promoted[::-1]
    assert [line.until for line in lines] == [None, lines[0].since, lines[1].since]
    assert {line.by for line in lines} == {curator.username}
    assert lines[0].reason == "Number 3."


def test_the_log_tells_an_account_that_is_gone_from_what_nobody_decided(
    promoted: list[ModelVersion],
    new_version: NewVersion,
    recognizer: Recognizer,
    curator: User,
    owner: User,
    owner_client: Client,
) -> None:
    version_promote(version=new_version(), by=None, is_automatic=True)
    curator.delete()
    lines = log_page(recognizer).lines
    assert [(line.by, line.is_automatic) for line in lines] == [("", True), *[("", False)] * 3]
    owner.is_staff = owner.is_superuser = True
    owner.save()
    page = owner_client.get(log_of(recognizer)).content.decode()
    assert page.count("by itself") == 1
    assert page.count("an account that is gone") == 3


def test_the_log_is_read_page_by_page(new_version: NewVersion, recognizer: Recognizer) -> None:
    version = new_version()
    for _ in range(ROWS_A_PAGE + 3):
        Promotion.objects.create(recognizer=recognizer, version=version)
    first = log_page(recognizer)
    assert (len(first.lines), first.lines[0].until) == (ROWS_A_PAGE, None)
    second = log_page(recognizer, before=first.older)
    assert (len(second.lines), second.older) == (3, None)
    assert second.lines[0].until == first.lines[-1].since


def test_one_click_leads_back_and_the_log_says_so(
    promoted: list[ModelVersion], recognizer: Recognizer, curator_client: Client
) -> None:
    page = curator_client.get(log_of(recognizer)).content.decode()
    assert "Roll back to version 2" in page
    for _ in range(2):  # a double click
        done = curator_client.post(
            f"{log_of(recognizer)}roll-back/", {"instead_of": "3"}, follow=True
        ).content.decode()
        assert "version 2 answers again" in done
    assert recognizer.live_version() == promoted[1]
    assert Promotion.objects.count() == 4
    assert Promotion.objects.first().reason == ROLLED_BACK  # type: ignore[union-attr]
    assert "Rolled back." in done
    assert "Roll back to version 3" in done, "and forth again"
    with translation.override("zh-hans"):
        assert log_page(recognizer).lines[0].reason not in ("", "Rolled back.")


def test_two_who_roll_back_from_different_pages_do_not_undo_each_other(
    promoted: list[ModelVersion], recognizer: Recognizer
) -> None:
    recognizer_roll_back(recognizer=recognizer, by=None, instead_of=3)
    go_live(promoted[0])
    with pytest.raises(PromotionRefused, match="Version 1 was promoted meanwhile"):
        recognizer_roll_back(recognizer=recognizer, by=None, instead_of=3)


def test_what_was_promoted_before_the_log_began_can_be_gone_back_to(
    new_version: NewVersion, recognizer: Recognizer
) -> None:
    versions = [new_version() for _ in range(3)]
    for version in versions:
        go_live(version)
    assert version_before(recognizer, 3) == versions[1]


def test_the_way_back_passes_over_versions_without_files(
    promoted: list[ModelVersion], recognizer: Recognizer, curator_client: Client
) -> None:
    ModelVersion.objects.filter(pk=promoted[1].pk).update(bundle_digest="")
    page = curator_client.get(log_of(recognizer)).content.decode()
    assert "Roll back to version 1" in page
    ModelVersion.objects.filter(pk=promoted[0].pk).update(bundle_digest="")
    page = curator_client.get(log_of(recognizer)).content.decode()
    assert "Roll back" not in page


def test_the_way_back_leads_past_them_to_what_the_log_s_first_line_replaced(
    new_version: NewVersion, recognizer: Recognizer, curator: User
) -> None:
    versions = [new_version() for _ in range(3)]
    go_live(versions[0])
    for version in versions[1:]:
        version_promote(version=version, by=curator)
    ModelVersion.objects.filter(pk=versions[1].pk).update(bundle_digest="")
    assert version_before(recognizer, 3) == versions[0]


def test_what_was_promoted_before_the_log_began_is_passed_over_without_files_too(
    new_version: NewVersion, recognizer: Recognizer
) -> None:
    versions = [new_version() for _ in range(3)]
    for version in versions:
        go_live(version)
    ModelVersion.objects.filter(pk=versions[1].pk).update(bundle_digest="")
    assert version_before(recognizer, 3) == versions[0]


def test_a_first_version_leads_nowhere_back(
    new_version: NewVersion, recognizer: Recognizer, curator_client: Client
) -> None:
    version_promote(version=new_version(), by=None)
    page = curator_client.get(log_of(recognizer)).content.decode()
    assert "Roll back" not in page
    told = curator_client.post(f"{log_of(recognizer)}roll-back/", {"instead_of": "1"}, follow=True)
    assert "No version has answered before" in told.content.decode()


def test_a_bundle_that_is_damaged_since_is_not_gone_back_to(
    promoted: list[ModelVersion], recognizer: Recognizer, curator_client: Client
) -> None:
    (promoted[1].bundle_path / "model.h5").unlink()
    told = curator_client.post(f"{log_of(recognizer)}roll-back/", {"instead_of": "3"}, follow=True)
    assert "found no such file" in told.content.decode()
    assert recognizer.live_version() == promoted[2]


def test_a_recognizer_s_page_leads_back_too(
    promoted: list[ModelVersion], recognizer: Recognizer, curator_client: Client
) -> None:
    page = curator_client.get(f"/admin/recognizers/recognizer/{recognizer.pk}/change/", follow=True)
    assert "Roll back to version 2" in page.content.decode()
    assert curator_client.get("/admin/recognizers/recognizer/add/").status_code == 200


def test_the_log_takes_a_fixed_number_of_queries(
    new_version: NewVersion,
    recognizer: Recognizer,
    curator: User,
    curator_client: Client,
    django_assert_max_num_queries: Callable[..., object],
) -> None:
    version = new_version()
    for _ in range(30):
        Promotion.objects.create(recognizer=recognizer, version=version, by=curator)
    with django_assert_max_num_queries(10):  # type: ignore[attr-defined]
        assert curator_client.get(log_of(recognizer)).status_code == 200
