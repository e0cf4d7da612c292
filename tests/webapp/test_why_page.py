"""Why, on the answer page: maps over the picture, the nearest training pictures, "none of these"."""

import json
from collections.abc import Callable
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from PIL import Image

from classifier.bundle import NEIGHBOURS_PICTURES
from classifier.crop import crop_box
from classifier.why import EvidenceMap, NearPicture, Why
from tests.bundles import COLOURS, colour_bundle
from tests.webapp.versions import go_live
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.maps import FRAME, HATCH, OUTSIDE, overlay
from webapp.predictions.models import Prediction
from webapp.predictions.reasons import shown_classes, shown_near
from webapp.recognizers.models import ModelVersion

Upload = Callable[..., list[Prediction]]


@pytest.fixture
def version(new_version: Callable[..., ModelVersion]) -> ModelVersion:
    """A live version that knows its training pictures."""
    version = new_version(knows_pictures=True)
    go_live(version)
    return version


@pytest.fixture
def answered(version: ModelVersion, upload_of: Upload) -> Prediction:
    [row] = upload_of("red")
    answer_all_queued()
    row.refresh_from_db()
    assert row.state == Prediction.State.DONE
    return row


def page_of(client: Client, row: Prediction) -> str:
    return client.get(f"/predictions/{row.public_id}/").content.decode()


def strange(row: Prediction) -> Prediction:
    row.is_outlier, row.outlier_score = True, 0.7
    row.save()
    return row


# --- Maps


def test_each_class_has_a_map_that_is_chosen_on_its_bar(
    owner_client: Client, answered: Prediction
) -> None:
    page = page_of(owner_client, answered)
    for rank in (1, 2, 3):
        assert f"/predictions/{answered.public_id}/map-{rank}.png" in page
        assert f'class="choice__map choice__map--{rank}"' in page
    assert page.count("checked") == 1
    assert page.index("choice__map--1") < page.index("checked") < page.index("choice__map--2")
    assert "What speaks for red is strongest" in page
    assert "Heat map of what speaks for red" in page
    assert "style=" not in page
    assert "data:" not in page


def test_a_map_is_a_png_in_the_proportions_of_the_kept_picture(
    owner_client: Client, answered: Prediction
) -> None:
    response = owner_client.get(f"/predictions/{answered.public_id}/map-1.png")
    assert response.status_code == 200
    assert response["Content-Type"] == "image/png"
    assert "private" in response["Cache-Control"]
    with Image.open(answered.picture_path) as kept:
        assert Image.open(BytesIO(response.content)).size == kept.size


@pytest.mark.parametrize("rank", ["0", "4", "99999999999999999999"])
def test_there_is_no_map_of_other_ranks(
    rank: str, owner_client: Client, answered: Prediction
) -> None:
    for name in (f"map-{rank}.png", f"nearest-{9 if rank == '4' else rank}.jpg"):
        assert owner_client.get(f"/predictions/{answered.public_id}/{name}").status_code == 404


def test_the_map_covers_the_very_square_that_the_model_saw() -> None:
    size = (400, 320)
    image = Image.open(BytesIO(overlay(bytes([255] * 49), 7, size)))
    left, top, right, bottom = map(round, crop_box(*size))
    for y in range(0, 320, 3):
        for x in range(0, 400, 3):
            is_inside = left <= x < right and top <= y < bottom
            colour = image.getpixel((x, y))
            assert (colour in (OUTSIDE, HATCH, FRAME)) != is_inside, (x, y, colour)


@pytest.mark.parametrize("cell", [0, 6, 24, 45])
def test_what_is_strongest_is_lightest_and_least_transparent(cell: int) -> None:
    levels = bytearray(49)
    levels[cell] = 255
    image = Image.open(BytesIO(overlay(bytes(levels), 7, (320, 320)))).convert("RGBA")
    row, column = divmod(cell, 7)
    place = (round(20 + (column + 0.5) * 40), round(20 + (row + 0.5) * 40))
    far = (300 - place[0] + 20, 300 - place[1] + 20)
    if cell == 24:
        far = (30, 30)
    strongest, nothing = image.getpixel(place), image.getpixel(far)
    assert isinstance(strongest, tuple)
    assert isinstance(nothing, tuple)
    assert strongest[3] > 150 > 10 > nothing[3]
    assert sum(strongest[:3]) > sum(nothing[:3])


