"""The audit as a page: what is found in a dataset as it is now, and what its buttons make of it."""

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from tests.training.folders import striped
from training import auditing as training_auditing
from training.dataset.audit import suspect_finding
from training.dataset.findings import Finding
from training.dataset.preparing import Prepared
from training.errors import WeightsUnavailable
from webapp.accounts.models import User
from webapp.recognizers.models import Recognizer
from webapp.studio.audits import auditing
from webapp.studio.audits.fixes import AuditOutdated, NotOffered, finding_fix, fix_undo
from webapp.studio.audits.keeping import KeptFinding, findings_of
from webapp.studio.audits.services import confirmed_labels, last_audit
from webapp.studio.datasets.reading import dataset_read
from webapp.studio.datasets.services import dataset_get_or_create, manifest_digest, version_freeze
from webapp.studio.jobs import worker
from webapp.studio.jobs.services import job_cancel, job_create
from webapp.studio.models import Dataset, Example, Job, TrainingRun

NUM_OF_EACH = 16
DOUBTED = "bee/3.png"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "datasets" / "bugs"
    for kind, name in enumerate(("ant", "bee")):
        (root / name).mkdir(parents=True)
        for number in range(NUM_OF_EACH):
            striped(kind, number).save(root / name / f"{number}.png")
    return root


@pytest.fixture
def with_oddities(folder: Path) -> Path:
    for name in ("x.png", "y.png"):
        shutil.copy(folder / "ant" / "3.png", folder / "ant" / name)
    shutil.copy(folder / "ant" / "4.png", folder / "bee" / "other.png")
    (folder / "ant" / "empty.jpg").touch()
    (folder / "bee" / "text.png").write_text("hello")
    return folder


@pytest.fixture(autouse=True)
def _no_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its weights cannot be had; loading Keras to learn that takes seconds."""

    def without(config: Any, prepared: Prepared, place: Any, clock: Any) -> Prepared:
        reason = WeightsUnavailable("no_file", path="weights.h5")
        return prepared.with_findings(Finding("unchecked", params={"reason": reason}))

    monkeypatch.setattr(training_auditing, "_with_labels_checked", without)


@pytest.fixture
def doubts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads that find one picture's label unlikely."""

    def doubting(config: Any, prepared: Prepared, place: Any, clock: Any) -> Prepared:
        examples = prepared.examples
        paths = [prepared.index.paths[row] for row in examples.rows.tolist()]
        shares = np.tile([0.5, 0.5], (len(examples), 1))
        order = np.array([i for i, path in enumerate(paths) if path.endswith(DOUBTED)], np.int64)
        shares[order] = [0.91, 0.09]
        places = np.arange(len(examples))
        found = suspect_finding(prepared.index, examples, places, order, shares)
        return prepared.with_findings(*found)

    monkeypatch.setattr(training_auditing, "_with_labels_checked", doubting)


@pytest.fixture
def dataset(db: None, folder: Path) -> Dataset:
    made = dataset_get_or_create(folder_name="bugs")
    dataset_read(made)
    return made


@pytest.fixture
def odd_dataset(db: None, with_oddities: Path) -> Dataset:
    made = dataset_get_or_create(folder_name="bugs")
    dataset_read(made)
    return made


def audited(dataset: Dataset, by: User | None = None) -> Job:
    job, _ = job_create(kind=Job.Kind.AUDIT, dataset=dataset, requested_by=by)
    assert worker.do_next()
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED, job.failure_sentence
    return job


def found(job: Job) -> dict[str, KeptFinding]:
    return {finding.code: finding for finding in findings_of(job.result)}


def place(job: Job, code: str) -> int:
    return [finding.code for finding in findings_of(job.result)].index(code)


def left_out(dataset: Dataset) -> dict[str, str]:
    rows = dataset.examples.exclude(excluded="").values_list("path", "excluded")
    return {path.removeprefix("datasets/bugs/"): excluded for path, excluded in rows}


def label_of(dataset: Dataset, name: str) -> str:
    return dataset.examples.get(path__endswith=name).label


def names(job: Job, code: str) -> list[list[str]]:
    paths = dict(Example.objects.values_list("pk", "path"))
    return [
        [paths[number].removeprefix("datasets/bugs/") for number in item.examples]
        for item in found(job)[code].items
    ]


