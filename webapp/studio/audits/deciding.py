"""What a curator can do about a finding, and what becomes of its pictures. Plain decisions on rows; what
writes them is in `fixes.py`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from webapp.studio.audits.keeping import DOUBTS, KeptItem
from webapp.studio.models import Example

Excluded = Example.Excluded

LEAVE_OUT, TAKE_LABEL, ACCEPT = "leave_out", "take_label", "accept"
CONFIRM, RESTORE = "confirm", "restore"
ACTIONS = (LEAVE_OUT, TAKE_LABEL, ACCEPT, CONFIRM, RESTORE)
# Why a picture is left out that a finding of this kind names; these kinds can be left out.
REASONS: Mapping[str, str] = {
    "unreadable": Excluded.UNREADABLE,
    "copies": Excluded.COPY,
    "contradictions": Excluded.CONTRADICTION,
    "straddling": Excluded.ALIKE,
    "alike": Excluded.ALIKE,
    "alike_other_label": Excluded.CONTRADICTION,
    "blank": Excluded.BLANK,
    "placeholder": Excluded.BLANK,
    "tiny": Excluded.CURATOR,
    "extreme": Excluded.CURATOR,
    DOUBTS: Excluded.CURATOR,
}
# What may be done to all of a finding at once: where nobody need look at each.
FOR_ALL: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(REASONS, (LEAVE_OUT,)),
    "alike_other_label": (),
    DOUBTS: (ACCEPT, CONFIRM),
}


class Row(NamedTuple):
    """A picture as it is now."""

    number: int
    label: str
    excluded: str


class Change(NamedTuple):
    """What shall become of a picture; `confirms` that its label is right."""

    row: Row
    label: str
    excluded: str
    confirms: bool = False


def is_settled(
    code: str, item: KeptItem, rows: Sequence[Row], confirmed: Mapping[int, str]
) -> bool:
    """Whether nothing is left to decide of an item. `rows`: its pictures that there still are, in its order."""
    included = [row for row in rows if not row.excluded]
    labels = {row.label for row in included}
    if code in ("copies", "straddling", "alike"):
        return len(included) < 2
    if code in ("contradictions", "alike_other_label"):
        return len(labels) < 2
    if code == DOUBTS:
        return labels != set(item.labels) or all(
            confirmed.get(row.number) == row.label for row in included
        )
    return not included


def changes(
    action: str,
    code: str,
    item: KeptItem,
    rows: Sequence[Row],
    confirmed: Mapping[int, str],
    label: str = "",
) -> Iterator[Change]:
    """What an action makes of an item's pictures; nothing, where it does not fit or was done before."""
    if action == RESTORE:
        yield from _restored(item, rows)
    elif not is_settled(code, item, rows, confirmed):
        included = [row for row in rows if not row.excluded]
        if action == LEAVE_OUT and code in REASONS:
            for row in _superfluous(code, item, included):
                yield Change(row, row.label, REASONS[code])
        elif action == TAKE_LABEL and label in item.labels:
            yield from _under(label, code, included)
        elif action == ACCEPT and code == DOUBTS and item.suggestion:
            for row in included:
                yield Change(row, item.suggestion, "")
        elif action == CONFIRM and code == DOUBTS:
            for row in included:
                yield Change(row, row.label, "", confirms=True)


def _superfluous(code: str, item: KeptItem, included: Sequence[Row]) -> Sequence[Row]:
    if code in ("copies", "alike"):
        return included[1:]
    if code == "straddling":  # what is measured on stays
        return [row for row in included if row.number in item.left_out] or included[1:]
    return included


def _under(label: str, code: str, included: Sequence[Row]) -> Iterator[Change]:
    """A file that is there under several labels stays once under the right one. Pictures that only
    look alike are each another, and all are given it."""
    if code == "alike_other_label":
        for row in included:
            if row.label != label:
                yield Change(row, label, "")
    elif code == "contradictions":
        right = [row for row in included if row.label == label]
        for row in included if right else ():
            if row.label != label:
                yield Change(row, row.label, Excluded.CONTRADICTION)
        for row in right[1:]:
            yield Change(row, row.label, Excluded.COPY)


def _restored(item: KeptItem, rows: Sequence[Row]) -> Iterator[Change]:
    """As the audit has seen them. Files that are gone stay so."""
    labels = dict(zip(item.examples, item.labels, strict=True))
    for row in rows:
        if row.excluded != Excluded.GONE:
            yield Change(row, labels[row.number], "")
