"""Visitors' pictures among those of a dataset: for who may see corrections, while their owners keep them."""

import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.pictures import picture_bytes
from tests.webapp.compared import compare_now, label_colours, wrong
from tests.webapp.corrections import colours_dataset, decided, judged
from tests.webapp.reports import as_json, as_lines, outcome, reported_version
from tests.webapp.test_studio_access import client_of
from webapp.accounts.models import User
from webapp.predictions.deletions import deletion_undo, predictions_delete
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion
from webapp.studio.datasets import pictures
from webapp.studio.jobs.services import job_create
from webapp.studio.loop import files
from webapp.studio.loop.taking import corrections_take
from webapp.studio.models import Dataset, Example, Job, TrainingRun

UNSEEN = "A visitor's picture: you may not see these."
THUMBNAIL = re.compile(r'src="([^"]+/thumbnail/)"')


@pytest.fixture
def dataset(live_version: ModelVersion) -> Dataset:
    """With the files of its own pictures."""
    made = colours_dataset(live_version.recognizer)
    for row in made.examples.all():
        row.file.parent.mkdir(parents=True, exist_ok=True)
        row.file.write_bytes(picture_bytes())
    return made


@pytest.fixture
def correction(
    dataset: Dataset, live_version: ModelVersion, owner: User, curator: User
) -> Prediction:
    """Taken into the dataset."""
    row = judged(owner, live_version)
    decided(row, curator)
    corrections_take(recognizer=live_version.recognizer, dataset=dataset, by=curator)
    return row


@pytest.fixture
def copy(dataset: Dataset, correction: Prediction) -> Example:
    return dataset.examples.get(prediction=correction)


def addresses(example: Example) -> list[str]:
    names = ("example_thumbnail", "example_picture")
    return [reverse(f"studio:{name}", args=[example.dataset_id, example.pk]) for name in names]


def statuses(client: Client, example: Example) -> set[int]:
    return {client.get(address).status_code for address in addresses(example)}


def test_visitors_pictures_are_shown_to_who_may_see_corrections_alone(
    dataset: Dataset, copy: Example, other: User
) -> None:
    own = dataset.examples.filter(prediction=None).first()
    assert own is not None
    trainer = client_of(other, "studio.train")
    assert (statuses(trainer, own), statuses(trainer, copy)) == ({200}, {403})
    seer = client_of(other, "predictions.view_correction")
    assert (statuses(seer, own), statuses(seer, copy)) == ({200}, {200})


def test_a_picture_that_its_owner_deletes_is_shown_to_nobody_and_again_when_it_is_back(
    copy: Example, correction: Prediction, owner: User, curator_client: Client
) -> None:
    assert statuses(curator_client, copy) == {200}
    deletion = uuid.uuid4()
    predictions_delete(owner=owner, public_ids=[correction.public_id], deletion=deletion)
    assert statuses(curator_client, copy) == {404}
    deletion_undo(owner=owner, deletion=deletion)
    assert statuses(curator_client, copy) == {200}


def audit_of(dataset: Dataset, example: Example) -> None:
    item = {
        "examples": [example.pk],
        "labels": [example.label],
        "left_out": [],
        "note": "",
        "error": None,
        "suggestion": "red",
        "shares": None,
    }
    finding = {
        "code": "suspects",
        "level": "warns",
        "num": 1,
        "num_items": 1,
        "params": {},
        "refusal": "",
        "classes": [],
        "items": [item],
    }
    job, _ = job_create(kind=Job.Kind.AUDIT, dataset=dataset)
    result = {"findings": [finding], "digest": "", "num_pictures": 7, "num_learned": 7}
    Job.objects.filter(pk=job.pk).update(state="succeeded", result=result)


@pytest.fixture
def pages(
    dataset: Dataset, copy: Example, live_version: ModelVersion, tmp_path: Path
) -> dict[str, str]:
    """The addresses of pages that show it."""
    recognizer = live_version.recognizer
    audit_of(dataset, copy)
    mistake = {"row": 0, "path": copy.path, "given": ["blue"], "predicted": ["red"], "about": "red"}
    report = {"evaluation": {"head": "softmax", "class_names": [], "mistakes": [mistake]}}
    lines = as_lines([outcome(copy.path, [0], [2])])
    version = reported_version(
        recognizer,
        tmp_path / "bundles" / "reported",
        files={"report.json": as_json(report), "outcomes.jsonl": lines},
    )
    TrainingRun.objects.create(recognizer=recognizer, dataset=dataset, config={}, version=version)
    frozen = dataset.latest_version()
    assert frozen is not None
    return {
        "browse": reverse("studio:dataset", args=[dataset.pk]),
        "version": reverse("studio:dataset_version", args=[frozen.pk]),
        "audit": reverse("studio:audit", args=[dataset.pk]),
        "mistakes": reverse("studio:report", args=[version.pk]),
        "cell": f"{reverse('studio:confusion', args=[version.pk])}?given=0&predicted=2",
    }