def page_of(client: Client, dataset: Dataset) -> str:
    return client.get(reverse("studio:audit", args=[dataset.pk])).content.decode()


# What is found


def test_what_is_odd_is_found_and_nothing_is_changed(odd_dataset: Dataset) -> None:
    before = manifest_digest(odd_dataset)
    job = audited(odd_dataset)
    assert names(job, "unreadable") == [["ant/empty.jpg"], ["bee/text.png"]]
    assert names(job, "copies") == [["ant/3.png", "ant/x.png", "ant/y.png"]]
    assert names(job, "contradictions") == [["ant/4.png", "bee/other.png"]]
    assert manifest_digest(odd_dataset) == before == job.result["digest"]
    assert (job.result["num_pictures"], job.result["num_learned"]) == (37, 31)
    assert not list((odd_dataset.path.parent.parent / "cache" / "audits").iterdir())


def test_what_is_left_out_already_is_not_looked_at(odd_dataset: Dataset) -> None:
    odd_dataset.examples.filter(path__endswith="empty.jpg").update(excluded="curator")
    job = audited(odd_dataset)
    assert names(job, "unreadable") == [["bee/text.png"]]


def test_files_that_are_gone_are_left_out_and_told(
    dataset: Dataset, folder: Path, curator_client: Client
) -> None:
    (folder / "ant" / "3.png").unlink()
    job = audited(dataset)
    assert left_out(dataset) == {"ant/3.png": "gone"}
    assert (job.result["num_gone"], job.result["gone"]) == (1, ["datasets/bugs/ant/3.png"])
    assert "The file of 1 picture is gone" in page_of(curator_client, dataset)


def test_a_folder_that_is_away_costs_no_decision(
    dataset: Dataset, folder: Path, curator_client: Client
) -> None:
    folder.rename(folder.parent / "elsewhere")
    job, _ = job_create(kind=Job.Kind.AUDIT, dataset=dataset)
    worker.do_next()
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert "Expected the folder “bugs”" in job.failure_sentence
    assert str(folder.parent) not in job.failure_sentence
    assert left_out(dataset) == {}
    page = page_of(curator_client, dataset)
    assert re.search(r'role="alert"[^>]*>[^<]*Expected the folder “bugs”', page)


def test_a_dataset_without_pictures_is_told_what_blocks(
    dataset: Dataset, curator_client: Client
) -> None:
    dataset.examples.update(excluded="curator")
    job = audited(dataset)
    [blocking] = findings_of(job.result)
    assert (blocking.level, blocking.refusal) == ("blocks", "DatasetRefused.no_pictures")
    text = page_of(curator_client, dataset)
    assert "Expected pictures in the class folders of bugs, found none" in text
    assert "a training would be refused" in text


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ({"bee": "ant"}, "found only ant"),
        ({"bee": "", "ant": ""}, "Expected at least two classes"),
        ({"bee": "Ant"}, "differ in more than case"),
    ],
)
def test_what_blocks_comes_first_and_speaks_of_the_dataset(
    dataset: Dataset, curator_client: Client, labels: Mapping[str, str], sentence: str
) -> None:
    for name, label in labels.items():
        dataset.examples.filter(given_label=name).update(label=label)
    job = audited(dataset)
    first = findings_of(job.result)[0]
    assert first.level == "blocks"
    assert first.params.get("path", "bugs") == "bugs"
    text = page_of(curator_client, dataset)
    assert sentence in text
    assert "manifest" not in text
    assert str(job.dataset) in text


def test_an_audit_looks_with_the_backbone_of_the_newest_run(
    dataset: Dataset, recognizer: Recognizer, tmp_path: Path
) -> None:
    def config() -> tuple[str, str, int]:
        made = auditing._config(dataset, tmp_path / "list.csv", tmp_path)
        return made.backbone, made.weights, made.image_size

    assert config() == ("mobilenet_v2", "imagenet", 224)
    for values in ({"backbone": "resnet50", "weights": "none", "image_size": 64}, {}):
        TrainingRun.objects.create(recognizer=recognizer, dataset=dataset, config=values)
        assert config() == ("mobilenet_v2", "imagenet", 224), "what was never taught sees nothing"
    values = {"backbone": "convnext_tiny", "weights": "imagenet", "image_size": 160, "epochs": 3}
    TrainingRun.objects.create(recognizer=recognizer, dataset=dataset, config=values)
    assert config() == ("convnext_tiny", "imagenet", 160)


