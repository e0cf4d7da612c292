"""Two versions beside each other on the same pictures: how much better one is, and whether chance would do it.

Only pictures on which they differ say anything of the difference. So it is resampled in pairs: what a
resample draws is a picture with both versions' answers (a paired bootstrap, Efron 1979). There are four
kinds of pairs, and a resample is a draw of how many there are of each.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from training.evaluation.intervals import wilson

NUM_RESAMPLES = 10_000
SEED = 0
# Before it draws, each of the four kinds gets half a picture more (after Agresti and Min 2005, who do so
# to the same end for a formula). Plain resamples never draw what was not seen: three pictures of three
# that only the new version got right would already be "better, for certain".
SMOOTHING = 0.5

Verdict = Literal["better", "worse", "no difference shown"]
Kind = Literal["lost", "gained", "both wrong"]


@dataclass(frozen=True)
class Pair:
    """One picture with what both versions said, by the classes' names; `path` tells where it is."""

    path: str
    truth: frozenset[str]
    champion: frozenset[str]
    challenger: frozenset[str]

    @property
    def kind(self) -> Kind | None:
        """How the two disagree; None where they say the same."""
        if self.champion == self.challenger:
            return None
        if self.champion == self.truth:
            return "lost"
        return "gained" if self.challenger == self.truth else "both wrong"


@dataclass(frozen=True)
class Difference:
    """How many more of `num` pictures the challenger gets right, as a share -1 to 1, with the 95 %
    interval. `gained`: pictures that only it gets right, `lost`: that only the champion does."""

    num: int
    gained: int
    lost: int
    share: float
    interval: tuple[float, float]

    @property
    def verdict(self) -> Verdict:
        if self.interval[0] > 0:
            return "better"
        return "worse" if self.interval[1] < 0 else "no difference shown"


@dataclass(frozen=True)
class ClassChange:
    """A class whose pictures the challenger recognizes more or less often beyond chance."""

    name: str
    difference: Difference


@dataclass(frozen=True)
class Comparison:
    """`champion`, `challenger`: the share of pictures that each gets right, with its interval.
    `classes`: those that got better or worse, the largest differences first. `disagreements`: how many
    there are of each kind."""

    difference: Difference
    champion: tuple[float, tuple[float, float]]
    challenger: tuple[float, tuple[float, float]]
    classes: tuple[ClassChange, ...]
    disagreements: dict[Kind, int]


def compare(pairs: Iterable[Pair]) -> Comparison:
    """Two versions beside each other. A picture is right where exactly its labels were said. Of a class,
    the pictures that show it count, and whether it was said. Raises ValueError for no pictures.
    """
    num = champion_right = challenger_right = both_right = 0
    kinds: Counter[Kind] = Counter()
    shown: Counter[str] = Counter()
    gained: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    both: Counter[str] = Counter()
    for pair in pairs:
        num += 1
        is_champion_right = pair.champion == pair.truth
        is_challenger_right = pair.challenger == pair.truth
        champion_right += is_champion_right
        challenger_right += is_challenger_right
        both_right += is_champion_right and is_challenger_right
        if pair.kind:
            kinds[pair.kind] += 1
        for name in pair.truth:
            shown[name] += 1
            told = (name in pair.champion, name in pair.challenger)
            gained[name] += told == (False, True)
            lost[name] += told == (True, False)
            both[name] += told == (True, True)
    if not num:
        raise ValueError("Expected pictures to compare on, received none.")
    return Comparison(
        difference(
            num,
            gained=challenger_right - both_right,
            lost=champion_right - both_right,
            both=both_right,
        ),
        (champion_right / num, wilson(champion_right, num)),
        (challenger_right / num, wilson(challenger_right, num)),
        tuple(sorted(_changes(shown, gained, lost, both), key=_largest_first)),
        dict(kinds),
    )


def difference(num: int, *, gained: int, lost: int, both: int) -> Difference:
    """The difference on `num` pictures, of which both get `both` right. The same counts give the same
    interval."""
    share = (gained - lost) / num
    counts = np.array([gained, lost, both, num - gained - lost - both], np.float64) + SMOOTHING
    drawn = np.random.default_rng(SEED).multinomial(num, counts / counts.sum(), size=NUM_RESAMPLES)
    low, high = np.percentile((drawn[:, 0] - drawn[:, 1]) / num, [2.5, 97.5])
    return Difference(num, gained, lost, share, (min(float(low), share), max(float(high), share)))


def _changes(
    shown: Counter[str], gained: Counter[str], lost: Counter[str], both: Counter[str]
) -> Iterator[ClassChange]:
    for name, num in shown.items():
        if gained[name] == lost[name]:
            continue  # nothing to show, whatever is drawn
        found = difference(num, gained=gained[name], lost=lost[name], both=both[name])
        if found.verdict != "no difference shown":
            yield ClassChange(name, found)


def _largest_first(change: ClassChange) -> tuple[float, str]:
    return (-abs(change.difference.share), change.name)
