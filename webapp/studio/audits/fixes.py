"""What writes a curator's decisions on an audit's findings, and takes them back.

What was done is noted in the audit's settings, under its row's lock: of two curators who press at the
same moment, the second finds what the first has done. Only decisions that still fit are carried out.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from webapp.accounts.models import User
from webapp.studio.audits.deciding import ACTIONS, FOR_ALL, RESTORE, Change, Row, changes
from webapp.studio.audits.keeping import KeptFinding, KeptItem, findings_of
from webapp.studio.audits.services import confirmed_labels
from webapp.studio.models import Dataset, Example, Job

# So many of the last decisions can be taken back.
MAX_FIXES = 20
ROWS_AT_ONCE = 10_000


class NotOffered(Exception):
    """There is no such place in the audit, or nothing of the kind can be done there."""


class AuditOutdated(Exception):
    """Somebody has audited the dataset again since the page was shown."""


@dataclass(frozen=True)
class Outcome:
    """How many pictures were changed; `fix`: what takes it back, empty where there is nothing to."""

    num_changed: int
    fix: str = ""


def finding_fix(
    *,
    job: Job,
    by: User,
    finding: int,
    action: str,
    item: int | None = None,
    label: str = "",
) -> Outcome:
    """Do `action` to one item of a finding, or to all of it. `finding`, `item`: their places.

    Raises AuditOutdated and NotOffered.
    """
    with transaction.atomic():
        held = _held(job)
        found, items = _places(held, finding, item)
        if action not in (FOR_ALL.get(found.code, ()) if item is None else ACTIONS):
            raise NotOffered
        planned = _planned(held, found, items, action, label)
        written = [change for change in planned if _is_new(change)]
        _write((change.row.number, change.label, change.excluded) for change in written)
        confirms = {str(each.row.number): each.row.label for each in planned if each.confirms}
        drops = [str(number) for each in items for number in each.examples]
        num = len(written) + len(confirms)
        if action == RESTORE:
            num += _forget(held.dataset, drops)
            held.refresh_from_db(fields=["params"])
        if not num:
            return Outcome(0)
        params = dict(held.params)
        params["confirmed"] = {**params.get("confirmed", {}), **confirms}
        fix = {
            "id": uuid.uuid4().hex,
            "by": by.pk,
            "at": timezone.now().isoformat(),
            "finding": finding,
            "action": action,
            "label": label,
            "num": num,
            "changes": [
                [each.row.number, each.row.label, each.row.excluded, each.label, each.excluded]
                for each in written
            ],
            "confirms": confirms,
        }
        params["fixes"] = [*params.get("fixes", []), fix][-MAX_FIXES:]
        held.params = params
        held.save(update_fields=["params"])
    return Outcome(num, str(fix["id"]))


def fix_undo(*, job: Job, fix: str) -> int:
    """Take a decision back; how many pictures are again as they were. Those that were changed since
    stay as they are. Raises AuditOutdated."""
    with transaction.atomic():
        held = _held(job)
        params = dict(held.params)
        noted = [each for each in params.get("fixes", []) if each["id"] == fix]
        if not noted:
            return 0
        [done] = noted
        after = {each[0]: (each[3], each[4]) for each in done["changes"]}
        before = {each[0]: (each[1], each[2]) for each in done["changes"]}
        now = _rows(held.dataset_id, after)
        back = [row.number for row in now if (row.label, row.excluded) == after[row.number]]
        _write((number, *before[number]) for number in back)
        confirmed = dict(params.get("confirmed", {}))
        asked_again = [
            number for number, label in done["confirms"].items() if confirmed.get(number) == label
        ]
        for number in asked_again:
            del confirmed[number]
        params["confirmed"] = confirmed
        params["fixes"] = [each for each in params["fixes"] if each["id"] != fix]
        held.params = params
        held.save(update_fields=["params"])
    return len(back) + len(asked_again)


def _held(job: Job) -> Job:
    """The audit, its row locked until the transaction ends; the last one of its dataset."""
    held = Job.objects.select_for_update().get(pk=job.pk)
    newer = Job.objects.filter(
        kind=held.kind, dataset=held.dataset_id, state=Job.State.SUCCEEDED, pk__gt=held.pk
    )
    if newer.exists():
        raise AuditOutdated
    return held


def _places(job: Job, finding: int, item: int | None) -> tuple[KeptFinding, Sequence[KeptItem]]:
    try:
        found = findings_of(job.result)[finding]
        return found, found.items if item is None else [found.items[item]]
    except IndexError as error:
        raise NotOffered from error


def _dataset(job: Job) -> Dataset:
    assert job.dataset is not None  # noqa: S101 - an audit has one
    return job.dataset


def _planned(
    job: Job, found: KeptFinding, items: Sequence[KeptItem], action: str, label: str
) -> list[Change]:
    """The changes of all items in turn; a picture that is in several is decided once."""
    now = {row.number: row for row in _rows(job.dataset_id, _numbers(items))}
    confirmed = confirmed_labels(dataset=_dataset(job))
    planned: dict[int, Change] = {}
    for item in items:
        rows = [now[number] for number in item.examples if number in now]
        for change in changes(action, found.code, item, rows, confirmed, label):
            number = change.row.number
            first = planned.setdefault(number, change)
            now[number] = Row(number, first.label, first.excluded)
    return list(planned.values())


def _numbers(items: Iterable[KeptItem]) -> list[int]:
    return [number for item in items for number in item.examples]


def _is_new(change: Change) -> bool:
    return (change.label, change.excluded) != (change.row.label, change.row.excluded)


def _rows(dataset_id: int | None, numbers: Iterable[int]) -> list[Row]:
    """Pictures as they are now, held until the transaction ends."""
    wanted, found = sorted(set(numbers)), []
    for start in range(0, len(wanted), ROWS_AT_ONCE):
        chunk = wanted[start : start + ROWS_AT_ONCE]
        rows = Example.objects.filter(dataset=dataset_id, pk__in=chunk).order_by("pk")
        held = rows.select_for_update().values_list("pk", "label", "excluded")
        found += [Row(*values) for values in held]
    return found


def _write(states: Iterable[tuple[int, str, str]]) -> None:
    by_state: dict[tuple[str, str], list[int]] = {}
    for number, label, excluded in states:
        by_state.setdefault((label, excluded), []).append(number)
    for (label, excluded), numbers in by_state.items():
        for start in range(0, len(numbers), ROWS_AT_ONCE):
            chunk = numbers[start : start + ROWS_AT_ONCE]
            Example.objects.filter(pk__in=chunk).update(label=label, excluded=excluded)


def _forget(dataset: Dataset | None, numbers: Sequence[str]) -> int:
    """Ask of these labels again, whichever audit they were confirmed on; how many."""
    num = 0
    audits = Job.objects.filter(dataset=dataset, kind=Job.Kind.AUDIT).order_by("pk")
    for job in audits.select_for_update().defer("result"):
        confirmed = job.params.get("confirmed", {})
        kept = {number: label for number, label in confirmed.items() if number not in numbers}
        if len(kept) < len(confirmed):
            num += len(confirmed) - len(kept)
            job.params = {**job.params, "confirmed": kept}
            job.save(update_fields=["params"])
    return num
