"""An audit as its page shows it: each finding with its pictures as they are now, and its buttons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from webapp.accounts.models import User
from webapp.studio.audits import wording
from webapp.studio.audits.deciding import (
    ACCEPT,
    CONFIRM,
    FOR_ALL,
    LEAVE_OUT,
    REASONS,
    RESTORE,
    TAKE_LABEL,
    Row,
    is_settled,
)
from webapp.studio.audits.keeping import DOUBTS, KeptFinding, KeptItem, findings_of
from webapp.studio.models import Example, Job

PAGE_SIZE = 24
MAX_SIDE_BY_SIDE = 6
MAX_FIXES_SHOWN = 5
ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class Button:
    action: str
    text: str
    label: str = ""


@dataclass(frozen=True)
class Picture:
    """`example`: as it is now. `was`: the class that the audit saw, where it has another now."""

    example: Example
    was: str
    is_passed_over: bool
    is_confirmed: bool


@dataclass(frozen=True)
class ShownItem:
    place: int
    pictures: Sequence[Picture]
    num_more: int
    note: str
    is_settled: bool
    buttons: Sequence[Button]


@dataclass(frozen=True)
class ShownFinding:
    """`items`: the first of the `num_listed` that are kept. `is_cut`: whether more were found."""

    place: int
    code: str
    level: str
    level_text: str
    title: str
    sentence: str
    effect: str
    advice: str
    num: int
    num_listed: int
    num_settled: int
    classes: Sequence[str]
    items: Sequence[ShownItem]
    buttons: Sequence[Button]
    num_shown: int
    next_shown: int
    is_cut: bool

    @property
    def num_open(self) -> int:
        return self.num_listed - self.num_settled

    @property
    def can_be_fixed(self) -> bool:
        return self.code in REASONS


@dataclass(frozen=True)
class ShownFix:
    """`of`: what the finding is called."""

    key: str
    of: str
    text: str
    by: str
    at: datetime


def shown_findings(
    job: Job,
    confirmed: Mapping[int, str],
    *,
    only: int | None = None,
    num_shown: Mapping[int, int] | None = None,
) -> list[ShownFinding]:
    """The findings in their order, or the one at the place `only`, each with its first PAGE_SIZE items or
    with `num_shown` of them, by place. Raises IndexError where there is no such place."""
    found = findings_of(job.result)
    wanted = list(enumerate(found)) if only is None else [(only, found[only])]
    numbers = {n for _, each in wanted for item in each.items for n in item.examples}
    now = _examples(job, sorted(numbers))
    return [
        _finding(job, place, each, now, confirmed, (num_shown or {}).get(place, PAGE_SIZE))
        for place, each in wanted
    ]


def shown_fixes(job: Job) -> list[ShownFix]:
    """The last decisions, the newest first, which can be taken back."""
    fixes = list(reversed(job.params.get("fixes", [])))[:MAX_FIXES_SHOWN]
    found = findings_of(job.result)
    names = dict(
        User.objects.filter(pk__in={fix["by"] for fix in fixes}).values_list("pk", "username")
    )
    return [
        ShownFix(
            fix["id"],
            wording.title(found[fix["finding"]]),
            wording.done(fix["action"], fix["num"]),
            names.get(fix["by"], ""),
            datetime.fromisoformat(fix["at"]),
        )
        for fix in fixes
    ]


def _examples(job: Job, numbers: Sequence[int]) -> dict[int, Example]:
    found: dict[int, Example] = {}
    for start in range(0, len(numbers), ROWS_AT_ONCE):
        chunk = numbers[start : start + ROWS_AT_ONCE]
        found.update(Example.objects.present().filter(dataset=job.dataset_id).in_bulk(chunk))
    return found


def _finding(
    job: Job,
    place: int,
    finding: KeptFinding,
    now: Mapping[int, Example],
    confirmed: Mapping[int, str],
    num_shown: int,
) -> ShownFinding:
    code = finding.code
    settled = [is_settled(code, item, _rows(item, now), confirmed) for item in finding.items]
    items = [
        _item(i, code, item, now, confirmed, settled[i])
        for i, item in enumerate(finding.items[:num_shown])
    ]
    actions = () if all(settled) else FOR_ALL.get(code, ())
    is_refusal = bool(finding.refusal)
    return ShownFinding(
        place=place,
        code=code,
        level=finding.level,
        level_text=str(wording.LEVELS[finding.level]),
        title="" if is_refusal else wording.title(finding),
        sentence=wording.sentence(finding),
        effect="" if is_refusal else str(wording.EFFECTS.get(code, "")),
        advice="" if is_refusal else str(wording.ADVICE.get(code, "")),
        num=finding.num,
        num_listed=len(finding.items),
        num_settled=sum(settled),
        classes=finding.classes,
        items=items,
        buttons=[Button(action, wording.button(action, code, for_all=True)) for action in actions],
        num_shown=num_shown,
        next_shown=num_shown + PAGE_SIZE if len(finding.items) > num_shown else 0,
        is_cut=finding.num_items > len(finding.items),
    )


def _item(
    place: int,
    code: str,
    item: KeptItem,
    now: Mapping[int, Example],
    confirmed: Mapping[int, str],
    is_done: bool,
) -> ShownItem:
    pictures = [
        Picture(
            example=now[number],
            was=label if now[number].label != label else "",
            is_passed_over=number in item.left_out and not (is_done or now[number].excluded),
            is_confirmed=confirmed.get(number) == now[number].label,
        )
        for number, label in zip(item.examples, item.labels, strict=True)
        if number in now
    ]
    is_changed = any(
        each.was or each.example.excluded or (each.is_confirmed and code == DOUBTS)
        for each in pictures
    )
    buttons = [] if is_done else _buttons(code, item, pictures)
    if is_changed:
        buttons.append(Button(RESTORE, wording.button(RESTORE, code)))
    return ShownItem(
        place=place,
        pictures=pictures[:MAX_SIDE_BY_SIDE],
        num_more=max(0, len(pictures) - MAX_SIDE_BY_SIDE),
        note=wording.note(item),
        is_settled=is_done,
        buttons=buttons,
    )


def _buttons(code: str, item: KeptItem, pictures: Sequence[Picture]) -> list[Button]:
    buttons = []
    if code == DOUBTS:
        if item.suggestion:
            text = wording.button(ACCEPT, code, suggestion=item.suggestion)
            buttons.append(Button(ACCEPT, text))
        buttons.append(Button(CONFIRM, wording.button(CONFIRM, code)))
    if code in ("contradictions", "alike_other_label"):
        labels = dict.fromkeys(each.example.label for each in pictures if not each.example.excluded)
        buttons += [
            Button(TAKE_LABEL, wording.button(TAKE_LABEL, code, label=label), label)
            for label in labels
            if label in item.labels
        ]
    buttons.append(Button(LEAVE_OUT, wording.button(LEAVE_OUT, code)))
    return buttons


def _rows(item: KeptItem, now: Mapping[int, Example]) -> list[Row]:
    return [
        Row(number, now[number].label, now[number].excluded)
        for number in item.examples
        if number in now
    ]