PAGES = ["browse", "version", "audit", "mistakes", "cell"]


@pytest.mark.parametrize("name", PAGES)
def test_pages_say_so_instead_of_asking_for_a_picture_that_the_reader_may_not_see(
    pages: dict[str, str], copy: Example, other: User, name: str
) -> None:
    text = client_of(other, "studio.train").get(pages[name]).content.decode()
    assert text.count(UNSEEN) == 1
    assert not set(THUMBNAIL.findall(text)) & set(addresses(copy))
    text = client_of(other, "predictions.view_correction").get(pages[name]).content.decode()
    assert UNSEEN not in text
    assert addresses(copy)[0] in THUMBNAIL.findall(text)


@pytest.mark.parametrize("name", ["version", "audit", "mistakes", "cell"])
def test_pages_do_not_ask_for_a_picture_that_its_owner_has_deleted(
    pages: dict[str, str],
    copy: Example,
    correction: Prediction,
    owner: User,
    curator_client: Client,
    name: str,
) -> None:
    predictions_delete(owner=owner, public_ids=[correction.public_id], deletion=uuid.uuid4())
    text = curator_client.get(pages[name]).content.decode()
    assert not set(THUMBNAIL.findall(text)) & set(addresses(copy))


def test_the_page_of_a_picture_says_so_too(copy: Example, other: User) -> None:
    page = reverse("studio:example", args=[copy.dataset_id, copy.pk])
    text = client_of(other, "studio.train").get(page).content.decode()
    assert UNSEEN in text
    assert "/picture/" not in text
    text = client_of(other, "predictions.view_correction").get(page).content.decode()
    assert "/picture/" in text


def test_pictures_on_which_two_versions_disagree_are_shown_to_who_may_see_them(
    new_version: Callable[..., ModelVersion],
    live_version: ModelVersion,
    correction: Prediction,
    owner: User,
    other: User,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("webapp.studio.background.os.nice", lambda by: by)
    labelled = label_colours(tmp_path, 1)
    version = new_version(outcomes=wrong(labelled), learned=[])
    dataset = Dataset.objects.create(name="Colours", folder_name="others")
    TrainingRun.objects.create(
        recognizer=version.recognizer, dataset=dataset, config={}, version=version
    )
    Example.objects.bulk_create(
        Example(
            dataset=dataset,
            path=picture.path,
            label=picture.label,
            prediction=None if place else correction,
        )
        for place, picture in enumerate(labelled)
    )
    compare_now(version, live_version)
    page = f"/admin/studio/comparing/{version.pk}/"
    text = client_of(other, "studio.train").get(page).content.decode()
    assert (text.count("/thumbnail/"), text.count(UNSEEN)) == (2, 1)
    seer = client_of(other, "predictions.view_correction")
    assert seer.get(page).content.decode().count("/thumbnail/") == 3
    predictions_delete(owner=owner, public_ids=[correction.public_id], deletion=uuid.uuid4())
    text = seer.get(page).content.decode()
    assert (text.count("/thumbnail/"), text.count("no longer in the dataset")) == (2, 1)


# What is kept of them


def thumbnails(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "cache" / "thumbnails").rglob("*.jpg"))


def test_of_a_copy_that_goes_while_it_is_made_small_nothing_is_kept(
    copy: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = pictures._encoded

    def encoded_before_it_goes(file: Path, long_side: int) -> bytes:
        small = encoded(file, long_side)
        files.forget(copy.path)
        return small

    monkeypatch.setattr(pictures, "_encoded", encoded_before_it_goes)
    pictures.thumbnail_of(copy)
    assert not copy.file.exists()
    assert thumbnails(tmp_path) == []


def test_of_a_copy_that_is_made_small_while_it_goes_nothing_is_kept(
    copy: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = Path.unlink

    def unlink_after_somebody_looked(file: Path, **more: Any) -> None:
        if file == copy.file:  # so far nothing was kept of it
            pictures.thumbnail_of(copy)
            assert thumbnails(tmp_path)
        unlink(file, **more)

    monkeypatch.setattr(Path, "unlink", unlink_after_somebody_looked)
    files.forget(copy.path)
    assert not copy.file.exists()
    assert thumbnails(tmp_path) == []


def test_a_copy_that_somebody_else_removes_stops_no_sweep(
    copy: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "KEPT_WITHOUT_ROW_SECONDS", -60)
    left = copy.file.with_name("left.jpg")
    left.touch()
    gone = copy.file.with_name("gone.jpg")
    gone.symlink_to("nowhere")  # listed, and not there any more
    assert files.sweep() == 1
    assert not left.exists()
    assert copy.file.exists()
