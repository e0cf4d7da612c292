"""What an audit finds: each kind with its sentence, what to do, and whether it blocks a training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from classifier.errors import ClassifierError, gettext_noop
from training.errors import DatasetRefused
from training.sources.remarks import Remark

Level = Literal["blocks", "warns", "notes"]
# How many places a finding lists; `num` says how many there are.
MAX_ITEMS = 200
MAX_NAMED = 5
MAX_LISTED = 20


@dataclass(frozen=True)
class Kind:
    level: Level
    sentence: str
    fix: str


KINDS: dict[str, Kind] = {
    "other_files": Kind(
        "notes", gettext_noop("Files that are no pictures by their name, left out: %(num)s."), ""
    ),
    "outside": Kind(
        "notes", gettext_noop("Files that lie outside of a class folder, left out: %(num)s."), ""
    ),
    "beside": Kind(
        "notes", gettext_noop("Folders beside train/ that are not read: %(num)s (%(names)s)."), ""
    ),
    "empty_folders": Kind(
        "notes", gettext_noop("Class folders without pictures, left out: %(num)s (%(names)s)."), ""
    ),
    "empty_classes": Kind(
        "notes", gettext_noop("Classes of %(file)s without pictures, left out: %(num)s."), ""
    ),
    "unreadable": Kind(
        "warns",
        gettext_noop("Files that cannot be read as pictures, left out: %(num)s."),
        gettext_noop("Replace them by the originals, or delete them."),
    ),
    "copies": Kind(
        "notes",
        gettext_noop("Exact copies of other files of their class, left out: %(num)s."),
        gettext_noop("Delete the copies."),
    ),
    "contradictions": Kind(
        "warns",
        gettext_noop("Pictures that appear under different labels, all copies left out: %(num)s."),
        gettext_noop(
            "Keep each under its right label. Pictures with several labels want a CSV manifest."
        ),
    ),
    "straddling": Kind(
        "warns",
        gettext_noop(
            "Pictures that look like one that is measured on (resized, encoded again or mirrored), "
            "not learned from: %(num)s."
        ),
        gettext_noop("Delete one of each pair."),
    ),
    "alike": Kind(
        "notes",
        gettext_noop("Pairs of one class that look alike, each in one split: %(num)s."),
        gettext_noop("Delete one of each pair, unless both are wanted."),
    ),
    "alike_other_label": Kind(
        "warns",
        gettext_noop("Pairs that look alike and have different labels: %(num)s."),
        gettext_noop("Look which of the labels is right."),
    ),
    "lost": Kind(
        "warns",
        gettext_noop("Classes without any picture left, left out: %(num)s (%(names)s)."),
        gettext_noop("Add pictures, or remove the classes."),
    ),
    "tiny": Kind(
        "warns",
        gettext_noop("Pictures smaller than %(pixels)s pixels, enlarged and so blurred: %(num)s."),
        gettext_noop("Replace them by larger versions, or train at a smaller image size."),
    ),
    "extreme": Kind(
        "warns",
        gettext_noop(
            "Pictures more than three times as long as wide, of which only the middle is seen: %(num)s."
        ),
        gettext_noop("Crop them to what they show."),
    ),
    "blank": Kind(
        "warns",
        gettext_noop("Pictures that show nothing but one colour: %(num)s."),
        gettext_noop("Delete them."),
    ),
    "placeholder": Kind(
        "warns",
        gettext_noop(
            "Pictures of nearly one shade, as those are that stand for a missing one: %(num)s."
        ),
        gettext_noop("Look at them; delete those that show nothing."),
    ),
    "few": Kind(
        "warns",
        gettext_noop(
            "Classes with fewer than %(least)s pictures to learn from: %(num)s (%(names)s)."
        ),
        gettext_noop("Add pictures; the answers for these classes will be poor."),
    ),
    "imbalance": Kind(
        "warns",
        gettext_noop(
            "The largest class (%(largest)s) has %(ratio)s times the pictures of the smallest (%(smallest)s)."
        ),
        gettext_noop(
            "Add pictures of the rare classes, or let all classes count the same when you train."
        ),
    ),
    "suspects": Kind(
        "warns",
        gettext_noop(
            "Pictures that may have a wrong label, because heads that were trained without them find "
            "another class likelier, the most suspicious first: %(num)s."
        ),
        gettext_noop("Look at them; move those that are wrong to the right class."),
    ),
    "unchecked": Kind(
        "notes",
        gettext_noop("The labels themselves were not checked: %(reason)s"),
        gettext_noop("Run the audit again when this is mended."),
    ),
}


@dataclass(frozen=True)
class Item:
    """One place of a finding: a picture, or several that belong together, by their rows in the index.

    `left_out`: which of the rows a training passes over by itself. `error`: why there is none to see.
    `suggestion`: the class that a picture looks like, and `shares` how probable its own and that one are.
    """

    rows: tuple[int, ...]
    paths: tuple[str, ...]
    labels: tuple[str, ...]
    note: str = ""
    left_out: tuple[int, ...] = ()
    error: ClassifierError | None = None
    suggestion: str = ""
    shares: tuple[float, float] | None = None


@dataclass(frozen=True)
class Finding:
    """`params` fill the sentence of its kind; `num` counts its places, of which `items` lists some;
    `classes` are those that it speaks of."""

    code: str
    num: int = 0
    params: Mapping[str, Any] = field(default_factory=dict)
    items: Sequence[Item] = ()
    refusal: DatasetRefused | None = None
    classes: Sequence[str] = ()

    @property
    def level(self) -> Level:
        return "blocks" if self.refusal else KINDS[self.code].level

    @property
    def sentence(self) -> str:
        if self.refusal:
            return shown(str(self.refusal))
        return KINDS[self.code].sentence % {"num": self.num, **self.params}

    @property
    def note(self) -> str:
        """The sentence with the first places it speaks of, for where there are no pictures."""
        if not self.items:
            return self.sentence
        named = [shown(" = ".join(item.paths)) for item in self.items[:MAX_NAMED]]
        more = f"; and {self.num - len(named)} more" if self.num > len(named) else ""
        return f"{self.sentence.rstrip('.')} ({'; '.join(named)}{more})."

    @property
    def fix(self) -> str:
        return "" if self.refusal else KINDS[self.code].fix

    def to_line(self) -> dict[str, Any]:
        """What it says, in English and as what a sentence in another language is filled with."""
        return {
            "code": self.code,
            "level": self.level,
            "sentence": self.sentence,
            "num": self.num,
            "params": {name: shown(str(value)) for name, value in self.params.items()},
        }

    def to_dict(self) -> dict[str, Any]:
        return {
            **self.to_line(),
            "fix": self.fix,
            "items": [
                {
                    "rows": list(item.rows),
                    "paths": [shown(path) for path in item.paths],
                    "labels": list(item.labels),
                    "note": shown(item.note),
                    "left_out": list(item.left_out),
                    "suggestion": item.suggestion,
                }
                for item in self.items[:MAX_ITEMS]
            ],
        }


def remarked(remark: Remark) -> Finding:
    """What a source has passed over, as a finding."""
    params = {"file": remark.file} if remark.file else {}
    if remark.names:
        params = {"names": names_listed(remark.names)}
    return Finding(remark.code, remark.num, params)


def names_listed(names: Sequence[str]) -> str:
    """The first of them; the sentence says how many there are."""
    some = ", ".join(names[:MAX_LISTED])
    return f"{some}, …" if len(names) > MAX_LISTED else some


def refused(error: DatasetRefused, *classes: str) -> Finding:
    """The finding that blocks a training with this error, which these classes are to blame for."""
    return Finding(error.code, refusal=error, params=error.params, classes=classes)


def shown(text: str) -> str:
    """A name that is no text shows its odd bytes: what is written down must be readable everywhere."""
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")
