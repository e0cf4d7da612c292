"""What curators decide of pictures: another class, left out, back again; and all of it undone.

Whoever decides has seen each picture in a state. One that somebody else has changed since is left as it
is, and told.
"""

import unicodedata
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from classifier.errors import ClassifierError, gettext_noop
from training.sources.csv_manifest import LABEL_SEPARATOR
from training.sources.names import caseless
from webapp.predictions.corrections import MAX_LABEL_CHARACTERS
from webapp.studio.models import Dataset, Example

MAX_EXAMPLES = 500  # decided of at once


class LabelRefused(ClassifierError):
    """A class that pictures cannot be moved to."""

    sentences = {
        "empty": gettext_noop("Please choose the class that the pictures shall move to."),
        "too_long": gettext_noop(
            "Expected the name of a class of at most %(most)s characters, received %(received)s."
        ),
        "odd": gettext_noop(
            "Expected the name of a class in letters, numbers and signs that can be seen, without "
            "“%(separator)s”. Please write it anew."
        ),
        "case": gettext_noop(
            "There is a class “%(other)s” already, and names may not differ from it in case alone. "
            "Please choose that one, or another name."
        ),
    }


@dataclass
class Outcome:
    """How many pictures a decision has changed, and of the others: how many were so already, how many
    somebody else had changed meanwhile, of how many the file is gone. `changed`: what undoes it."""

    num_changed: int = 0
    num_same: int = 0
    num_others: int = 0
    num_gone: int = 0
    changed: list[list[Any]] = field(default_factory=list)


State = tuple[str, str]  # label, and why it is left out


def mark_of(example: Example) -> str:
    """A short sign of the state in which a page shows a picture."""
    state = f"{example.label}\0{example.excluded}"
    return f"{zlib.crc32(state.encode()):08x}"


def clean_label(label: str, *, dataset: Dataset, known: Sequence[str]) -> str:
    """The class's name as it is kept. `known`: the dataset's classes. Raises LabelRefused."""
    label = unicodedata.normalize("NFC", label).strip()
    if label in known and label:
        return label
    if not label:
        raise LabelRefused("empty")
    names = names_in(label, are_several=any(LABEL_SEPARATOR in each for each in known))
    parts = {caseless(part): part for each in known for part in each.split(LABEL_SEPARATOR)}
    for name in names:
        if parts.get(caseless(name), name) != name:
            raise LabelRefused("case", other=parts[caseless(name)])
    return LABEL_SEPARATOR.join(names)


def names_in(label: str, *, are_several: bool) -> list[str]:
    """The class that a label names, or where there may be several, each of them once. Raises LabelRefused
    for what a training would refuse."""
    if len(label) > MAX_LABEL_CHARACTERS:
        raise LabelRefused("too_long", most=MAX_LABEL_CHARACTERS, received=len(label))
    names = list(dict.fromkeys(name.strip() for name in label.split(LABEL_SEPARATOR)))
    if not label.isprintable() or not all(names) or (LABEL_SEPARATOR in label and not are_several):
        raise LabelRefused("odd", separator=LABEL_SEPARATOR)
    spelled: dict[str, str] = {}
    for name in names:
        if spelled.setdefault(caseless(name), name) != name:
            raise LabelRefused("case", other=spelled[caseless(name)])
    return names


def examples_move(*, dataset: Dataset, seen: Mapping[int, str], label: str) -> Outcome:
    """Give these pictures another class. `seen`: the mark under which each was seen."""
    return _decide(dataset, seen, lambda example: (label, example.excluded))


def examples_take_back(*, dataset: Dataset, seen: Mapping[int, str]) -> Outcome:
    """Give these pictures the class that they came with."""
    return _decide(dataset, seen, lambda example: (example.given_label, example.excluded))


def examples_exclude(*, dataset: Dataset, seen: Mapping[int, str]) -> Outcome:
    """Leave these pictures out; those that are, are for the reason they were."""
    curator = Example.Excluded.CURATOR
    return _decide(dataset, seen, lambda example: (example.label, example.excluded or curator))


def examples_restore(*, dataset: Dataset, seen: Mapping[int, str]) -> Outcome:
    """Take these pictures in again, but for those whose files are gone."""
    gone = Example.Excluded.GONE
    return _decide(
        dataset, seen, lambda example: None if example.excluded == gone else (example.label, "")
    )


def examples_undo(*, dataset: Dataset, changed: Sequence[Sequence[Any]]) -> Outcome:
    """Make pictures what they were before a decision, where they are still what it made of them.
    `changed`: of its outcome."""
    before = {int(pk): (str(label), str(excluded)) for pk, label, excluded, _ in changed}
    seen = {int(pk): str(mark) for pk, _, _, mark in changed}
    return _decide(dataset, seen, lambda example: before[example.pk])


def _decide(
    dataset: Dataset, seen: Mapping[int, str], decide: Callable[[Example], State | None]
) -> Outcome:
    """One decision for all: its rows are held meanwhile, so of two curators one comes second."""
    outcome = Outcome()
    by_state: dict[State, list[int]] = {}
    with transaction.atomic():
        rows = Example.objects.filter(dataset=dataset, pk__in=list(seen)[:MAX_EXAMPLES])
        for example in rows.select_for_update().order_by("pk"):
            state = decide(example)
            if state is None:
                outcome.num_gone += 1
            elif state == (example.label, example.excluded):
                outcome.num_same += 1
            elif mark_of(example) != seen[example.pk]:
                outcome.num_others += 1
            else:
                before = [example.pk, example.label, example.excluded]
                example.label, example.excluded = state
                outcome.changed.append([*before, mark_of(example)])
                by_state.setdefault(state, []).append(example.pk)
        for (label, excluded), numbers in by_state.items():
            Example.objects.filter(pk__in=numbers).update(label=label, excluded=excluded)
    outcome.num_changed = len(outcome.changed)
    return outcome