def test_the_colours_grow_ever_lighter() -> None:
    image = Image.open(BytesIO(overlay(bytes([0]), 1, (32, 32))))
    palette = image.getpalette() or []
    lightness = [
        0.2126 * r + 0.7152 * g + 0.0722 * b
        for r, g, b in zip(palette[0 : 3 * OUTSIDE : 3], palette[1::3], palette[2::3], strict=False)
    ]
    assert all(b >= a - 1 for a, b in pairwise(lightness))
    assert lightness[OUTSIDE - 1] > 220


@pytest.mark.parametrize("size", [(1, 1), (960, 1), (1, 960), (960, 720), (3, 3)])
def test_every_shape_of_picture_has_a_map(size: tuple[int, int]) -> None:
    image = Image.open(BytesIO(overlay(bytes(49), 7, size)))
    image.load()
    assert max(image.size) <= 480


# --- The nearest


def test_the_nearest_pictures_are_shown_with_labels_and_distances_in_words(
    owner_client: Client, answered: Prediction
) -> None:
    page = page_of(owner_client, answered)
    assert "Looks like" in page
    near = shown_near(answered)
    assert [each.label for each in near[:4]] == ["red"] * 4
    assert [each.rank for each in near] == [1, 2, 3, 4, 5]
    assert near[-1].likeness == "hardly alike"
    assert near[0].likeness != near[-1].likeness
    for each in near:
        assert f"distance {each.distance}" in page
    for rank in range(1, 6):
        response = owner_client.get(f"/predictions/{answered.public_id}/nearest-{rank}.jpg")
        assert response["Content-Type"] == "image/jpeg"
        colour = Image.open(BytesIO(response.content)).getpixel((20, 20))
        assert isinstance(colour, tuple)
        if rank < 5:
            assert colour[0] > 200 > 80 > max(colour[1:])


def why(distance: float, *, classes: tuple[int, ...] = (0,), **options: Any) -> dict[str, Any]:
    options = {"usual_distances": (0.2, 0.4)} | options
    return Why(1, 1, 1.0, (), (NearPicture(classes, distance, None),), **options).to_json()


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (0.01, "almost the same picture"),
        (0.15, "very much alike"),
        (0.35, "alike"),
        (0.5, "hardly alike"),
    ],
)
def test_a_distance_is_told_by_what_is_usual_for_known_pictures(
    distance: float, words: str, answered: Prediction
) -> None:
    answered.why = why(distance)
    [near] = shown_near(answered)
    assert near.likeness == words
    answered.why = why(distance, usual_distances=None)
    assert shown_near(answered)[0].likeness == ""


def test_several_labels_are_all_named_and_none_is_said_to_be_none(answered: Prediction) -> None:
    answered.why = why(0.1, classes=(2, 0, 77))
    assert shown_near(answered)[0].label == "red, blue"
    answered.why = why(0.1, classes=())
    assert shown_near(answered)[0].label == "none of the classes"


def test_where_the_bundle_is_gone_the_page_is_still_fine(
    owner_client: Client, answered: Prediction, version: ModelVersion
) -> None:
    (version.bundle_path / NEIGHBOURS_PICTURES).unlink()
    assert owner_client.get(f"/predictions/{answered.public_id}/nearest-1.jpg").status_code == 404
    assert "Looks like" in page_of(owner_client, answered)
    version.bundle_path.rename(version.bundle_path.with_name("elsewhere"))
    assert owner_client.get(f"/predictions/{answered.public_id}/nearest-1.jpg").status_code == 404
    assert "Looks like" in page_of(owner_client, answered)


