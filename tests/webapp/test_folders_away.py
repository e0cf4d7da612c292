"""A folder on another machine that is out of reach for a while: what is in it waits for it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings

from webapp.predictions import answering
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.engines import engines
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion

State = Prediction.State


@pytest.mark.parametrize("how", ["away", "not mounted"])
@pytest.mark.parametrize("setting", ["PICTURES_DIR", "BUNDLES_DIR"])
def test_what_is_in_a_folder_that_is_away_waits_and_costs_no_attempt(
    live_version: ModelVersion,
    upload_of: Callable[..., list[Prediction]],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    how: str,
) -> None:
    upload_of("red", "green")
    engines.clear()
    folder = Path(getattr(settings, setting))
    away = folder.with_name("elsewhere")
    folder.rename(away)
    if how == "not mounted":
        folder.mkdir()
    assert answer_all_queued() == 0
    assert [(p.state, p.attempts) for p in Prediction.objects.all()] == [(State.QUEUED, 0)] * 2
    if how == "not mounted":
        folder.rmdir()
    away.rename(folder)
    monkeypatch.setattr(answering, "_left_alone", {})  # the while is over
    assert answer_all_queued() == 2
    assert {p.state for p in Prediction.objects.all()} == {State.DONE}
