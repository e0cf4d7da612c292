"""What is kept of an audit: its findings as plain values, with codes and figures instead of sentences,
so that each reader is told in their language; and pictures by the number of their row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from classifier.errors import ClassifierError
from training.dataset.findings import MAX_ITEMS, Finding, Item, shown
from webapp.studio.wording import failure_code

Pictures = Mapping[int, int]  # the number of an example, by its row in the audit
# Of a picture that is there a thousand times so many are kept: the next audit finds the rest.
MAX_PICTURES = 100
DOUBTS = "suspects"
LEVELS = ("blocks", "warns", "notes")


@dataclass(frozen=True)
class KeptItem:
    """One place of a finding.

    `examples`: their numbers, with the `labels` that they had. `left_out`: those of them that a training
    passes over by itself. `error`: code and figures of why there is no picture.
    """

    examples: Sequence[int]
    labels: Sequence[str]
    left_out: Sequence[int] = ()
    note: str = ""
    error: tuple[str, Mapping[str, str]] | None = None
    suggestion: str = ""
    shares: Sequence[float] | None = None

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        error = values["error"]
        return cls(**{**values, "error": tuple(error) if error else None})


@dataclass(frozen=True)
class KeptFinding:
    """`refusal`: the code of the error that a training would stop with; empty where it would not.
    `items`: the first of `num_items`."""

    code: str
    level: str
    num: int
    num_items: int = 0
    params: Mapping[str, str] = field(default_factory=dict)
    refusal: str = ""
    classes: Sequence[str] = ()
    items: Sequence[KeptItem] = ()

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        return cls(**{**values, "items": [KeptItem.read(item) for item in values["items"]]})


def packed(
    found: Sequence[Finding], pictures: Pictures, confirmed: Mapping[int, str]
) -> dict[str, Any]:
    """Findings for a job's result, what blocks first. Left out are doubts about the labels `confirmed`,
    by the number of the example."""
    findings = [_finding(finding, pictures, confirmed) for finding in found]
    asked = [each for each in findings if each["num"] or each["code"] != DOUBTS]
    return {"findings": sorted(asked, key=lambda each: LEVELS.index(each["level"]))}


def findings_of(result: Mapping[str, Any]) -> list[KeptFinding]:
    """What `packed` has written."""
    return [KeptFinding.read(values) for values in result.get("findings", ())]


def _finding(finding: Finding, pictures: Pictures, confirmed: Mapping[int, str]) -> dict[str, Any]:
    items = [_item(item, pictures) for item in finding.items]
    params = dict(finding.params)
    reason = params.get("reason")
    if isinstance(reason, ClassifierError):
        params = {"reason": failure_code(reason), **reason.params}
    num = finding.num
    if finding.code == DOUBTS:
        items = [item for item in items if not _is_confirmed(item, confirmed)]
        num = len(items)
    return {
        "code": finding.code,
        "level": finding.level,
        "num": num,
        "num_items": len(items),
        "params": {name: shown(str(value)) for name, value in params.items()},
        "refusal": failure_code(finding.refusal) if finding.refusal else "",
        "classes": list(finding.classes),
        "items": items[:MAX_ITEMS],
    }


def _item(item: Item, pictures: Pictures) -> dict[str, Any]:
    known = [
        (pictures[row], label)
        for row, label in zip(item.rows, item.labels, strict=True)
        if row in pictures
    ][:MAX_PICTURES]
    error = item.error
    return {
        "examples": [number for number, _ in known],
        "labels": [label for _, label in known],
        "left_out": [pictures[row] for row in item.left_out if row in pictures][:MAX_PICTURES],
        "note": "" if error or item.shares else shown(item.note),
        "error": _error(error) if error else None,
        "suggestion": item.suggestion,
        "shares": [round(share, 4) for share in item.shares] if item.shares else None,
    }


def _is_confirmed(item: Mapping[str, Any], confirmed: Mapping[int, str]) -> bool:
    """Whether a curator has said that its label, as it is now, is right."""
    pairs = zip(item["examples"], item["labels"], strict=True)
    return all(confirmed.get(number) == label for number, label in pairs)


def _error(error: ClassifierError) -> tuple[str, dict[str, str]]:
    return error.code, {name: shown(str(value)) for name, value in error.params.items()}