def test_a_thumbnail_is_only_read_as_far_as_it_goes(
    owner_client: Client, answered: Prediction, version: ModelVersion
) -> None:
    path = version.bundle_path / NEIGHBOURS_PICTURES
    path.write_bytes(path.read_bytes()[:100])
    assert owner_client.get(f"/predictions/{answered.public_id}/nearest-1.jpg").status_code == 404
    for thumbnail in ((0, 10**12), (10**30, 10), (-5, 10)):
        near = NearPicture((0,), 0.1, thumbnail)
        answered.why = Why(1, 1, 1.0, (), (near,)).to_json()
        answered.save()
        page = owner_client.get(f"/predictions/{answered.public_id}/nearest-1.jpg")
        assert page.status_code == 404


def test_anothers_are_a_404(other_client: Client, client: Client, answered: Prediction) -> None:
    for name in ("map-1.png", "nearest-1.jpg"):
        path = f"/predictions/{answered.public_id}/{name}"
        assert other_client.get(path).status_code == 404
        assert client.get(path).status_code == 302


# --- None of these


def test_what_is_unlike_anything_learned_is_headed_none_of_these(
    owner_client: Client, answered: Prediction
) -> None:
    assert ">None of these<" not in page_of(owner_client, answered)
    page = page_of(owner_client, strange(answered))
    assert page.index("None of these") < page.index("Closest to it are") < page.index("<progress")
    history = owner_client.get("/history/").content.decode()
    assert "None of these" in history
    assert "closest: red" in history


def test_a_picture_of_no_colour_is_none_of_these(version: ModelVersion, upload_of: Upload) -> None:
    [row] = upload_of("grey")
    answer_all_queued()
    row.refresh_from_db()
    assert row.is_outlier
    assert row.outlier_score == pytest.approx(0.29, abs=0.05)


# --- Rows that say less


@pytest.mark.parametrize("content", [{}, {"map": "from another release"}, {"near": []}])
def test_without_reasons_the_page_shows_bars_alone(
    content: dict[str, Any], owner_client: Client, answered: Prediction
) -> None:
    answered.why = content
    answered.save()
    page = page_of(owner_client, answered)
    assert page.count("<progress") == 3
    assert 'type="radio"' not in page
    assert "Looks like" not in page
    for name in ("map-1.png", "nearest-1.jpg"):
        assert owner_client.get(f"/predictions/{answered.public_id}/{name}").status_code == 404


def test_where_nothing_speaks_for_a_class_it_says_so(answered: Prediction) -> None:
    levels = bytearray(9)
    levels[5] = 9
    maps = (EvidenceMap(2, bytes(levels)), EvidenceMap(1, bytes(9)))
    answered.why = Why(3, 3, 0.1, maps).to_json()
    first, second, third = shown_classes(answered)
    assert first.where == "What speaks for red is strongest on the right."
    assert second.where.startswith("Nothing on the picture speaks for ")
    assert third.where == ""


def test_long_and_hostile_class_names_are_escaped_and_kept_out_of_the_reasons(
    owner_client: Client, answered: Prediction, version: ModelVersion, tmp_path: Path
) -> None:
    nasty = "<script>" + "x" * 247
    bundle = colour_bundle(tmp_path / "nasty", class_names=("a", "b", nasty), knows_pictures=True)
    assert set(COLOURS) != set(bundle.manifest.class_names)
    version.class_names = list(bundle.manifest.class_names)
    version.save()
    assert len(json.dumps(answered.why)) < 2_000
    page = page_of(owner_client, answered)
    assert "<script>xxx" not in page
    assert "&lt;script&gt;xxx" in page


@pytest.mark.parametrize(
    ("distance", "shown"), [(0.3456, "0.35"), (0.0123, "0.0123"), (0.0, "0.0000")]
)
def test_small_distances_have_enough_digits_to_differ(
    distance: float, shown: str, answered: Prediction
) -> None:
    answered.why = why(distance)
    assert shown_near(answered)[0].distance == shown
