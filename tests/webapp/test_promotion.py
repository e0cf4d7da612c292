"""Promotion: verified first, one live version at a time."""

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from tests.bundles import colour_bundle
from webapp.accounts.models import User
from webapp.recognizers import services
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.recognizers.services import version_create, version_promote
from webapp.recognizers.swap import PromotionRefused

State = ModelVersion.State
NewVersion = Callable[..., ModelVersion]


def test_versions_are_numbered_for_each_recognizer(new_version: NewVersion) -> None:
    assert [new_version().number for _ in range(3)] == [1, 2, 3]


def test_the_promoted_version_is_live_and_the_one_before_retired(
    new_version: NewVersion, recognizer: Recognizer, curator: User
) -> None:
    first, second = new_version(), new_version()
    version_promote(version=first, by=curator)
    version_promote(version=second, by=curator)
    first.refresh_from_db()
    assert (first.state, second.state) == (State.RETIRED, State.LIVE)
    assert recognizer.live_version() == second
    assert second.promoted_by == curator


def test_a_retired_version_can_be_promoted_again(new_version: NewVersion) -> None:
    first, second = new_version(), new_version()
    for version in (first, second, first):
        version_promote(version=version, by=None)
    second.refresh_from_db()
    assert (first.state, second.state) == (State.LIVE, State.RETIRED)


def test_a_changed_bundle_is_refused_and_the_old_one_goes_on(
    new_version: NewVersion, recognizer: Recognizer
) -> None:
    first, second = new_version(), new_version()
    version_promote(version=first, by=None)
    graph = second.bundle_path / "serving.xml"
    graph.write_text(graph.read_text() + " ")
    with pytest.raises(PromotionRefused, match=r"serving\.xml"):
        version_promote(version=second, by=None)
    assert recognizer.live_version() == first


def test_another_bundle_in_its_place_is_refused(
    new_version: NewVersion, recognizer: Recognizer
) -> None:
    version, foreign = new_version(), new_version(class_names=("a", "b", "c"))
    version.bundle_path.rename(version.bundle_path.with_name("elsewhere"))
    foreign.bundle_path.rename(version.bundle_path)
    with pytest.raises(PromotionRefused, match="another"):
        version_promote(version=version, by=None)


def test_a_bundle_that_cannot_answer_is_refused_though_its_hashes_are_right(
    new_version: NewVersion, recognizer: Recognizer
) -> None:
    first = new_version()
    version_promote(version=first, by=None)
    misfit = new_version(class_names=("two", "labels"))  # for three outputs
    with pytest.raises(PromotionRefused, match="each of the 2 class names, received 3"):
        version_promote(version=misfit, by=None)
    assert recognizer.live_version() == first


def test_the_database_itself_allows_one_live_version(new_version: NewVersion) -> None:
    first, second = new_version(), new_version()
    ModelVersion.objects.filter(pk=first.pk).update(state=State.LIVE)
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.filter(pk=second.pk).update(state=State.LIVE)


@pytest.mark.usefixtures("no_smoke_test")
def test_a_promotion_writes_nothing_but_that_it_happened(
    new_version: NewVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = new_version()
    written: list[datetime] = []

    def meanwhile(given: ModelVersion) -> None:
        """Another promotion has the workers load it once more."""
        written.append(timezone.now() + timedelta(seconds=len(written)))
        ModelVersion.objects.filter(pk=given.pk).update(preload_until=written[-1])

    monkeypatch.setattr(services, "_expect_files", meanwhile)
    version_promote(version=version, by=None)
    version.refresh_from_db()
    assert (version.state, version.preload_until) == (State.LIVE, written[-1])
    assert len(written) == 2, "the last time when it was read already"


@pytest.mark.usefixtures("no_smoke_test")
def test_what_is_promoted_while_another_version_is_tried_stays_and_the_other_is_told(
    new_version: NewVersion, recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = new_version(), new_version()

    def meanwhile(version: ModelVersion) -> None:
        monkeypatch.undo()
        ModelVersion.objects.filter(pk=second.pk).update(state=State.LIVE)

    monkeypatch.setattr(services, "let_workers_load", meanwhile)
    with pytest.raises(PromotionRefused, match="Version 2 was promoted meanwhile"):
        version_promote(version=first, by=None)
    assert recognizer.live_version() == second
    first.refresh_from_db()
    assert first.state == State.CANDIDATE


@pytest.mark.usefixtures("no_smoke_test")
def test_of_two_curators_with_the_same_page_one_wins_and_the_other_is_told(
    new_version: NewVersion, recognizer: Recognizer, curator_client: Client
) -> None:
    versions = [new_version(), new_version()]
    fields = []
    for version in versions:
        content = curator_client.get(f"/admin/studio/comparing/{version.pk}/").content.decode()
        [number] = re.findall(r'name="instead_of"\s+value="(\d+)"', content)
        fields.append({"instead_of": number})
    answers = [
        curator_client.post(
            f"/admin/studio/comparing/{version.pk}/promote/", form, follow=True
        ).content.decode()
        for version, form in zip(versions, fields, strict=True)
    ]
    assert "answers from now on" in answers[0]
    assert "Version 1 was promoted meanwhile" in answers[1]
    assert recognizer.live_version() == versions[0]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_smoke_test")
def test_of_two_connections_that_promote_at_once_one_wins(
    new_version: NewVersion, recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = [new_version(), new_version()]
    both_have_loaded = threading.Barrier(2)
    monkeypatch.setattr(services, "let_workers_load", lambda version: both_have_loaded.wait(20))

    def promote(version: ModelVersion) -> str:
        try:
            version_promote(version=version, by=None)
        except PromotionRefused as error:
            return str(error)
        finally:
            connection.close()
        return "promoted"

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(promote, versions))
    winner = versions[outcomes.index("promoted")]
    assert recognizer.live_version() == winner
    assert any(f"Version {winner.number} was promoted" in outcome for outcome in outcomes)


def test_the_button_promotes_and_a_refusal_is_told(
    new_version: NewVersion, curator_client: Client
) -> None:
    version = new_version()
    page = curator_client.get(f"/admin/recognizers/modelversion/{version.pk}/change/", follow=True)
    compare = f"/admin/studio/comparing/{version.pk}/"
    assert compare in page.content.decode(), "the way to the button"
    promote = f"{compare}promote/"
    assert promote in curator_client.get(compare).content.decode()
    answer = curator_client.post(promote, follow=True).content.decode()
    assert "answers from now on" in answer
    assert promote not in answer  # what is live needs no button
    broken = new_version()
    (broken.bundle_path / "model.h5").unlink()
    promote = f"/admin/studio/comparing/{broken.pk}/promote/"
    form = {"is_unknown_accepted": "on"}
    assert "found no such file" in curator_client.post(promote, form, follow=True).content.decode()
    version.refresh_from_db()
    assert version.state == State.LIVE


def test_looking_at_the_button_promotes_nothing(
    new_version: NewVersion, curator_client: Client
) -> None:
    version = new_version()
    assert curator_client.get(f"/admin/studio/comparing/{version.pk}/promote/").status_code == 405
    version.refresh_from_db()
    assert version.state == State.CANDIDATE


def test_a_bundle_belongs_to_one_version_only(recognizer: Recognizer, tmp_path: Path) -> None:
    bundle = colour_bundle(tmp_path / "bundles" / "one")
    version_create(recognizer=recognizer, bundle=bundle)
    with pytest.raises(ValidationError, match="already exists"):
        version_create(recognizer=recognizer, bundle=bundle)
