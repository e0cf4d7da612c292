"""Visitors' pictures that were judged, and a dataset to take them into."""

from typing import Any

from django.utils import timezone

from tests.pictures import picture_bytes
from tests.webapp.rows import rows_of
from webapp.accounts.models import User
from webapp.predictions.models import Prediction
from webapp.predictions.pictures import path_of
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.studio.datasets.services import dataset_get_or_create
from webapp.studio.loop.reviews import classes_of, review_decide, seen_of
from webapp.studio.models import Dataset, Example, Review, TrainingRun

PICTURE = picture_bytes("blue")


def judged(
    owner: User,
    version: ModelVersion,
    verdict: str = "wrong",
    true_label: str = "blue",
    **more: Any,
) -> Prediction:
    """One answered picture, kept on the disk, of which its owner has said something."""
    said = {"verdict": verdict, "true_label": true_label if verdict == "wrong" else ""}
    said_at = {"corrected_at": timezone.now() if verdict else None}
    top = [{"label": "red", "probability": 0.75}, {"label": "blue", "probability": 0.2}]
    fields = {"label": "red", "version": version, "top": top, **said, **said_at, **more}
    [row] = rows_of(owner, version.recognizer, 1, **fields)
    row.picture_name = f"aa/{row.pk}.jpg"
    path_of(row.picture_name).parent.mkdir(parents=True, exist_ok=True)
    path_of(row.picture_name).write_bytes(PICTURE)
    row.save()
    return row


def decided(row: Prediction, by: User, decision: str = "accepted", label: str = "") -> Review:
    return review_decide(
        prediction=row,
        decision=decision,
        label=label,
        by=by,
        classes=classes_of(row.recognizer),
        seen=as_seen(row),
    )


def as_seen(row: Prediction) -> str:
    """What a form brings back whose page is shown now."""
    return seen_of(Prediction.objects.select_related("review").get(pk=row.pk))


def colours_dataset(recognizer: Recognizer, *, split: str = "") -> Dataset:
    """A dataset that is read, and a successful run of the recognizer on it."""
    dataset = dataset_get_or_create(folder_name=recognizer.slug)
    dataset.state = Dataset.State.READY
    dataset.save()
    Example.objects.bulk_create(
        Example(
            dataset=dataset,
            path=f"datasets/{dataset.folder_name}/{label}/{i}.jpg",
            label=label,
            given_label=label,
            split=split,
        )
        for label in ("blue", "green", "red")
        for i in range(2)
    )
    TrainingRun.objects.create(
        recognizer=recognizer,
        dataset=dataset,
        config={"backbone": "mobilenet_v2", "weights": "none", "seed": 3},
        state=TrainingRun.State.SUCCEEDED,
    )
    return dataset
