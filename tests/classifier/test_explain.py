"""classifier.explain: maps, near pictures and strangeness, against the plain formulas."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier.answering import open_answerer
from classifier.bundle import Bundle, new_bundle
from classifier.engines.base import open_engine
from classifier.errors import BundleCorrupt
from classifier.explain import MAX_CLASSES_LISTED, Explainer, activation_maps, in_levels
from classifier.neighbours import NEIGHBOURS, Neighbours
from classifier.outliers import distance_scores, energy_scores, probability_scores
from classifier.why import MAX_LEVEL
from tests.bundles import KERNEL, OUTLIER_RULE, SHADES, colour_bundle, known_colours
from tests.pictures import RGB, plain


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return colour_bundle(tmp_path_factory.mktemp("explain") / "bundle", knows_pictures=True)


Remade = Callable[..., Bundle]


@pytest.fixture
def remade(bundle: Bundle, tmp_path: Path) -> Remade:
    """The bundle once more, sealed with other neighbours or another rule; None leaves a file out."""

    def remake(
        neighbours: Neighbours | bytes | None = None, outliers: dict[str, Any] = OUTLIER_RULE
    ) -> Bundle:
        with new_bundle(tmp_path / "remade") as draft:
            for name in bundle.manifest.files:
                if name != NEIGHBOURS:
                    (draft.folder / name).write_bytes((bundle.path / name).read_bytes())
            if isinstance(neighbours, Neighbours):
                neighbours.save(draft.folder / NEIGHBOURS)
            elif neighbours is not None:
                (draft.folder / NEIGHBOURS).write_bytes(neighbours)
            draft.seal(replace(bundle.manifest, outliers=outliers))
        return Bundle.load(tmp_path / "remade")

    return remake


# --- Maps


def test_a_map_says_what_each_cell_adds_to_the_logit() -> None:
    generator = np.random.default_rng(0)
    feature_map = generator.normal(size=(5, 7, 16)).astype(np.float32)
    kernel = generator.normal(size=(16, 3)).astype(np.float32)
    maps = activation_maps(feature_map, kernel)
    assert maps.shape == (3, 5, 7)
    assert maps[1, 2, 6] == pytest.approx(feature_map[2, 6] @ kernel[:, 1], abs=1e-5)
    logits = feature_map.mean(axis=(0, 1)) @ kernel
    assert maps.mean(axis=(1, 2)) == pytest.approx(logits, abs=1e-5)


def test_levels_are_of_one_step_and_what_speaks_against_a_class_is_cut_off() -> None:
    maps = np.array([[[4, -3], [0, 1]], [[-1, 2], [0.5, 0]]], np.float32)
    levels, step = in_levels(maps)
    assert levels.dtype == np.uint8
    assert levels.max() == MAX_LEVEL
    assert levels * step == pytest.approx(np.maximum(maps, 0), abs=step / 2)


@pytest.mark.parametrize("value", [0.0, -2.0, 1e-45])
def test_where_nothing_speaks_for_any_class_the_map_is_empty(value: float) -> None:
    levels, step = in_levels(np.full((2, 3, 3), value, np.float32))
    assert not levels.any()
    assert step == 0.0


def test_the_map_shows_the_quarter_of_the_picture_that_has_the_colour(bundle: Bundle) -> None:
    picture = plain("grey")
    picture[0, :32, 32:] = RGB["red"]
    picture[0, 32:, :32] = RGB["blue"]
    [answer] = open_answerer(bundle).answer(picture)
    why = answer.why
    assert why is not None
    assert (why.height, why.width) == (2, 2)
    by_class = {each.class_index: list(each.levels) for each in why.maps}
    assert by_class[2].index(max(by_class[2])) == 1
    assert by_class[0].index(max(by_class[0])) == 2
    assert [each.class_index for each in why.maps] == [ranked.index for ranked in answer.top]


def test_maps_are_of_the_classes_that_were_asked_for(bundle: Bundle) -> None:
    [answer] = open_answerer(bundle).answer(plain("green"), top_k=1)
    assert answer.why is not None
    assert [each.class_index for each in answer.why.maps] == [1]


# --- Near pictures


def test_the_nearest_training_pictures_come_with_labels_distances_and_thumbnails(
    bundle: Bundle,
) -> None:
    answers = open_answerer(bundle).answer(plain("red", "blue"))
    for answer, label in zip(answers, (2, 0), strict=True):
        assert answer.why is not None
        near = answer.why.near
        assert [each.class_indexes for each in near[:4]] == [(label,)] * len(SHADES)
        distances = [each.distance for each in near]
        assert distances == sorted(distances)
        assert distances[3] < 0.01 < 0.7 < distances[4]
        assert all(each.thumbnail for each in near)
        assert answer.why.usual_distances == OUTLIER_RULE["usual_distances"]


@pytest.mark.parametrize(
    ("colour", "named"),
    [
        ("blue", ()),
        ("green", (2, 0)),
        ("red", ((0, 1, 2) * MAX_CLASSES_LISTED)[:MAX_CLASSES_LISTED]),
    ],
)
def test_pictures_with_several_labels_or_none_are_named_to_a_limit(
    colour: str, named: tuple[int, ...], remade: Remade
) -> None:
    sets = ((), (2, 0), (0, 1, 2) * MAX_CLASSES_LISTED)
    made = remade(replace(known_colours(), label_sets=sets))
    [answer] = open_answerer(made).answer(plain(colour))
    assert answer.why is not None
    assert answer.why.near[0].class_indexes == named


# --- None of these


@pytest.mark.parametrize("method", ["distance", "energy", "probability"])
def test_the_score_is_the_one_that_training_computes(method: str, remade: Remade) -> None:
    pictures = plain("red", "grey", "blue")
    made = remade(known_colours(), {"method": method, "threshold": 1e9})
    outputs = open_engine(made).run(pictures)
    expected = {
        "distance": distance_scores(outputs.embedding, known_colours().embeddings),
        "energy": energy_scores(outputs.logits, 1.0),
        "probability": probability_scores(outputs.logits, "softmax", 1.0),
    }[method]
    answers = open_answerer(made).answer(pictures)
    assert [a.outlier_score for a in answers] == pytest.approx(list(expected), abs=1e-6)
    assert not any(a.is_outlier for a in answers)


def test_what_is_above_the_threshold_is_none_of_these_and_what_reaches_it_is_not(
    remade: Remade, bundle: Bundle
) -> None:
    pictures = plain("red", "grey")
    red, grey = open_answerer(bundle).answer(pictures)
    assert (red.is_outlier, grey.is_outlier) == (False, True)
    exactly = remade(known_colours(), OUTLIER_RULE | {"threshold": grey.outlier_score})
    assert not open_answerer(exactly).answer(pictures)[1].is_outlier


def test_a_picture_alone_is_judged_as_in_a_batch(bundle: Bundle) -> None:
    answerer = open_answerer(bundle)
    pictures = plain("red", "grey", "green", "blue")
    together = answerer.answer(pictures)
    for picture, expected in zip(pictures, together, strict=True):
        [alone] = answerer.answer(picture[None])
        assert alone.outlier_score == pytest.approx(expected.outlier_score, abs=1e-6)
        assert (alone.label, alone.is_outlier) == (expected.label, expected.is_outlier)


# --- Bundles that say less


def test_a_bundle_without_training_pictures_or_rule_answers_with_maps_alone(
    tmp_path: Path,
) -> None:
    [answer] = open_answerer(colour_bundle(tmp_path / "old")).answer(plain("grey"))
    assert (answer.is_outlier, answer.outlier_score) == (False, None)
    assert answer.why is not None
    assert answer.why.near == ()
    assert len(answer.why.maps) == 3


def test_a_rule_on_distances_without_training_pictures_judges_nothing(remade: Remade) -> None:
    [answer] = open_answerer(remade(None)).answer(plain("grey"))
    assert (answer.is_outlier, answer.outlier_score) == (False, None)


def test_the_first_bundles_do_not_name_their_pictures_and_are_judged_all_the_same(
    remade: Remade,
) -> None:
    [answer] = open_answerer(remade(replace(known_colours(), label_sets=()))).answer(plain("grey"))
    assert answer.is_outlier
    assert answer.why is not None
    assert answer.why.near == ()


# --- Bundles that are refused


def wide() -> Neighbours:
    known = known_colours()
    return replace(known, embeddings=np.ones((len(known.labels), 4), np.float16) / 2)


def not_finite() -> Neighbours:
    known = known_colours()
    embeddings = known.embeddings.copy()
    embeddings[3, 1] = np.nan
    return replace(known, embeddings=embeddings)


@pytest.mark.parametrize(
    ("neighbours", "words"),
    [
        (wide(), "4 numbers for a model of 3"),
        (not_finite(), "unit length"),
        (replace(known_colours(), label_sets=((0,), (1,), (3,))), "beyond the model's 3"),
        (replace(known_colours(), label_sets=((0,), (1,))), "beyond the 2 sets"),
        (b"no archive", "pickle"),
    ],
)
def test_training_pictures_that_do_not_fit_are_refused_by_name(
    neighbours: Neighbours | bytes, words: str, remade: Remade
) -> None:
    made = remade(neighbours)
    with pytest.raises(BundleCorrupt, match=words) as caught:
        open_answerer(made)
    assert caught.value.code == "reasons_unusable"
    assert NEIGHBOURS in str(caught.value)
    assert str(made.path) in str(caught.value)


@pytest.mark.parametrize(
    "rule",
    [
        {"method": "guessing", "threshold": 1.0},
        {"method": "energy"},
        {"method": "energy", "threshold": "high"},
        {"threshold": 1.0},
    ],
)
def test_a_rule_that_cannot_be_followed_is_refused_by_name(
    rule: dict[str, Any], remade: Remade
) -> None:
    made = remade(known_colours(), rule)
    with pytest.raises(BundleCorrupt, match="outliers"):
        open_answerer(made)


def test_its_memory_counts(bundle: Bundle) -> None:
    engine = open_engine(bundle)
    answerer = open_answerer(bundle)
    assert answerer.num_bytes >= engine.num_bytes + known_colours().embeddings.size
    assert Explainer(bundle, KERNEL).num_bytes >= known_colours().embeddings.size
