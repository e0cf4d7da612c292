"""The answer page: the top five as bars, asking again until everything is there."""

from collections.abc import Callable

import pytest
from django.test import Client

from webapp.predictions.answering import answer_all_queued
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion
from webapp.recognizers.templatetags.shares import percent

Upload = Callable[..., list[Prediction]]


def test_while_something_waits_the_page_asks_again(
    owner_client: Client, live_version: ModelVersion, upload_of: Upload
) -> None:
    rows = upload_of("red", "blue")
    page = owner_client.get(f"/uploads/{rows[0].upload}/").content.decode()
    assert page.count("Being answered") == 2
    assert f'hx-get="/uploads/{rows[0].upload}/"' in page
    assert 'http-equiv="refresh"' in page


def test_once_all_are_answered_it_shows_bars_and_rests(
    owner_client: Client, live_version: ModelVersion, upload_of: Upload
) -> None:
    rows = upload_of("red", "blue")
    answer_all_queued()
    page = owner_client.get(f"/uploads/{rows[0].upload}/").content.decode()
    assert page.count("<progress") == 6  # three classes each
    assert "hx-get" not in page
    assert 'http-equiv="refresh"' not in page


def test_the_fragment_is_only_the_part_that_changes(
    owner_client: Client, live_version: ModelVersion, upload_of: Upload
) -> None:
    [row] = upload_of("red")
    for path in (f"/uploads/{row.upload}/", f"/predictions/{row.public_id}/"):
        fragment = owner_client.get(path, headers={"HX-Request": "true"}).content.decode()
        assert "<html" not in fragment
        assert 'id="answers"' in fragment


def test_the_bars_values_are_the_very_probabilities(
    owner_client: Client, live_version: ModelVersion, upload_of: Upload
) -> None:
    [row] = upload_of("red")
    answer_all_queued()
    row.refresh_from_db()
    page = owner_client.get(f"/predictions/{row.public_id}/").content.decode()
    values = [float(part.split('"')[0]) for part in page.split('value="')[1:] if "." in part[:12]]
    assert values[:3] == [ranked["probability"] for ranked in row.top]


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.9731, "97.3 %"),
        (0.99999, "99.9 %"),
        (1.0, "100.0 %"),
        (0.0001, "< 0.1 %"),
        (0.0, "0.0 %"),
        (None, "–"),
    ],
)
def test_a_share_is_never_rounded_to_certainty(share: float | None, text: str) -> None:
    assert percent(share) == text
