"""A recognizer's page in the studio: what it says, how it is changed and put away, and how it is removed
with everything that belongs to it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.webapp.rows import rows_of, version_of
from webapp.accounts.models import User
from webapp.predictions import removal as pictures_removal
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.models import Prediction, RemovedPicture
from webapp.recognizers.keeping import ChangedMeanwhile, recognizer_change, stand_of
from webapp.recognizers.models import ModelVersion, Promotion, Recognizer
from webapp.recognizers.services import version_promote
from webapp.recognizers.swap import PromotionRefused
from webapp.studio.comparing.services import version_before
from webapp.studio.models import Dataset, Example, Job, Review, Routine, RunLine, TrainingRun
from webapp.studio.recognizers import removal
from webapp.studio.recognizers.removal import RemovalRefused, recognizer_remove, version_remove

NewVersion = Callable[..., ModelVersion]
Upload = Callable[..., list[Prediction]]


def page_of(recognizer: Recognizer, what: str = "") -> str:
    return f"/admin/studio/recognizers/{recognizer.pk}/{what}"


def archive(recognizer: Recognizer) -> None:
    Recognizer.objects.filter(pk=recognizer.pk).update(archived_at=timezone.now())
    recognizer.refresh_from_db()


@pytest.fixture
def dataset(db: None) -> Dataset:
    return Dataset.objects.create(name="bugs", folder_name="bugs", state="ready")


@pytest.fixture
def run(live_version: ModelVersion, dataset: Dataset) -> TrainingRun:
    run = TrainingRun.objects.create(
        recognizer=live_version.recognizer,
        dataset=dataset,
        state="succeeded",
        config={},
        version=live_version,
    )
    RunLine.objects.create(run=run, text="It has begun.")
    return run


# The form for a new one


def test_a_new_one_for_chosen_groups_wants_a_group(curator_client: Client) -> None:
    values = {"name": "Birds", "slug": "birds", "access": "groups"}
    page = curator_client.post("/admin/recognizers/recognizer/add/", values)
    assert "Expected at least one group, received none" in page.content.decode()
    assert not Recognizer.objects.exists()
    group = Group.objects.create(name="ornithologists")
    curator_client.post("/admin/recognizers/recognizer/add/", {**values, "groups": [group.pk]})
    assert Recognizer.objects.get().groups.get() == group


# The page


def test_the_page_says_what_there_is(
    live_version: ModelVersion, run: TrainingRun, owner: User, curator_client: Client
) -> None:
    recognizer = live_version.recognizer
    rows_of(owner, recognizer, 3, version=live_version, verdict="wrong")
    TrainingRun.objects.create(recognizer=recognizer, dataset=run.dataset, config={})
    page = curator_client.get(page_of(recognizer))
    summary = page.context["summary"]
    assert summary.live == live_version
    assert [each.state for each in summary.runs] == ["queued", "succeeded"], "open ones first"
    assert [each.name for each in summary.datasets] == ["bugs"]
    assert summary.num_waiting == 3
    assert "colours" in page.content.decode()


def test_it_asks_for_its_trainings_again_while_one_is_open(
    run: TrainingRun, curator_client: Client
) -> None:
    address = page_of(run.recognizer)
    asks = f'hx-get="{address}" hx-select="#runs-now"'
    assert asks not in curator_client.get(address).content.decode()
    for state in ("queued", "running"):
        TrainingRun.objects.filter(pk=run.pk).update(state=state)
        assert asks in curator_client.get(address).content.decode()


def test_it_takes_as_many_queries_whatever_there_is(
    live_version: ModelVersion, run: TrainingRun, owner: User, curator_client: Client
) -> None:
    recognizer = live_version.recognizer
    for address in (page_of(recognizer), "/admin/", "/admin/recognizers/recognizer/"):
        curator_client.get(address)
        with CaptureQueriesContext(connection) as few:
            curator_client.get(address)
        number = Recognizer.objects.count()
        for i in range(5):
            version = version_of(recognizer, 100 * number + i, "retired")
            Promotion.objects.create(recognizer=recognizer, version=version)
            TrainingRun.objects.create(
                recognizer=recognizer, dataset=run.dataset, state="queued", config={"seed": i}
            )
            other = Recognizer.objects.create(name=f"{number} {i}", slug=f"r-{number}-{i}")
            version_of(other, 1, "live")
        with CaptureQueriesContext(connection) as many:
            curator_client.get(address)
        assert len(many) == len(few), address


def test_one_that_has_learned_nothing_says_what_to_do(
    recognizer: Recognizer, curator_client: Client
) -> None:
    assert (
        "It has not learned anything yet"
        in curator_client.get(page_of(recognizer)).content.decode()
    )


def test_the_admins_pages_of_it_lead_there(recognizer: Recognizer, curator_client: Client) -> None:
    change = curator_client.get(f"/admin/recognizers/recognizer/{recognizer.pk}/change/")
    assert change["Location"] == page_of(recognizer)
    delete = curator_client.get(f"/admin/recognizers/recognizer/{recognizer.pk}/delete/")
    assert delete["Location"] == page_of(recognizer, "delete/")


def test_the_list_leaves_out_what_is_archived_unless_asked(
    recognizer: Recognizer, curator_client: Client
) -> None:
    archive(recognizer)
    address = "/admin/recognizers/recognizer/"
    assert "Colours" not in curator_client.get(address).content.decode()
    assert "Colours" in curator_client.get(address, {"archived": "only"}).content.decode()


# Changing


def test_its_name_and_who_may_ask_it_are_changed_and_its_slug_stays(
    recognizer: Recognizer, curator_client: Client
) -> None:
    group = Group.objects.create(name="Ringers")
    form = {
        "name": "Shades",
        "description": "Tells them apart.",
        "access": "groups",
        "groups": [group.pk],
        "seen": stand_of(recognizer),
    }
    curator_client.post(page_of(recognizer, "edit/"), form)
    recognizer.refresh_from_db()
    assert (recognizer.name, recognizer.slug, recognizer.access) == ("Shades", "colours", "groups")
    assert list(recognizer.groups.all()) == [group]


def test_open_to_groups_wants_a_group(recognizer: Recognizer, curator_client: Client) -> None:
    form = {"name": "Shades", "access": "groups", "seen": stand_of(recognizer)}
    page = curator_client.post(page_of(recognizer, "edit/"), form)
    assert page.status_code == 422
    assert "Expected at least one group" in page.content.decode()


def test_of_two_who_change_it_at_once_the_second_is_told(
    recognizer: Recognizer, curator_client: Client
) -> None:
    seen = stand_of(recognizer)
    values = {"description": "", "access": "everyone", "groups": []}
    recognizer_change(recognizer=recognizer, name="Mine", seen=seen, **values)  # type: ignore[arg-type]
    with pytest.raises(ChangedMeanwhile):
        recognizer_change(recognizer=recognizer, name="Yours", seen=seen, **values)  # type: ignore[arg-type]
    form = {"name": "Yours", "access": "everyone", "seen": seen}
    page = curator_client.post(page_of(recognizer, "edit/"), form)
    assert "Somebody else has changed this recognizer" in page.content.decode()
    assert Recognizer.objects.get().name == "Mine"


def test_a_name_that_another_has_is_refused(recognizer: Recognizer, curator_client: Client) -> None:
    Recognizer.objects.create(name="Birds", slug="birds")
    form = {"name": "Birds", "access": "everyone", "seen": stand_of(recognizer)}
    page = curator_client.post(page_of(recognizer, "edit/"), form)
    assert page.status_code == 422
    assert "already exists" in page.content.decode()


# Putting away


def test_it_is_archived_and_taken_back_however_often_one_presses(
    live_version: ModelVersion, curator_client: Client
) -> None:
    recognizer = live_version.recognizer
    for _ in range(2):
        curator_client.post(page_of(recognizer, "archive/"))
    recognizer.refresh_from_db()
    assert recognizer.archived_at
    for _ in range(2):
        curator_client.post(page_of(recognizer, "unarchive/"))
    assert Recognizer.objects.ready().get() == recognizer


# Removing


def test_one_that_answers_is_not_deleted(
    live_version: ModelVersion, curator_client: Client
) -> None:
    recognizer = live_version.recognizer
    page = curator_client.post(page_of(recognizer, "delete/"), {"typed": "Colours"})
    assert page.status_code == 409
    assert "Archive the recognizer first" in page.content.decode()
    assert Recognizer.objects.exists()


def test_nothing_is_deleted_without_its_name(
    live_version: ModelVersion, curator_client: Client
) -> None:
    archive(live_version.recognizer)
    page = curator_client.post(page_of(live_version.recognizer, "delete/"), {"typed": "colors"})
    assert page.status_code == 422
    assert "Nothing was deleted" in page.content.decode()
    assert Recognizer.objects.exists()


def test_the_page_before_says_how_much_goes(
    live_version: ModelVersion, run: TrainingRun, owner: User, other: User, curator_client: Client
) -> None:
    recognizer = live_version.recognizer
    rows_of(owner, recognizer, 2, version=live_version, verdict="right")
    rows_of(other, recognizer, 1, version=live_version)
    archive(recognizer)
    page = curator_client.get(page_of(recognizer, "delete/"))
    words = " ".join(page.content.decode().split())
    assert "3 pictures of visitors, with their answers" in words
    assert "of 2 people" in words
    assert "2 corrections among them" in words
    assert "1 training run, with its log and curves" in words
    assert page.context["belongings"].num_bytes > 1000


def test_everything_that_belongs_to_it_goes(
    live_version: ModelVersion,
    run: TrainingRun,
    owner: User,
    upload_of: Upload,
    curator_client: Client,
) -> None:
    recognizer = live_version.recognizer
    upload_of("red")
    answer_all_queued()
    prediction = Prediction.objects.get()
    picture, bundle = prediction.picture_path, live_version.bundle_path
    Review.objects.create(prediction=prediction, decision="dropped", decided_at=timezone.now())
    Example.objects.create(dataset=run.dataset, path="pictures/x.jpg", prediction=prediction)
    Job.objects.create(kind="compare", version=live_version, state="succeeded")
    Promotion.objects.create(recognizer=recognizer, version=live_version)
    Routine.objects.create(recognizer=recognizer, dataset=run.dataset)
    run.work_folder.mkdir(parents=True)
    assert picture.exists()
    archive(recognizer)
    answer = curator_client.post(page_of(recognizer, "delete/"), {"typed": "Colours"})
    assert answer["Location"] == "/admin/recognizers/recognizer/"
    for model in (Recognizer, ModelVersion, TrainingRun, RunLine, Job, Promotion, Routine):
        assert not model.objects.exists(), model
    for model in (Prediction, RemovedPicture, Example, Review):
        assert not model.objects.exists(), model
    assert Dataset.objects.exists()
    assert not picture.exists()
    assert not bundle.exists()
    assert not run.work_folder.exists()


def test_another_recognizer_keeps_what_is_its_own(live_version: ModelVersion, owner: User) -> None:
    birds = Recognizer.objects.create(name="Birds", slug="birds")
    version = version_of(birds, 1, "live")
    rows_of(owner, birds, 2, version=version)
    archive(live_version.recognizer)
    assert recognizer_remove(recognizer=live_version.recognizer)
    assert Recognizer.objects.get() == birds
    assert Prediction.objects.count() == 2


def test_what_was_killed_in_between_is_finished_by_pressing_again(
    live_version: ModelVersion, run: TrainingRun, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognizer = live_version.recognizer
    rows_of(owner, recognizer, 3, version=live_version)
    archive(recognizer)
    with monkeypatch.context() as patch:
        patch.setattr(removal, "_remove_folder", _killed)
        with pytest.raises(KeyboardInterrupt):
            recognizer_remove(recognizer=recognizer)
    live_version.refresh_from_db()
    assert live_version.state == "retired", "nothing answers with files that are going"
    assert live_version.bundle_path.exists()
    recognizer_remove(recognizer=recognizer)
    assert not Recognizer.objects.exists()
    assert not live_version.bundle_path.exists()


def _killed(path: Path) -> None:
    raise KeyboardInterrupt


def test_a_promotion_that_is_trying_one_of_them_out_finds_that_the_files_are_going(
    live_version: ModelVersion, new_version: NewVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = new_version()
    archive(live_version.recognizer)

    def meanwhile(_: ModelVersion) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(removal, "_remove_folder", _killed)
            with pytest.raises(KeyboardInterrupt):
                recognizer_remove(recognizer=candidate.recognizer)

    monkeypatch.setattr("webapp.recognizers.services._let_it_answer_once", meanwhile)
    with pytest.raises(PromotionRefused, match="files of this version were removed"):
        version_promote(version=candidate, by=None)
    assert candidate.recognizer.live_version() is None


def test_one_whose_versions_workers_are_loading_is_not_deleted(live_version: ModelVersion) -> None:
    archive(live_version.recognizer)
    ModelVersion.objects.update(preload_until=timezone.now() + timezone.timedelta(minutes=1))
    with pytest.raises(RemovalRefused, match="under way"):
        recognizer_remove(recognizer=live_version.recognizer)


def test_no_more_pictures_go_once_somebody_has_taken_it_back(
    live_version: ModelVersion, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognizer = live_version.recognizer
    rows_of(owner, recognizer, 5, version=live_version)
    archive(recognizer)
    monkeypatch.setattr(pictures_removal, "REMOVED_AT_ONCE", 2)
    remove = pictures_removal.predictions_remove

    def and_take_back(*, rows: QuerySet[Prediction]) -> int:
        number = remove(rows=rows)
        Recognizer.objects.update(archived_at=None)
        return number

    monkeypatch.setattr(removal, "predictions_remove", and_take_back)
    with pytest.raises(RemovalRefused, match="Archive the recognizer first"):
        recognizer_remove(recognizer=recognizer)
    assert Prediction.objects.count() == 3
    assert recognizer.live_version() == live_version


def test_much_is_removed_in_pieces(
    live_version: ModelVersion,
    owner: User,
    curator_client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recognizer = live_version.recognizer
    rows_of(owner, recognizer, 5, version=live_version)
    archive(recognizer)
    monkeypatch.setattr(pictures_removal, "REMOVED_AT_ONCE", 2)
    assert not recognizer_remove(recognizer=recognizer, seconds=-1)
    assert Prediction.objects.count() == 3
    assert Recognizer.objects.exists()
    page = curator_client.get(page_of(recognizer, "delete/"))
    assert page.context["belongings"].num_predictions == 3


@pytest.mark.parametrize("state", ["queued", "running"])
def test_one_with_an_open_training_is_not_deleted(
    live_version: ModelVersion, run: TrainingRun, state: str, owner: User
) -> None:
    rows_of(owner, live_version.recognizer, 1, version=live_version)
    TrainingRun.objects.update(state=state)
    archive(live_version.recognizer)
    with pytest.raises(RemovalRefused, match="under way"):
        recognizer_remove(recognizer=live_version.recognizer)
    assert Prediction.objects.exists()


def test_a_folder_that_cannot_be_removed_is_told_and_its_rows_stay(
    live_version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive(live_version.recognizer)

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("webapp.studio.recognizers.removal.shutil.rmtree", refuse)
    with pytest.raises(RemovalRefused, match="Permission denied"):
        recognizer_remove(recognizer=live_version.recognizer)
    assert ModelVersion.objects.exists()


# One version


def test_a_live_version_is_not_deleted(live_version: ModelVersion, curator_client: Client) -> None:
    address = f"/admin/studio/recognizers/versions/{live_version.pk}/delete/"
    page = curator_client.post(address)
    assert page.status_code == 409
    assert "This version is live" in page.content.decode()
    assert live_version.bundle_path.exists()


def test_one_that_has_answered_nobody_goes_with_its_files(
    live_version: ModelVersion, new_version: NewVersion, curator_client: Client
) -> None:
    candidate = new_version()
    address = f"/admin/studio/recognizers/versions/{candidate.pk}/delete/"
    assert (
        "It has answered nobody and was never live" in curator_client.get(address).content.decode()
    )
    curator_client.post(address)
    assert ModelVersion.objects.get() == live_version
    assert not candidate.bundle_path.exists()


def test_of_one_that_has_answered_the_files_go_and_its_answers_stay(
    live_version: ModelVersion, new_version: NewVersion, owner: User, curator_client: Client
) -> None:
    old = new_version()
    ModelVersion.objects.filter(pk=old.pk).update(state="retired")
    [row] = rows_of(owner, old.recognizer, 1, version=old)
    address = f"/admin/studio/recognizers/versions/{old.pk}/delete/"
    assert "It has given 1 answer," in curator_client.get(address).content.decode()
    curator_client.post(address)
    old.refresh_from_db()
    row.refresh_from_db()
    assert (row.label, row.version_id, old.state, old.has_files) == (
        "bee",
        old.pk,
        "retired",
        False,
    )
    assert not old.bundle_path.exists()
    with pytest.raises(PromotionRefused, match="files of this version were removed"):
        version_promote(version=old, by=None)


def test_one_that_was_live_stays_in_the_log_of_promotions_without_its_files(
    new_version: NewVersion, curator: User, curator_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.recognizers.services._let_it_answer_once", lambda version: None)
    versions = [new_version() for _ in range(3)]
    for version in versions:
        version_promote(version=version, by=curator)
    address = f"/admin/studio/recognizers/versions/{versions[1].pk}/delete/"
    assert "It has answered nobody, but was live" in curator_client.get(address).content.decode()
    told = curator_client.post(address, follow=True).content.decode()
    assert "Its line stays" in told
    assert not versions[1].bundle_path.exists()
    assert Promotion.objects.count() == 3
    assert version_before(versions[0].recognizer, 3) == versions[0]


def test_where_a_folder_cannot_be_removed_pressing_again_goes_on(
    new_version: NewVersion, curator_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = new_version()
    address = f"/admin/studio/recognizers/versions/{candidate.pk}/delete/"

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("webapp.studio.recognizers.removal.shutil.rmtree", refuse)
        page = curator_client.post(address)
    assert page.status_code == 409
    assert "Press again to go on" in page.content.decode()
    assert "Delete the version" in page.content.decode(), "the button"
    page = curator_client.get(page_of(candidate.recognizer))
    assert address in page.content.decode(), "the way back to it"
    curator_client.post(address)
    assert not ModelVersion.objects.exists()
    assert not candidate.bundle_path.exists()


def test_of_two_who_delete_the_same_version_the_second_is_told(
    new_version: NewVersion, curator_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = new_version()

    def meanwhile(version: ModelVersion) -> bool:
        version_remove(version=ModelVersion.objects.get(pk=version.pk))
        return version_remove(version=version)

    monkeypatch.setattr("webapp.studio.recognizers.removal_views.version_remove", meanwhile)
    page = curator_client.post(f"/admin/studio/recognizers/versions/{version.pk}/delete/")
    assert page.status_code == 409
    assert "It is gone already" in page.content.decode()


def test_one_that_workers_are_loading_is_not_deleted(new_version: NewVersion) -> None:
    version = new_version()
    ModelVersion.objects.update(preload_until=timezone.now() + timezone.timedelta(minutes=1))
    with pytest.raises(RemovalRefused, match="under way"):
        version_remove(version=version)


def test_a_promotion_that_was_decided_before_finds_that_the_files_are_gone(
    new_version: NewVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = new_version()
    monkeypatch.setattr("webapp.recognizers.services._let_it_answer_once", lambda version: None)

    def meanwhile(_: ModelVersion) -> None:
        version_remove(version=ModelVersion.objects.get(pk=version.pk))

    rows_of(User.objects.create(username="ada"), version.recognizer, 1, version=version)
    monkeypatch.setattr("webapp.recognizers.services.let_workers_load", meanwhile)
    with pytest.raises(PromotionRefused, match="files of this version were removed"):
        version_promote(version=version, by=None)
    version.refresh_from_db()
    assert version.state == "retired"


def test_a_promotion_that_was_decided_before_finds_that_the_version_is_gone(
    new_version: NewVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = new_version()
    monkeypatch.setattr(
        "webapp.recognizers.services._let_it_answer_once",
        lambda version: version_remove(version=ModelVersion.objects.get(pk=version.pk)),
    )
    with pytest.raises(PromotionRefused, match="deleted meanwhile"):
        version_promote(version=version, by=None)


def test_a_promotion_that_was_decided_before_finds_that_the_recognizer_is_gone(
    new_version: NewVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = new_version()
    archive(version.recognizer)
    monkeypatch.setattr(
        "webapp.recognizers.services._let_it_answer_once",
        lambda version: recognizer_remove(recognizer=Recognizer.objects.get()),
    )
    with pytest.raises(PromotionRefused, match="deleted meanwhile"):
        version_promote(version=version, by=None)


# The dashboard


def test_an_empty_installation_says_what_to_do_first(curator_client: Client) -> None:
    page = curator_client.get("/admin/").content.decode()
    assert "From pictures to answers" in page
    assert 'href="/admin/studio/datasets/new/"' in page
    assert "none is alive" in page


def test_the_dashboard_says_what_goes_on(
    live_version: ModelVersion, run: TrainingRun, owner: User, curator_client: Client
) -> None:
    rows_of(owner, live_version.recognizer, 2, version=live_version, verdict="wrong")
    TrainingRun.objects.create(
        recognizer=live_version.recognizer,
        dataset=run.dataset,
        state="running",
        step="layers",
        fraction=0.4,
        config={},
    )
    Promotion.objects.create(recognizer=live_version.recognizer, version=live_version)
    page = curator_client.get("/admin/")
    words = " ".join(page.content.decode().split())
    assert page.context["running"].percent == 40
    assert "2 corrections of visitors that nobody has looked at" in words
    assert "Colours, version 1" in words
    assert 'hx-trigger="every 5s"' in words, "it asks again while something goes on"


def test_the_dashboard_asks_again_for_what_goes_on_and_leaves_the_rest_alone(
    live_version: ModelVersion, run: TrainingRun, curator_client: Client
) -> None:
    TrainingRun.objects.filter(pk=run.pk).update(state="running")
    page = curator_client.get("/admin/").content.decode()
    start = page.index('id="training-now"')
    assert 'hx-select="#training-now"' in page[start:]
    assert page.count('hx-trigger="every 5s"') == 1
    assert page.index("Live version") < start, "the table of recognizers is beside it"
    links = re.findall(r"<a[^>]*>", page[start : page.index("Waiting for you")])
    assert len(links) == 2
    assert all(" id=" in link for link in links), "their focus is found again"


def test_the_dashboard_takes_as_many_queries_for_five_promotions_as_for_one(
    live_version: ModelVersion, curator_client: Client
) -> None:
    for number in (1, 4):
        for _ in range(number):
            Promotion.objects.create(recognizer=live_version.recognizer, version=live_version)
        curator_client.get("/admin/")
        with CaptureQueriesContext(connection) as queries:
            curator_client.get("/admin/")
        if number == 1:
            one = len(queries)
    assert len(queries) == one


def test_staff_who_are_no_curators_see_their_lists(other: User) -> None:
    User.objects.filter(pk=other.pk).update(is_staff=True)
    client = Client()
    client.force_login(User.objects.get(pk=other.pk))
    page = client.get("/admin/")
    assert page.status_code == 200
    assert "Training now" not in page.content.decode()
