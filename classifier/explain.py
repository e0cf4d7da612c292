"""Why an answer: where the picture spoke for it, which training pictures are nearest, how strange it is.

All of it comes from the pass that answered.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from classifier.bundle import Bundle
from classifier.engines.base import Outputs
from classifier.errors import BundleCorrupt
from classifier.nearest import NearestSearch
from classifier.neighbours import NEIGHBOURS, Neighbours
from classifier.outliers import (
    NUM_NEAREST,
    Method,
    distance_scores,
    energy_scores,
    probability_scores,
    unit,
)
from classifier.why import MAX_LEVEL, EvidenceMap, NearPicture, Why

NUM_MAPS = 5
NUM_NEAR = 5
# Of a training picture with many labels so many are kept, to stay within `why.MAX_BYTES`.
MAX_CLASSES_LISTED = 10


@dataclass(frozen=True)
class Explanation:
    """`outlier_score`: by the bundle's rule; None where it has none."""

    is_outlier: bool
    outlier_score: float | None
    why: Why


class Explainer:
    """Explains the answers of one bundle. Not for several threads at once.

    `head_kernel`: float32 `[D, C]`, the logits are the embedding times this, plus a bias. A bundle
    without training pictures or without a rule for outliers is explained by what it has. Raises
    BundleCorrupt when they do not fit the model.
    """

    def __init__(self, bundle: Bundle, head_kernel: NDArray[np.float32]) -> None:
        self._bundle = bundle
        self._kernel = head_kernel
        self._method, self._threshold = _rule_of(bundle)
        self._known: Neighbours | None = None
        self.num_bytes = 0
        if NEIGHBOURS in bundle.manifest.files:
            try:
                self._known = Neighbours.load(bundle.path / NEIGHBOURS)
                _check_fit(self._known, *head_kernel.shape)
                self._search = NearestSearch(self._known.embeddings)
            except ValueError as error:
                raise _unusable(bundle, f"{NEIGHBOURS}: {error}") from error
            self.num_bytes += self._search.num_bytes

    def explain(self, outputs: Outputs, tops: Sequence[Sequence[int]]) -> list[Explanation]:
        """For each picture of a pass, given its likeliest classes, first the likeliest."""
        units = unit(outputs.embedding)
        near: Sequence[tuple[NearPicture, ...]] = [()] * len(tops)
        places: NDArray[np.int64] | None = None
        if self._known:
            places, cosines = self._search.nearest(units, NUM_NEAR)
            near = [self._near(*each) for each in zip(places, cosines, strict=True)]
        scores = self._scores(outputs, places)
        return [
            Explanation(
                is_outlier=score is not None and score > self._threshold,
                outlier_score=score,
                why=self._why(feature_map, top[:NUM_MAPS], pictures),
            )
            for feature_map, top, pictures, score in zip(
                outputs.feature_map, tops, near, scores, strict=True
            )
        ]

    def _scores(self, outputs: Outputs, places: NDArray[np.int64] | None) -> Sequence[float | None]:
        """How unlike everything learned each picture is, as training computed it."""
        manifest = self._bundle.manifest
        if self._method == "energy":
            return list(map(float, energy_scores(outputs.logits, manifest.temperature)))
        if self._method == "probability":
            scores = probability_scores(outputs.logits, manifest.head, manifest.temperature)
            return list(map(float, scores))
        if self._method == "distance" and self._known and places is not None:
            # The nearest of the nearest are the nearest of all.
            nearest = (self._known.embeddings[row[:NUM_NEAREST]] for row in places)
            return [
                float(distance_scores(embedding[None], known)[0])
                for embedding, known in zip(outputs.embedding, nearest, strict=True)
            ]
        return [None] * len(outputs.logits)

    def _near(
        self, places: NDArray[np.int64], cosines: NDArray[np.float32]
    ) -> tuple[NearPicture, ...]:
        known = self._known
        if not known or not known.label_sets:  # the first bundles do not say what is on them
            return ()
        return tuple(
            NearPicture(
                class_indexes=known.classes_of(place)[:MAX_CLASSES_LISTED],
                distance=max(0.0, 1 - float(cosine)),
                thumbnail=known.thumbnail_of(place),
            )
            for place, cosine in zip(map(int, places), cosines, strict=True)
        )

    def _why(
        self, feature_map: NDArray[np.float32], top: Sequence[int], near: tuple[NearPicture, ...]
    ) -> Why:
        maps = activation_maps(feature_map, self._kernel[:, list(top)])
        levels, step = in_levels(maps)
        height, width = feature_map.shape[:2]
        usual = self._bundle.manifest.outliers.get("usual_distances")
        return Why(
            height=height,
            width=width,
            step=step,
            maps=tuple(
                EvidenceMap(index, each.tobytes()) for index, each in zip(top, levels, strict=True)
            ),
            near=near,
            usual_distances=(usual[0], usual[1]) if usual else None,
        )


def activation_maps(
    feature_map: NDArray[np.float32], kernel: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The class activation maps float32 `[K, h, w]` of a feature map `[h, w, D]`, for the columns of the
    head's kernel `[D, K]`: Zhou et al. 2016, arXiv:1512.04150.

    What each cell adds to the class's logit: the logit is their mean plus the bias.
    """
    return np.moveaxis(feature_map @ kernel, -1, 0)


def in_levels(maps: NDArray[np.float32]) -> tuple[NDArray[np.uint8], float]:
    """Maps `[K, h, w]` in steps of one size, uint8, and that size.

    The strongest cell of all maps is MAX_LEVEL. What speaks against a class is cut off at 0.
    """
    step = max(0.0, float(maps.max(initial=0))) / MAX_LEVEL
    if step < np.finfo(np.float32).tiny:
        return np.zeros(maps.shape, np.uint8), 0.0
    return np.rint(np.maximum(maps, 0) / step).astype(np.uint8), step


def _rule_of(bundle: Bundle) -> tuple[Method | None, float]:
    rule = bundle.manifest.outliers
    if not rule:
        return None, math.inf
    method, threshold = rule.get("method"), rule.get("threshold")
    if method not in get_args(Method):
        raise _unusable(bundle, f"an unknown rule for outliers, {method!r}")
    if not isinstance(threshold, int | float) or not math.isfinite(threshold):
        raise _unusable(bundle, f"the threshold {threshold!r} for outliers")
    return method, float(threshold)


def _check_fit(known: Neighbours, num_features: int, num_classes: int) -> None:
    """Raise ValueError where embeddings or labels are another model's."""
    width = known.embeddings.shape[1]
    if width != num_features:
        raise ValueError(f"embeddings of {width} numbers for a model of {num_features}")
    named = [index for labels in known.label_sets for index in labels]
    if named and not 0 <= min(named) <= max(named) < num_classes:
        raise ValueError(f"a class beyond the model's {num_classes}")


def _unusable(bundle: Bundle, problem: str) -> BundleCorrupt:
    return BundleCorrupt("reasons_unusable", path=bundle.path, problem=problem)
