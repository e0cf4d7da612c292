"""Champion and challenger: the job that compares two versions, its page, and what it refuses."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db.models import QuerySet
from django.test import Client
from pytest_django import Settings

from tests.webapp.compared import Labelled, compare_now, label_colours, right, stay_nice, wrong
from tests.webapp.versions import go_live
from webapp.accounts.models import User
from webapp.recognizers import services as recognizer_services
from webapp.recognizers.models import ModelVersion, Promotion, Recognizer
from webapp.recognizers.services import version_promote
from webapp.recognizers.swap import PromotionRefused
from webapp.studio.comparing.services import (
    NothingKnown,
    ReasonWanted,
    candidate_promote,
    comparison_queue_if_new,
    comparison_request,
    last_comparison,
    recognizer_roll_back,
)
from webapp.studio.jobs import worker
from webapp.studio.jobs.services import job_cancel
from webapp.studio.models import Dataset, Example, Job, TrainingRun

NewVersion = Callable[..., ModelVersion]
State = ModelVersion.State


@pytest.fixture(autouse=True)
def _stays_nice(monkeypatch: pytest.MonkeyPatch) -> None:
    stay_nice(monkeypatch)


@pytest.fixture
def pictures(tmp_path: Path) -> list[Labelled]:
    return label_colours(tmp_path, 8)


@pytest.fixture
def champion(new_version: NewVersion) -> ModelVersion:
    """It says nothing of what it learned, and knows all colours when it is asked."""
    version = new_version()
    go_live(version)
    return version


@pytest.fixture
def worse(
    new_version: NewVersion, champion: ModelVersion, pictures: list[Labelled]
) -> ModelVersion:
    """A candidate that was compared with the champion, and got all wrong."""
    version = new_version(outcomes=wrong(pictures), learned=[])
    compare_now(version, champion)
    return version


# The job


def test_a_champion_without_outcomes_is_asked_now(
    new_version: NewVersion, champion: ModelVersion, pictures: list[Labelled]
) -> None:
    version = new_version(outcomes=right(pictures), learned=[])
    result = compare_now(version, champion)
    assert (result["num"], result["num_before"], result["share"]) == (24, 0, 0)
    assert result["verdict"] == "no difference shown"
    assert not result["knows_learned"], "an older bundle, and the result says so"
    assert result["champion"]["accuracy"] == result["challenger"]["accuracy"] == 1


def test_what_the_champion_has_learned_from_is_left_out(
    new_version: NewVersion, pictures: list[Labelled]
) -> None:
    learned = [picture.sha256 for picture in pictures[:10]]
    champion = new_version(outcomes=wrong(pictures[10:20]), learned=learned)
    version = new_version(outcomes=right(pictures), learned=[])
    result = compare_now(version, champion)
    assert (result["num_measured"], result["num_learned"], result["num"]) == (24, 10, 14)
    assert (result["num_before"], result["gained"]) == (10, 10), "four are answered now"
    assert result["verdict"] == "better"
    assert result["knows_learned"]
    assert result["disagreements"] == {"gained": 10}
    assert {each["path"] for each in result["shown"]["gained"]} == {
        picture.path for picture in pictures[10:20]
    }


def test_pictures_that_are_gone_changed_or_lie_outside_are_left_out_and_counted(
    new_version: NewVersion, champion: ModelVersion, pictures: list[Labelled], tmp_path: Path
) -> None:
    outcomes = right(pictures)
    (tmp_path / pictures[0].path).unlink()
    (tmp_path / pictures[1].path).write_bytes((tmp_path / pictures[2].path).read_bytes())
    outside = tmp_path.parent / f"{tmp_path.name}-outside.png"
    outside.write_bytes((tmp_path / pictures[3].path).read_bytes())
    outcomes[3]["path"] = f"../{outside.name}"
    result = compare_now(new_version(outcomes=outcomes, learned=[]), champion)
    assert (result["num"], result["num_missing"]) == (21, 3)
    outside.unlink()


def test_a_class_that_the_champion_does_not_know_counts_as_wrong_for_it(
    new_version: NewVersion, pictures: list[Labelled]
) -> None:
    champion = new_version(class_names=("blue", "green", "orange"))
    result = compare_now(new_version(outcomes=right(pictures), learned=[]), champion)
    assert result["new_classes"] == ["red"]
    assert (result["num_of_new_classes"], result["gained"]) == (8, 8)
    assert result["lost_classes"] == ["orange"]


def test_a_version_of_an_older_release_cannot_be_compared_and_says_why(
    new_version: NewVersion, champion: ModelVersion
) -> None:
    job, _ = comparison_request(version=new_version(), champion=champion, by=None)
    assert worker.do_next()
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert "was trained before that was kept" in job.failure_sentence


def test_where_all_was_learned_from_there_is_nothing_to_compare_on(
    new_version: NewVersion, pictures: list[Labelled]
) -> None:
    champion = new_version(learned=[picture.sha256 for picture in pictures])
    version = new_version(outcomes=right(pictures), learned=[])
    job, _ = comparison_request(version=version, champion=champion, by=None)
    assert worker.do_next()
    job.refresh_from_db()
    assert "no picture to compare on" in job.failure_sentence


def test_what_was_trained_is_compared_with_what_answers_by_itself_and_once(
    new_version: NewVersion, recognizer: Recognizer
) -> None:
    first, second = new_version(), new_version()
    assert comparison_queue_if_new(version=first) is None, "there is nothing to compare it with"
    go_live(first)
    job = comparison_queue_if_new(version=second)
    assert job
    assert (job.version, job.other_version) == (second, first)
    assert comparison_queue_if_new(version=second) is None
    assert comparison_queue_if_new(version=first) is None


# Promoting


@pytest.fixture
def learned_alone(
    no_smoke_test: None,
    settings: Settings,
    new_version: NewVersion,
    champion: ModelVersion,
    pictures: list[Labelled],
) -> Callable[..., ModelVersion]:
    """Makes a candidate as if a routine had trained it, and its curator and the operator had allowed that
    it goes live."""
    settings.AUTO_PROMOTE = True

    def learn(said: Callable[[list[Labelled]], list[dict[str, object]]] = right) -> ModelVersion:
        version = new_version(outcomes=said(pictures), learned=[])
        TrainingRun.objects.create(
            recognizer=version.recognizer,
            dataset=Dataset.objects.create(name="colours", folder_name="colours"),
            config={},
            version=version,
            is_automatic=True,
            promote_when_done=True,
        )
        return version

    return learn


@pytest.mark.parametrize(
    ("said", "is_allowed", "is_live"),
    [(right, True, True), (wrong, True, False), (right, False, False)],
    ids=["as good", "worse", "not allowed"],
)
def test_what_nobody_asked_for_goes_live_after_its_comparison_where_that_is_allowed_and_not_worse(
    learned_alone: Callable[..., ModelVersion],
    champion: ModelVersion,
    settings: Settings,
    said: Callable[[list[Labelled]], list[dict[str, object]]],
    is_allowed: bool,
    is_live: bool,
) -> None:
    settings.AUTO_PROMOTE = is_allowed
    version = learned_alone(said)
    compare_now(version, champion)
    version.refresh_from_db()
    assert (version.state == State.LIVE) == is_live
    assert [line.is_automatic for line in Promotion.objects.all()] == [True] * is_live


def test_what_a_curator_has_rolled_back_does_not_go_live_by_itself_again(
    learned_alone: Callable[..., ModelVersion],
    champion: ModelVersion,
    recognizer: Recognizer,
    curator: User,
) -> None:
    version = learned_alone()
    compare_now(version, champion)
    assert recognizer.live_version() == version
    recognizer_roll_back(recognizer=recognizer, by=curator, instead_of=version.number)
    for by in (curator, None):
        compare_now(version, champion, by=by)
        assert recognizer.live_version() == champion


def test_a_comparison_that_a_curator_asks_for_promotes_nothing(
    learned_alone: Callable[..., ModelVersion],
    champion: ModelVersion,
    recognizer: Recognizer,
    curator: User,
) -> None:
    compare_now(learned_alone(), champion, by=curator)
    assert recognizer.live_version() == champion


@pytest.mark.usefixtures("no_smoke_test")
def test_what_is_worse_beyond_chance_is_promoted_only_with_a_reason(
    worse: ModelVersion, champion: ModelVersion, curator: User, recognizer: Recognizer
) -> None:
    with pytest.raises(ReasonWanted, match="Write why"):
        candidate_promote(version=worse, by=curator, reason="  ")
    assert recognizer.live_version() == champion
    candidate_promote(version=worse, by=curator, reason="It knows the new light. ")
    promotion = Promotion.objects.get()
    assert (promotion.version, promotion.before, promotion.by) == (worse, champion, curator)
    assert promotion.reason == "It knows the new light."
    assert (promotion.figures["verdict"], promotion.figures["lost"]) == ("worse", 24)


@pytest.mark.usefixtures("no_smoke_test")
def test_what_was_not_compared_is_promoted_only_by_who_accepts_that(
    new_version: NewVersion, champion: ModelVersion, recognizer: Recognizer
) -> None:
    version = new_version()
    with pytest.raises(NothingKnown, match="was not compared"):
        candidate_promote(version=version, by=None)
    assert recognizer.live_version() == champion
    candidate_promote(version=version, by=None, is_unknown_accepted=True)
    assert recognizer.live_version() == version


@pytest.mark.usefixtures("no_smoke_test")
def test_a_first_version_needs_neither(new_version: NewVersion, recognizer: Recognizer) -> None:
    version = new_version()
    candidate_promote(version=version, by=None)
    assert recognizer.live_version() == version
    assert Promotion.objects.get().before is None


def test_who_has_an_old_page_hears_of_the_other_promotion_first(
    worse: ModelVersion, champion: ModelVersion, new_version: NewVersion
) -> None:
    go_live(new_version())
    with pytest.raises(PromotionRefused, match="Version 3 was promoted meanwhile"):
        candidate_promote(version=worse, by=None, instead_of=champion.number)


@pytest.mark.usefixtures("no_smoke_test")
def test_promoting_what_is_live_writes_no_line(new_version: NewVersion) -> None:
    version = new_version()
    for _ in range(2):
        version_promote(version=version, by=None)
    assert Promotion.objects.count() == 1


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda jobs: job_cancel(job=jobs.get()),
        lambda jobs: jobs.update(lease=uuid.uuid4()),
    ],
    ids=["cancelled", "taken over by another worker"],
)
def test_a_comparison_that_ends_otherwise_while_workers_load_the_version_promotes_nothing(
    learned_alone: Callable[..., ModelVersion],
    champion: ModelVersion,
    recognizer: Recognizer,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[QuerySet[Job]], object],
) -> None:
    version = learned_alone()
    jobs = Job.objects.filter(version=version)
    monkeypatch.setattr(recognizer_services, "let_workers_load", lambda _: meanwhile(jobs))
    compare_now(version, champion)
    assert recognizer.live_version() == champion


def test_what_is_promoted_by_hand_and_rolled_back_during_its_comparison_stays_rolled_back(
    learned_alone: Callable[..., ModelVersion],
    champion: ModelVersion,
    recognizer: Recognizer,
    curator: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version = learned_alone()

    def promote_and_roll_back(_: ModelVersion) -> None:
        monkeypatch.setattr(recognizer_services, "let_workers_load", lambda _: None)
        version_promote(version=ModelVersion.objects.get(pk=version.pk), by=curator)
        recognizer_roll_back(recognizer=recognizer, by=curator, instead_of=version.number)

    monkeypatch.setattr(recognizer_services, "let_workers_load", promote_and_roll_back)
    compare_now(version, champion)
    assert recognizer.live_version() == champion
    assert not Promotion.objects.filter(is_automatic=True).exists()


# The page


def page_of(version: ModelVersion) -> str:
    return f"/admin/studio/comparing/{version.pk}/"


@pytest.mark.usefixtures("no_smoke_test")
def test_the_page_refuses_without_a_reason_and_keeps_what_was_written(
    worse: ModelVersion, champion: ModelVersion, curator_client: Client, recognizer: Recognizer
) -> None:
    page = curator_client.get(page_of(worse)).content.decode()
    assert "Worse: −100.0 percentage points" in page
    assert "Was right, is wrong now" in page
    form = {"instead_of": "1", "reason": ""}
    refused = curator_client.post(f"{page_of(worse)}promote/", form).content.decode()
    assert "Write why it shall answer" in refused
    assert recognizer.live_version() == champion
    stale = curator_client.post(
        f"{page_of(worse)}promote/", {"instead_of": "7", "reason": "A <good> one"}
    ).content.decode()
    assert "Version 1 was promoted meanwhile" in stale
    assert "A &lt;good&gt; one" in stale, "nothing that was written is lost"
    form["reason"] = "The camera is new."
    done = curator_client.post(f"{page_of(worse)}promote/", form, follow=True).content.decode()
    assert "answers from now on" in done
    assert recognizer.live_version() == worse
    log = curator_client.get(f"/admin/studio/comparing/log/{recognizer.pk}/").content.decode()
    assert "The camera is new." in log
    assert "Worse: −100.0 percentage points" in log


def test_without_a_comparison_the_page_offers_one(
    new_version: NewVersion, champion: ModelVersion, curator_client: Client
) -> None:
    version = new_version()
    page = curator_client.get(page_of(version)).content.decode()
    assert "Compare with version 1" in page
    assert "is_unknown_accepted" in page
    for _ in range(2):  # pressed twice
        curator_client.post(f"{page_of(version)}start/", {"with": "1"})
    job = Job.objects.get()
    assert (job.version, job.other_version) == (version, champion)
    page = curator_client.get(page_of(version)).content.decode()
    assert "waits for its turn" in page
    state = curator_client.get(f"{page_of(version)}state/?with=1")
    assert "hx-get" in state.content.decode()
    curator_client.post(f"{page_of(version)}cancel/", {"with": "1"})
    assert curator_client.get(f"{page_of(version)}state/?with=1")["HX-Refresh"] == "true"
    job = Job.objects.get()
    assert job.state == Job.State.CANCELLED


def test_the_pictures_they_disagree_on_are_the_datasets(
    new_version: NewVersion,
    champion: ModelVersion,
    pictures: list[Labelled],
    curator_client: Client,
) -> None:
    version = new_version(outcomes=wrong(pictures), learned=[])
    dataset = Dataset.objects.create(name="Colours", folder_name="colours")
    run = TrainingRun.objects.create(
        recognizer=version.recognizer, dataset=dataset, config={}, version=version
    )
    Example.objects.bulk_create(
        Example(dataset=run.dataset, path=picture.path, label=picture.label)
        for picture in pictures[:23]
    )
    compare_now(version, champion)
    page = curator_client.get(page_of(version)).content.decode()
    assert page.count("/thumbnail/") == 23
    assert page.count("no longer in the dataset") == 1


def test_the_page_takes_a_fixed_number_of_queries(
    new_version: NewVersion,
    champion: ModelVersion,
    tmp_path: Path,
    curator_client: Client,
    django_assert_max_num_queries: Callable[..., object],
) -> None:
    few, many = label_colours(tmp_path, 2), label_colours(tmp_path, 9)
    for pictures in (few, many):
        version = new_version(outcomes=wrong(pictures), learned=[])
        compare_now(version, champion)
        with django_assert_max_num_queries(16):  # type: ignore[attr-defined]
            assert curator_client.get(page_of(version)).status_code == 200


def test_another_version_to_compare_with_is_chosen_by_its_number(
    new_version: NewVersion, champion: ModelVersion, curator_client: Client
) -> None:
    version, third = new_version(), new_version()
    page = curator_client.get(page_of(version), {"with": third.number}).content.decode()
    assert "Compare with version 3" in page
    assert "and promote" in page, "which is of the one that answers"
    for number in ("99", "x", "-1", "9" * 30, str(version.number)):
        assert curator_client.get(page_of(version), {"with": number}).status_code == 404


def test_what_answers_is_compared_with_what_answered_before(
    new_version: NewVersion, champion: ModelVersion, curator_client: Client
) -> None:
    second = new_version()
    go_live(second)
    page = curator_client.get(page_of(second)).content.decode()
    assert "Compare with version 1" in page
    assert "Promote: let it answer" not in page
    assert last_comparison(second, champion) is None
