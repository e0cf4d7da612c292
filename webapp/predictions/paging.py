"""Pages of a history by key: the same in the thousandth page as in the first.

A key is the time and number of a row, in the order of the history; a page begins beyond one. Rows
that come or go meanwhile move no page.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from django.db.models import Q

from webapp.predictions.history import HistoryFilters
from webapp.predictions.models import Prediction, PredictionQuerySet

# What is looked at in one go where no index leads to what is meant.
SEARCH_ROWS = 25_000
# The same where the rows themselves have to be read.
READ_ROWS = 5_000
# How often a search goes on by itself, to count.
MAX_SEARCHES = 10
# Counting further would take longer than the page.
MAX_COUNT = 10_000
# What a page shows; of a version not the names of its classes.
SHOWN_FIELDS = (
    *("public_id", "created_at", "file_name", "picture_name", "state", "label", "confidence"),
    *(
        "verdict",
        "true_label",
        "is_outlier",
        "failure_code",
        "failure_params",
        "recognizer__name",
        "version__number",
    ),
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEY = re.compile(r"(\d{1,18})-(\d{1,18})", re.ASCII)


@dataclass(frozen=True)
class Key:
    """A place in the history."""

    created_at: datetime
    number: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """None for what is no key."""
        match = _KEY.fullmatch(text)
        if match is None:
            return None
        microseconds, number = map(int, match.groups())
        try:
            return cls(_EPOCH + timedelta(microseconds=microseconds), number)
        except OverflowError:
            return None

    def __str__(self) -> str:
        return f"{(self.created_at - _EPOCH) // timedelta(microseconds=1)}-{self.number}"


@dataclass(frozen=True)
class Page:
    """`newer`, `older`: where the neighbouring pages begin; None where there are none. `searched_to`: a
    search that has looked at as many rows as it may stopped here, and there may be others beyond."""

    predictions: list[Prediction]
    newer: Key | None
    older: Key | None
    searched_to: Key | None = None


def page_of(
    rows: PredictionQuerySet,
    filters: HistoryFilters,
    *,
    size: int,
    before: Key | None = None,
    after: Key | None = None,
    fields: Sequence[str] = SHOWN_FIELDS,
) -> Page:
    """The newest of `rows` that are meant, or those `before` a key (older) or `after` it (newer).

    Where less than a page is newer than `after`, it is the newest page, whole. `fields`: what is read
    of each row.
    """
    if after is not None:
        keys, is_more, end = _keys(rows, filters, after, size, is_newer=True)
        if is_more or end is not None:
            keys.reverse()
            older = keys[-1] if keys else Key(after.created_at, after.number + 1)
            return Page(_shown(keys, fields), keys[0] if is_more else end, older, end)
        before = None
    keys, is_more, end = _keys(rows, filters, before, size, is_newer=False)
    newer = None
    if before is not None:
        newer = keys[0] if keys else Key(before.created_at, max(0, before.number - 1))
    return Page(_shown(keys, fields), newer, keys[-1] if is_more else end, end)


def keys_beyond(
    rows: PredictionQuerySet, key: Key, *, is_newer: bool = False
) -> PredictionQuerySet:
    """Those older than a key, or newer. The second condition says nothing new, but an index can begin
    at it."""
    if is_newer:
        is_later = Q(created_at__gt=key.created_at) | Q(id__gt=key.number)
        return rows.filter(is_later, created_at__gte=key.created_at)
    is_earlier = Q(created_at__lt=key.created_at) | Q(id__lt=key.number)
    return rows.filter(is_earlier, created_at__lte=key.created_at)


def search_rows(filters: HistoryFilters) -> int:
    """How many rows a search looks at in one go."""
    return READ_ROWS if filters.reads_rows else SEARCH_ROWS


def newest_keys(
    rows: PredictionQuerySet, filters: HistoryFilters, number: int
) -> tuple[list[Key], bool]:
    """Up to `number` of those that are meant, newest first, and whether that is all of them. A search
    goes as far as `search_rows` says."""
    keys, is_more, end = _keys(rows, filters, None, number, is_newer=False)
    return keys, not is_more and end is None


def count_of(rows: PredictionQuerySet, filters: HistoryFilters, most: int = MAX_COUNT) -> int:
    """How many are meant; `most` + 1 for more than that. Not for a search: it would look at all rows."""
    # In order: so that the index that leads is taken, and no other that would need the rows.
    in_order = filters.matching(rows).order_by("-created_at", "-id")
    return in_order[: most + 1].count()


def count_as_far(rows: PredictionQuerySet, filters: HistoryFilters, most: int) -> int | None:
    """The same for a search, too, which goes on MAX_SEARCHES times as far as a page's; None where
    that was not far enough to say."""
    if not filters.is_search:
        return count_of(rows, filters, most)
    number, end = 0, None
    for _ in range(MAX_SEARCHES):
        keys, is_more, end = _keys(rows, filters, end, most - number, is_newer=False)
        number += len(keys)
        if is_more:
            return most + 1
        if end is None:
            return number
    return None


def _keys(
    rows: PredictionQuerySet,
    filters: HistoryFilters,
    start: Key | None,
    size: int,
    *,
    is_newer: bool,
) -> tuple[list[Key], bool, Key | None]:
    """Up to `size` keys beyond `start`; whether there are more; and where a search stopped early.

    Keys alone, which an index holds: rows are long, and are read for the page only.
    """
    order = ("created_at", "id") if is_newer else ("-created_at", "-id")
    end = None
    meant, leading = filters.matching(rows), filters.leading(rows)
    if start is not None:
        meant = keys_beyond(meant, start, is_newer=is_newer)
        leading = keys_beyond(leading, start, is_newer=is_newer)
    if filters.is_search:
        window = search_rows(filters)
        last = leading.order_by(*order).values_list("created_at", "id")
        end = next((Key(*key) for key in last[window - 1 : window]), None)
    if end is not None:
        past = Key(end.created_at, end.number + (1 if is_newer else -1))
        meant = keys_beyond(meant, past, is_newer=not is_newer)
    found = meant.order_by(*order).values_list("created_at", "id")[: size + 1]
    keys = [Key(*key) for key in found]
    is_more = len(keys) > size
    return keys[:size], is_more, None if is_more else end


def _shown(keys: list[Key], fields: Sequence[str]) -> list[Prediction]:
    """The rows of these keys that are still there, in this order."""
    rows = Prediction.objects.present().filter(pk__in=[key.number for key in keys])
    rows = rows.select_related("recognizer", "version").only(*fields)
    by_number = {row.pk: row for row in rows}
    return [by_number[key.number] for key in keys if key.number in by_number]
