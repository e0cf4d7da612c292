"""Why an answer was given, as it is kept beside the answer: plain values, without numpy.

The worker writes it into a prediction's row, the web process reads it there; only the worker has
numpy. Classes are places in the bundle's class names, since names may be long.
"""

import math
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

Head = Literal["softmax", "sigmoid"]

# As JSON text in its row. A map of 32 x 32 cells (1024 pixels) with all that is listed stays below;
# tests/classifier/test_why.py holds it to that.
MAX_BYTES = 8192
# Of the labels of one picture.
MAX_LABELS = 20
# What a class's map holds for its strongest cell, where no other class's is stronger.
MAX_LEVEL = 255


@dataclass(frozen=True)
class EvidenceMap:
    """Where on the picture something spoke for a class: a class activation map.

    `levels`: a byte for each cell, row by row from the top left. A cell that spoke against the class
    is 0.
    """

    class_index: int
    levels: bytes


@dataclass(frozen=True)
class NearPicture:
    """A training picture that is like the one answered.

    `distance`: the cosine distance of their embeddings, 0 to 2. `thumbnail`: where in the bundle's
    `neighbours.jpegs` its JPEG begins and how many bytes it has; None where there is none.
    """

    class_indexes: tuple[int, ...]
    distance: float
    thumbnail: tuple[int, int] | None


@dataclass(frozen=True)
class Scores:
    """What the head gave and how it became probabilities, so that it can be computed again by hand.

    `logits`: of the likeliest classes, first the likeliest, before the temperature divides them.
    `largest`: the largest logit of all `num_classes`. `rest`: the sum of exp((z - largest) / T) over
    all classes that are not listed, with the temperature as T; `plain_rest`: the same with T = 1.
    `thresholds`: with a sigmoid head, from which probability on each listed class is a label.
    `labels`: with a sigmoid head, the classes that reach their threshold, listed or not, first the
    likeliest, MAX_LABELS at most; None with a softmax head, and in rows of earlier releases.
    """

    head: Head
    temperature: float
    num_classes: int
    largest: float
    logits: tuple[float, ...]
    rest: float
    plain_rest: float
    thresholds: tuple[float, ...] = ()
    labels: tuple[int, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        content: dict[str, Any] = {
            "head": self.head,
            "temperature": _exact(self.temperature),
            "classes": self.num_classes,
            "largest": _exact(self.largest),
            "logits": [_exact(logit) for logit in self.logits],
            "rest": [_exact(self.rest), _exact(self.plain_rest)],
            "thresholds": [_short(threshold) for threshold in self.thresholds],
        }
        if self.labels is not None:
            content["labels"] = list(self.labels)
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """What `to_json` gave. Raises KeyError, TypeError or ValueError for anything else."""
        head = content["head"]
        rest, plain_rest = map(float, content["rest"])
        scores = cls(
            head=head,
            temperature=float(content["temperature"]),
            num_classes=int(content["classes"]),
            largest=float(content["largest"]),
            logits=tuple(map(float, content["logits"])),
            rest=rest,
            plain_rest=plain_rest,
            thresholds=tuple(map(float, content["thresholds"])),
            labels=tuple(map(int, content["labels"])) if "labels" in content else None,
        )
        numbers = (scores.largest, *scores.logits, scores.rest, scores.plain_rest)
        if head not in get_args(Head) or not scores.temperature > 0:
            raise ValueError(f"a head {head!r} with the temperature {scores.temperature}")
        if not all(map(math.isfinite, numbers)) or max(scores.logits) > scores.largest:
            raise ValueError("scores that are no scores")
        return scores


@dataclass(frozen=True)
class Why:
    """The reasons of one answer.

    `maps`: of the likeliest classes, first the likeliest, `height` x `width` cells each. A level times
    `step` is what the cell adds to the class's logit, which is their mean plus the head's bias; one
    step for all of them, so that they can be compared. `near`: the nearest training pictures, first
    the nearest. `usual_distances`: half and 95 % of known pictures are nearer to what was learned
    than this; None in a bundle that does not say. `scores`: None in rows of earlier releases.
    """

    height: int
    width: int
    step: float
    maps: tuple[EvidenceMap, ...]
    near: tuple[NearPicture, ...] = ()
    usual_distances: tuple[float, float] | None = None
    scores: Scores | None = None

    def to_json(self) -> dict[str, Any]:
        """What `json.dumps` writes in at most MAX_BYTES, usually in 1000."""
        content: dict[str, Any] = {
            "map": {
                "size": [self.height, self.width],
                "step": _short(self.step),
                "of": [[m.class_index, b64encode(m.levels).decode()] for m in self.maps],
            },
            "near": [
                [list(p.class_indexes), _short(p.distance), list(p.thumbnail or ())]
                for p in self.near
            ],
            "usual": [_short(distance) for distance in self.usual_distances or ()],
        }
        if self.scores:
            content["scores"] = self.scores.to_json()
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """What `to_json` gave. Raises ValueError for anything else, such as another release's row."""
        try:
            height, width = map(int, content["map"]["size"])
            maps = tuple(
                EvidenceMap(int(index), b64decode(levels, validate=True))
                for index, levels in content["map"]["of"]
            )
            near = tuple(
                NearPicture(tuple(map(int, indexes)), float(distance), _pair(thumbnail))
                for indexes, distance, thumbnail in content["near"]
            )
            usual = tuple(map(float, content["usual"]))
            step = float(content["map"]["step"])
            scores = Scores.from_json(content["scores"]) if "scores" in content else None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"Expected the reasons of an answer, received {error!r}.") from error
        if any(len(each.levels) != height * width for each in maps) or len(usual) not in (0, 2):
            raise ValueError(f"Expected maps of {height} x {width} cells, received others.")
        usual_distances = (usual[0], usual[1]) if usual else None
        return cls(height, width, step, maps, near, usual_distances, scores)


def _short(value: float) -> float:
    """Four digits: more than a byte can tell, or anybody wants to know of a distance."""
    return float(f"{value:.4g}")


def _exact(value: float) -> float:
    """Nine digits: what a float32 is told from its neighbours by, since an exponential magnifies."""
    return float(f"{value:.9g}")


def _pair(numbers: list[int]) -> tuple[int, int] | None:
    if not numbers:
        return None
    start, num_bytes = map(int, numbers)
    return start, num_bytes
