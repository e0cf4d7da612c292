"""A model version's page: what was measured of each precision, and which one answers."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from classifier.engines.hardware import has_int8
from tests.stack import Stack
from tests.studio import draw_bugs, retrain
from tests.waiting import wait_for
from training.evaluation.verdicts import sentence_of
from webapp.recognizers.models import ModelVersion

MEASURED: dict[str, Any] = {
    "precision": "int8",
    "fallbacks": ["bf16", "fp32"],
    "num_pictures": 512,
    "tried": [
        {
            "precision": "int8",
            "verdict": "safe",
            "top1": 0.9512,
            "agreement": 0.9961,
            "mean_difference": 0.00412,
        },
        {
            "precision": "bf16",
            "verdict": "difference",
            "top1": 0.9531,
            "agreement": 0.99999,
            "mean_difference": 0.021,
        },
        {
            "precision": "fp32",
            "verdict": "exact",
            "top1": 0.9531,
            "agreement": 1.0,
            "mean_difference": 0.0,
        },
    ],
}


@pytest.fixture
def version(new_version: Callable[..., ModelVersion]) -> ModelVersion:
    return new_version()


def page(client: Client, version: ModelVersion, metrics: dict[str, Any]) -> str:
    """What a curator reads on it, words apart by one space."""
    version.metrics = metrics
    version.save()
    answer = client.get(reverse("studio:report", args=[version.pk]))
    assert answer.status_code == 200
    return " ".join(re.sub("<[^>]+>", " ", answer.content.decode()).split())


def test_each_precision_stands_with_its_figures_and_its_verdict(
    curator_client: Client, version: ModelVersion
) -> None:
    text = page(curator_client, version, {"val_top1": 0.95, "precision": MEASURED})
    assert "int8 or bf16 or fp32 – the first of these that the processor can" in text
    assert "int8 99.6 % 95.1 % 0.41 points Safe: it answers as fp32 does." in text
    assert "bf16 99.9 % 95.3 % 2.10 points Not used: its probabilities are more than 2 p" in text
    assert "fp32 100.0 % 95.3 % 0.00 points What the others are compared with." in text
    assert "Measured on 512 validation pictures." in text


def test_what_was_not_tried_says_why(curator_client: Client, version: ModelVersion) -> None:
    untried = {"precision": "int8", "verdict": "few_pictures", "top1": None}
    untried |= {"agreement": None, "mean_difference": None}
    measured = MEASURED | {"precision": "fp32", "fallbacks": [], "tried": [untried]}
    text = page(curator_client, version, {"precision": measured | {"num_pictures": 1}})
    assert "int8 – – – Not tried: fewer than 50 validation pictures" in text
    assert "the first of these" not in text
    assert "Measured on 1 validation picture." in text


def test_a_version_of_the_first_release_shows_bf16_beside_fp32(
    curator_client: Client, version: ModelVersion
) -> None:
    first = {"precision": "bf16", "agreement": 0.995, "mean_difference": 0.001}
    text = page(
        curator_client, version, {"precision": first | {"top1_fp32": 0.95, "top1_bf16": 0.949}}
    )
    assert "bf16 or fp32" in text
    assert "bf16 99.5 % 94.9 % 0.10 points Safe" in text


@pytest.mark.parametrize("metrics", [{}, {"precision": None}])
def test_a_version_that_says_nothing_of_it_has_a_page(
    curator_client: Client, version: ModelVersion, metrics: dict[str, Any]
) -> None:
    assert "What it computes in" not in page(curator_client, version, metrics)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.skipif(not has_int8(), reason="this processor has no dot products of bytes")
def test_the_training_worker_tries_int8_and_the_page_shows_what_came_of_it(stack: Stack) -> None:
    """In a child that Celery forked, which may have none of its own."""
    draw_bugs(stack, num_train=16, num_val=14)
    stack.create_users("curator", is_staff=True)
    stack.start("redis", "web", "training")
    [child] = wait_for(lambda: stack.children("training"), seconds=30, what="the child that trains")
    with stack.signed_in("curator") as curator:
        retrain(curator)

        def version() -> tuple[int, str] | None:
            found = stack.query("SELECT id, metrics FROM recognizers_modelversion")
            return found[0] if found else None

        number, metrics = wait_for(version, seconds=300, what="the training")
        precision = json.loads(metrics)["precision"]
        tried = {each["precision"]: each for each in precision["tried"]}
        assert tried["int8"]["verdict"] in {"safe", "agreement", "accuracy", "difference"}
        assert 0 <= tried["int8"]["agreement"] <= 1
        assert (precision["precision"] == "int8") == (tried["int8"]["verdict"] == "safe")
        page_of = curator.get(f"/admin/studio/versions/{number}/").text
        assert sentence_of(tried["int8"]["verdict"]) in page_of
    wait_for(
        lambda: stack.children("training") and not {child} & set(stack.children("training")),
        seconds=30,
        what="another child in place of the one that trained",
    )
    assert "exited with" not in stack.log("training")