# The page


def test_the_page_says_what_was_found_and_what_a_training_does_with_it(
    odd_dataset: Dataset, curator: User, curator_client: Client
) -> None:
    assert "Audit now" in page_of(curator_client, odd_dataset)
    job = audited(odd_dataset, by=curator)
    text = page_of(curator_client, odd_dataset)
    assert "of 37 pictures" in text
    assert "curator asked for it" in text
    assert "a training would use 31 pictures" in text
    assert "Pictures that appear under different labels, all copies left out: 1." in text
    assert "passed over by itself" in text
    assert "received an empty file" in text
    assert "The labels themselves were not checked: Expected a weights file at weights.h5" in text
    copy = found(job)["copies"].items[0].examples[1]
    assert reverse("studio:example_thumbnail", args=[odd_dataset.pk, copy]) in text


def test_all_of_it_is_told_in_the_reader_s_language(
    odd_dataset: Dataset, curator_client: Client
) -> None:
    audited(odd_dataset)
    curator_client.cookies["language"] = "zh-hans"
    text = page_of(curator_client, odd_dataset)
    assert "Pictures that appear under different labels" not in text
    assert "received an empty file" not in text


def test_audit_now_pressed_twice_makes_one(dataset: Dataset, curator_client: Client) -> None:
    start = reverse("studio:audit_start", args=[dataset.pk])
    assert curator_client.get(start).status_code == 405
    curator_client.post(start)
    second = curator_client.post(start, follow=True).content.decode()
    assert Job.objects.count() == 1
    assert "is being audited already" in second
    assert "waits for its turn" in second
    curator_client.post(reverse("studio:audit_cancel", args=[dataset.pk]))
    assert Job.objects.get().state == Job.State.CANCELLED
    assert "was cancelled" in page_of(curator_client, dataset)


def test_while_it_goes_on_the_page_asks_and_is_loaded_anew_at_its_end(
    dataset: Dataset, curator_client: Client
) -> None:
    job, _ = job_create(kind=Job.Kind.AUDIT, dataset=dataset)
    Job.objects.filter(pk=job.pk).update(state="running", step="features", fraction=0.4)
    state = curator_client.get(reverse("studio:audit_state", args=[dataset.pk]))
    assert "computing features" in state.content.decode()
    assert 'value="40"' in state.content.decode()
    assert "HX-Refresh" not in state
    job_cancel(job=job)
    Job.objects.filter(pk=job.pk).update(state="cancelled")
    assert curator_client.get(reverse("studio:audit_state", args=[dataset.pk]))["HX-Refresh"]


def test_it_says_whether_the_dataset_has_changed_since(
    dataset: Dataset, curator_client: Client
) -> None:
    address = reverse("studio:audit_changed", args=[dataset.pk])
    assert curator_client.get(address).status_code == 404, "there was none"
    audited(dataset)
    assert "has not changed" in curator_client.get(address).content.decode()
    assert version_freeze(dataset=dataset).digest == manifest_digest(dataset)
    dataset.examples.filter(path__endswith="ant/1.png").update(label="bee")
    assert "has changed since" in curator_client.get(address).content.decode()


