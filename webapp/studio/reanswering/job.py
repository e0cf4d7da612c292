"""The job that answers pictures of the history anew with a chosen version, the newest first."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from classifier.decide import Answer
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion
from webapp.studio.background import Answering, give_way, open_bundle, read_below
from webapp.studio.jobs.worker import JobFailed, Tell
from webapp.studio.models import Job, SecondAnswer
from webapp.studio.reanswering.services import (
    answered_by_others,
    second_answers_forget,
    second_answers_keep,
)

ROWS_AT_ONCE = 32


def run(job: Job, tell: Tell) -> Mapping[str, Any]:
    """Second answers of `job.version`. One that was begun before goes on: what is written stays."""
    version = job.version
    if version is None:
        raise JobFailed("nothing_to_compare")
    give_way()
    tell("read", 0.0)
    second_answers_forget(before=job)
    asked = answered_by_others(version).filter(pk__lte=job.params["up_to"])
    wanted = asked[: job.params["number"]].count()
    if not wanted:
        return {"num_seen": 0, "num_unreadable": 0}
    answering = Answering(open_bundle(version))
    num_seen = num_unreadable = 0
    for rows in _rows(job, version):
        known = SecondAnswer.objects.filter(job=job, prediction__in=rows)
        answered = set(known.values_list("prediction_id", flat=True))
        left = [row for row in rows if row.pk not in answered]
        if left:
            fresh = list(_answers(job, answering, left))
            second_answers_keep(answers=fresh)
            num_unreadable += len(left) - len(fresh)
        num_seen += len(rows)
        tell("answer", min(1.0, num_seen / wanted))
    return {"num_seen": num_seen, "num_unreadable": num_unreadable}


def _rows(job: Job, version: ModelVersion) -> Iterator[list[Prediction]]:
    """The pictures that are asked for, some at a time, the newest first."""
    left = job.params["number"]
    next_pk = job.params["up_to"] + 1
    columns = ("pk", "label", "is_outlier", "picture_name")
    while left > 0:
        rows = list(
            answered_by_others(version)
            .filter(pk__lt=next_pk)
            .order_by("-pk")
            .only(*columns)[: min(left, ROWS_AT_ONCE)]
        )
        if not rows:
            return
        yield rows
        left -= len(rows)
        next_pk = rows[-1].pk


def _answers(job: Job, answering: Answering, rows: list[Prediction]) -> Iterator[SecondAnswer]:
    root = Path(settings.PICTURES_DIR)

    def read(row: Prediction) -> bytes:
        return read_below(root, row.picture_name)

    for row, answer in answering.answers(rows, read):
        if not isinstance(answer, Answer):
            continue
        yield SecondAnswer(
            job=job,
            prediction=row,
            label=answer.label,
            confidence=answer.confidence,
            is_outlier=answer.is_outlier,
            is_changed=(answer.label, answer.is_outlier) != (row.label, row.is_outlier),
        )
