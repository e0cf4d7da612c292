"""The job that sets a version beside the one that answers: on pictures that neither has learned from."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from classifier.bundle import Bundle
from classifier.decide import Answer
from training.evaluation.comparison import ClassChange, Comparison, Difference, Kind, Pair, compare
from training.evaluation.outcomes import Outcome, Outcomes, learned_among, open_outcomes
from training.sources.folder import is_text
from webapp.studio.background import Answering, give_way, open_bundle, read_below
from webapp.studio.comparing.services import automatic_promote
from webapp.studio.jobs.worker import JobFailed, Tell
from webapp.studio.models import Job

# Of each kind of disagreement so many pictures are kept; how many there are is counted whole.
MAX_SHOWN_OF_A_KIND = 160
MAX_CLASSES = 200


@dataclass(frozen=True)
class _Said:
    """What the champion said of one picture."""

    predicted: frozenset[str]
    is_outlier: bool


def run(job: Job, tell: Tell) -> Mapping[str, Any]:
    """The comparison of `job.version` with `job.other_version`, as plain values."""
    version, other = job.version, job.other_version
    if version is None or other is None:
        raise JobFailed("nothing_to_compare")
    give_way()
    tell("read", 0.0)
    challenger, champion = open_bundle(version), open_bundle(other)
    outcomes = open_outcomes(challenger.path)
    if outcomes is None:
        raise JobFailed("no_outcomes", number=version.number)
    measured = {outcome.sha256: outcome for outcome in outcomes}
    learned = learned_among(champion.path, measured)
    asked = {
        digest: outcome
        for digest, outcome in measured.items()
        if learned is None or digest not in learned
    }
    said = _said_before(champion, asked)
    num_before = len(said)
    said |= _said_now(champion, [asked[digest] for digest in asked.keys() - said.keys()], tell)
    compared = [(asked[digest], said[digest]) for digest in sorted(said)]
    if not compared:
        raise JobFailed("nothing_to_compare")
    tell("compare", 0.0)
    found = compare(_pairs(compared))
    result = _result(found)
    # Before the rest is told: done twice, it finds that the version is no candidate and changes nothing.
    automatic_promote(job=job, version=version, champion=other, figures=result)
    return {
        **result,
        **_classes_of(outcomes, champion, compared),
        "measured_on": outcomes.measured_on,
        "num_measured": len(measured),
        "num_learned": len(learned or ()),
        "knows_learned": learned is not None,
        "num_before": num_before,
        "num_missing": len(asked) - len(compared),
        "outliers": {
            "champion": sum(each.is_outlier for _, each in compared),
            "challenger": sum(outcome.is_outlier for outcome, _ in compared),
        },
        "shown": _shown(_pairs(compared)),
    }


def _said_before(champion: Bundle, asked: Mapping[str, Outcome]) -> dict[str, _Said]:
    """What the champion said of these pictures when it was measured itself."""
    return {
        outcome.sha256: _Said(outcome.predicted, outcome.is_outlier)
        for outcome in open_outcomes(champion.path) or ()
        if outcome.sha256 in asked
    }


def _said_now(champion: Bundle, asked: list[Outcome], tell: Tell) -> dict[str, _Said]:
    """What it says of the others now, where their files are still there."""
    if not asked:
        return {}
    root = Path(settings.DATA_DIR)
    answering = Answering(champion)

    def read(outcome: Outcome) -> bytes:
        return read_below(root, outcome.path, sha256=outcome.sha256)

    said: dict[str, _Said] = {}
    asked = sorted(asked, key=lambda outcome: outcome.path)
    for number, (outcome, answer) in enumerate(answering.answers(asked, read)):
        tell("answer", number / len(asked))
        if isinstance(answer, Answer):
            said[outcome.sha256] = _Said(frozenset(answer.labels), answer.is_outlier)
    return said


def _pairs(compared: Iterable[tuple[Outcome, _Said]]) -> Iterator[Pair]:
    for outcome, said in compared:
        yield Pair(outcome.path, outcome.truth, said.predicted, outcome.predicted)


def _result(found: Comparison) -> dict[str, Any]:
    return {
        **_difference(found.difference),
        "champion": {"accuracy": found.champion[0], "interval": list(found.champion[1])},
        "challenger": {"accuracy": found.challenger[0], "interval": list(found.challenger[1])},
        "classes": [_class(change) for change in found.classes[:MAX_CLASSES]],
        "num_classes": len(found.classes),
        "disagreements": found.disagreements,
    }


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        **asdict(difference),
        "interval": list(difference.interval),
        "verdict": difference.verdict,
    }


def _class(change: ClassChange) -> dict[str, Any]:
    return {"name": change.name, **_difference(change.difference)}


def _classes_of(
    outcomes: Outcomes, champion: Bundle, compared: Iterable[tuple[Outcome, _Said]]
) -> dict[str, Any]:
    """Classes that only one of them has; a picture of one that the champion does not know counts as
    wrong for it."""
    before, now = set(champion.manifest.class_names), set(outcomes.class_names)
    new = sorted(now - before)
    return {
        "new_classes": new[:MAX_CLASSES],
        "num_new_classes": len(new),
        "num_of_new_classes": sum(not outcome.truth <= before for outcome, _ in compared),
        "lost_classes": sorted(before - now)[:MAX_CLASSES],
    }


def _shown(pairs: Iterable[Pair]) -> dict[Kind, list[dict[str, Any]]]:
    """The first pictures of each kind of disagreement."""
    shown: dict[Kind, list[dict[str, Any]]] = {"lost": [], "gained": [], "both wrong": []}
    for pair in pairs:
        if pair.kind and len(shown[pair.kind]) < MAX_SHOWN_OF_A_KIND:
            shown[pair.kind].append(
                {
                    "path": pair.path if is_text(pair.path) else "",
                    "truth": sorted(pair.truth),
                    "champion": sorted(pair.champion),
                    "challenger": sorted(pair.challenger),
                }
            )
    return shown