def test_the_number_of_queries_is_the_same_for_any_number_of_findings(
    odd_dataset: Dataset, curator_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    address = reverse("studio:audit", args=[odd_dataset.pk])
    audited(odd_dataset)
    for _ in range(2):
        with django_assert_num_queries(7):
            curator_client.get(address)
        Job.objects.update(result=_many(last_audit(odd_dataset)))


def _many(job: Job | None) -> dict[str, Any]:
    assert job is not None
    numbers = list(Example.objects.values_list("pk", flat=True))
    items = [
        {
            "examples": [number, numbers[0]],
            "labels": ["ant", "ant"],
            "left_out": [number],
            "note": "",
            "error": None,
            "suggestion": "",
            "shares": None,
        }
        for number in numbers
    ]
    for finding in job.result["findings"]:
        if finding["code"] == "copies":
            finding |= {"items": items, "num": len(items), "num_items": len(items)}
    return dict(job.result)


def test_a_finding_shows_its_first_pictures_and_more_when_asked(
    odd_dataset: Dataset, curator_client: Client
) -> None:
    job = audited(odd_dataset)
    Job.objects.update(result=_many(job))
    where = place(job, "copies")
    text = page_of(curator_client, odd_dataset)
    assert "Show more" in text
    address = reverse("studio:audit_finding", args=[odd_dataset.pk, job.pk])
    more = curator_client.get(address, {"finding": where, "shown": 48}).content.decode()
    assert more.count('<li class="studio-found') == 37
    assert "Show more" not in more
    plain = curator_client.get(
        reverse("studio:audit", args=[odd_dataset.pk]), {"finding": where, "shown": 48}
    )
    assert "Show more" not in plain.content.decode()
    for finding in ("99", "-1", "x", ""):
        assert curator_client.get(address, {"finding": finding}).status_code == 404


# The buttons


Press = Callable[..., str]


@pytest.fixture
def press(curator_client: Client) -> Press:
    """Presses a button of a finding as its page does; what it is told."""

    def post(job: Job, code: str, action: str, item: int | None = None, label: str = "") -> str:
        values = {
            "finding": place(job, code),
            "item": "" if item is None else item,
            "action": action,
            "label": label,
        }
        address = reverse("studio:audit_fix", args=[job.dataset_id, job.pk])
        response = curator_client.post(address, values, headers={"HX-Request": "true"})
        assert response.status_code == 200
        text = response.content.decode()
        return text.split('id="studio-audit-said"')[1].split("<span>")[1].split("</span>")[0]

    return post


def test_copies_are_left_out_but_for_the_first(odd_dataset: Dataset, press: Press) -> None:
    job = audited(odd_dataset)
    assert press(job, "copies", "leave_out") == "2 pictures are left out."
    assert left_out(odd_dataset) == {"ant/x.png": "copy", "ant/y.png": "copy"}
    assert "Nothing was left to change" in press(job, "copies", "leave_out"), "pressed twice"
    assert "copies" not in found(audited(odd_dataset))


def test_where_the_first_copy_went_meanwhile_another_stays(
    odd_dataset: Dataset, press: Press
) -> None:
    job = audited(odd_dataset)
    odd_dataset.examples.filter(path__endswith="ant/3.png").update(excluded="curator")
    press(job, "copies", "leave_out")
    assert left_out(odd_dataset) == {"ant/3.png": "curator", "ant/y.png": "copy"}


def test_what_cannot_be_read_is_left_out_one_by_one(odd_dataset: Dataset, press: Press) -> None:
    job = audited(odd_dataset)
    assert press(job, "unreadable", "leave_out", item=1) == "1 picture is left out."
    assert left_out(odd_dataset) == {"bee/text.png": "unreadable"}
    assert press(job, "unreadable", "restore", item=1) == "1 picture is restored."
    assert left_out(odd_dataset) == {}


def test_of_a_contradiction_one_label_is_kept(odd_dataset: Dataset, press: Press) -> None:
    job = audited(odd_dataset)
    press(job, "contradictions", "take_label", item=0, label="wasp")
    assert left_out(odd_dataset) == {}, "none of it has that label"
    press(job, "contradictions", "take_label", item=0, label="bee")
    assert left_out(odd_dataset) == {"ant/4.png": "contradiction"}
    press(job, "contradictions", "take_label", item=0, label="ant")
    assert left_out(odd_dataset) == {"ant/4.png": "contradiction"}, "it was decided"
    press(job, "contradictions", "restore", item=0)
    press(job, "contradictions", "leave_out")
    assert set(left_out(odd_dataset)) == {"ant/4.png", "bee/other.png"}


@pytest.mark.usefixtures("doubts")
def test_a_doubtful_label_is_moved_to_the_other_class(dataset: Dataset, press: Press) -> None:
    job = audited(dataset)
    [item] = found(job)["suspects"].items
    assert (item.suggestion, item.shares) == ("ant", [0.09, 0.91])
    assert press(job, "suspects", "accept", item=0) == "1 picture has another class."
    assert label_of(dataset, DOUBTED) == "ant"
    press(job, "suspects", "restore", item=0)
    assert label_of(dataset, DOUBTED) == "bee"


@pytest.mark.usefixtures("doubts")
def test_a_label_that_is_right_is_not_asked_of_again(
    dataset: Dataset, press: Press, curator_client: Client
) -> None:
    job = audited(dataset)
    assert "Labelled bee (9 %), looks like ant (91 %)." in page_of(curator_client, dataset)
    assert press(job, "suspects", "confirm", item=0) == "1 label is right."
    assert "All of it is decided." in page_of(curator_client, dataset)
    for _ in range(2):
        assert "suspects" not in found(audited(dataset))
    dataset.examples.filter(path__endswith=DOUBTED).update(label="ant")
    assert "suspects" in found(audited(dataset)), "it is another label now"


@pytest.mark.usefixtures("doubts")
def test_a_confirmed_label_can_be_taken_back(dataset: Dataset, press: Press) -> None:
    job = audited(dataset)
    press(job, "suspects", "confirm")
    assert len(confirmed_labels(dataset=dataset)) == 1
    press(job, "suspects", "restore", item=0)
    assert confirmed_labels(dataset=dataset) == {}
    assert "suspects" in found(audited(dataset))


def test_undo_makes_pictures_what_they_were(
    odd_dataset: Dataset, press: Press, curator_client: Client
) -> None:
    job = audited(odd_dataset)
    press(job, "copies", "leave_out")
    press(job, "unreadable", "leave_out")
    odd_dataset.examples.filter(path__endswith="x.png").update(excluded="curator")
    job.refresh_from_db()
    first, _ = job.params["fixes"]
    undo = reverse("studio:audit_undo", args=[odd_dataset.pk, job.pk])
    assert "Last decisions" in page_of(curator_client, odd_dataset)
    said = curator_client.post(undo, {"fix": first["id"]}, follow=True).content.decode()
    assert "1 picture is again as it was." in said
    assert left_out(odd_dataset) == {
        "ant/x.png": "curator",  # somebody has decided otherwise since
        "ant/empty.jpg": "unreadable",
        "bee/text.png": "unreadable",
    }
    again = curator_client.post(undo, {"fix": first["id"]}, follow=True).content.decode()
    assert "Nothing was left to take back" in again


def test_without_javascript_a_press_leads_back_to_the_finding(
    odd_dataset: Dataset, curator_client: Client
) -> None:
    job = audited(odd_dataset)
    where = place(job, "copies")
    address = reverse("studio:audit_fix", args=[odd_dataset.pk, job.pk])
    response = curator_client.post(
        address, {"finding": where, "item": "", "action": "leave_out", "shown": 24}, follow=True
    )
    assert response.redirect_chain[0][0].endswith(f"#finding-{where}")
    assert "2 pictures are left out." in response.content.decode()


def test_two_curators_who_press_at_once_do_it_once(odd_dataset: Dataset, curator: User) -> None:
    job = audited(odd_dataset)
    mine, theirs = Job.objects.get(pk=job.pk), Job.objects.get(pk=job.pk)
    where = place(job, "copies")
    first = finding_fix(job=mine, by=curator, finding=where, action="leave_out")
    second = finding_fix(job=theirs, by=curator, finding=where, action="leave_out")
    assert (first.num_changed, second.num_changed) == (2, 0)
    assert fix_undo(job=theirs, fix=first.fix) == 2
    assert fix_undo(job=mine, fix=first.fix) == 0


def test_a_page_that_is_older_than_the_last_audit_changes_nothing(
    odd_dataset: Dataset, curator: User, curator_client: Client
) -> None:
    old = audited(odd_dataset)
    audited(odd_dataset)
    where = place(old, "copies")
    with pytest.raises(AuditOutdated):
        finding_fix(job=old, by=curator, finding=where, action="leave_out")
    address = reverse("studio:audit_fix", args=[odd_dataset.pk, old.pk])
    values = {"finding": where, "item": "", "action": "leave_out"}
    told = curator_client.post(address, values, follow=True).content.decode()
    assert "Somebody has audited this dataset again" in told
    again = curator_client.post(address, values, headers={"HX-Request": "true"})
    assert again["HX-Redirect"] == reverse("studio:audit", args=[odd_dataset.pk])
    assert left_out(odd_dataset) == {}


@pytest.mark.parametrize(
    ("finding", "item", "action"),
    [(0, 9999, "leave_out"), (99, None, "leave_out"), (0, 0, "delete"), (0, None, "restore")],
)
def test_what_is_not_offered_is_not_done(
    odd_dataset: Dataset, curator: User, finding: int, item: int | None, action: str
) -> None:
    job = audited(odd_dataset)
    with pytest.raises(NotOffered):
        finding_fix(job=job, by=curator, finding=finding, item=item, action=action)
    assert left_out(odd_dataset) == {}
