"""A dataset's pictures, page by page, and how many there are of each class.

Pages are found by key: a page begins beyond the number of a row, so the last one costs what the first
does, and rows that are moved meanwhile shift none.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Self
from urllib.parse import urlencode

from django.db import connection
from django.db.models import Count, F, QuerySet
from django.http import QueryDict

from webapp.studio.models import Dataset, Example

PAGE_SIZE = 60
# What a search looks at in one go; names are found by reading them.
SEARCH_ROWS = 15_000
MAX_SEARCH_CHARACTERS = 200
MOVED = "moved"


@dataclass(frozen=True)
class Filters:
    """What is looked at. `show`: empty for what is in the dataset, `moved` for all whose class is not
    the one they came with, or why pictures are left out. `label`: None for all classes."""

    label: str | None = None
    show: str = ""
    text: str = ""

    @classmethod
    def parse(cls, given: QueryDict) -> Self:
        """Of an address; what is not understood is no filter."""
        show = given.get("show", "")
        known = {MOVED, *(value for value in Example.Excluded.values)}
        text = given.get("q", "").replace("\0", "").strip()[:MAX_SEARCH_CHARACTERS]
        label = given.get("class")
        return cls(
            label=None if label is None else label.replace("\0", ""),
            show=show if show in known else "",
            text=text,
        )

    @property
    def address(self) -> str:
        """As it stands in an address behind `?`; empty for none."""
        values = {"show": self.show, "q": self.text}
        named = {name: value for name, value in values.items() if value}
        if self.label is not None:
            named["class"] = self.label
        return urlencode(named)

    def rows(self, dataset: Dataset) -> QuerySet[Example]:
        """What is meant, but for the text: an index leads along it in order."""
        rows = Example.objects.filter(dataset=dataset)
        if self.show == MOVED:
            # Those that are left out, too: or SQLite would take another index, and read all rows.
            rows = rows.exclude(label=F("given_label"))
        else:
            rows = rows.filter(excluded=self.show)
        return rows if self.label is None else rows.filter(label=self.label)

    def first_rows(self, dataset: Dataset) -> QuerySet[Example]:
        """`rows`, sorted, for who wants the first of them.

        What is shown is a span of one value, by which rows are sorted, too: by the rows' numbers alone
        PostgreSQL would walk through all datasets that were made before.
        """
        if self.show == MOVED or self.label is not None:
            return self.rows(dataset).order_by("pk")
        shown = {"excluded__gte": self.show, "excluded__lte": self.show}
        return Example.objects.filter(dataset=dataset, **shown).order_by("excluded", "pk")


@dataclass(frozen=True)
class Page:
    """`before`, `after`: the numbers beyond which the neighbouring pages lie; None where there are
    none. `searched_to`: a search stopped here, and there may be others beyond."""

    examples: list[Example]
    before: int | None
    after: int | None
    searched_to: int | None = None


NO_PAGE = Page([], None, None)


def page_of(dataset: Dataset, filters: Filters, *, after: int = 0, before: int = 0) -> Page:
    """The first pictures beyond `after`, or the last ones in front of `before`."""
    if before:
        examples, is_more, end = beyond(dataset, filters, before, PAGE_SIZE, is_back=True)
        examples.reverse()
        following = examples[-1].pk if examples else max(0, before - 1)
        preceding = examples[0].pk if is_more else end
        return Page(examples, preceding, following, end)
    examples, is_more, end = beyond(dataset, filters, after, PAGE_SIZE)
    preceding = None
    if after:
        preceding = examples[0].pk if examples else after + 1
    return Page(examples, preceding, examples[-1].pk if is_more else end, end)


def beyond(
    dataset: Dataset, filters: Filters, key: int, size: int, *, is_back: bool = False
) -> tuple[list[Example], bool, int | None]:
    """Up to `size` pictures beyond a key, the nearest first; whether there are more; and where a search
    stopped early."""
    rows = filters.rows(dataset)
    if is_back:
        rows = rows.filter(pk__lt=key).order_by("-pk")
    elif key:
        rows = rows.filter(pk__gt=key).order_by("pk")
    else:
        rows = filters.first_rows(dataset)
    end = None
    if filters.text:
        last = rows.values_list("pk", flat=True)[SEARCH_ROWS - 1 : SEARCH_ROWS]
        end = next(iter(last), None)
        if end is not None:
            rows = rows.filter(pk__gte=end) if is_back else rows.filter(pk__lte=end)
        rows = rows.filter(path__icontains=filters.text)
    found = list(rows[: size + 1])
    is_more = len(found) > size
    return found[:size], is_more, None if is_more else end


@dataclass(frozen=True)
class Census:
    """How many pictures a dataset has, by why they are left out and by class."""

    counts: Counter[tuple[str, str]]
    num_moved: int

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        rows = Example.objects.filter(dataset=dataset)
        # In the order of the index that has both, and by it alone.
        each = rows.order_by("excluded", "label").values_list("excluded", "label")
        # Of different ones, which all are: or PostgreSQL would hash the names of a hundred thousand rows.
        number_of_rows = Count("pk", distinct=connection.vendor == "postgresql")
        counts = {(why, label): number for why, label, number in each.annotate(number_of_rows)}
        moved = Filters(show=MOVED).rows(dataset)
        return cls(Counter(counts), moved.count())

    @cached_property
    def num_included(self) -> int:
        return sum(number for (why, _), number in self.counts.items() if not why)

    @cached_property
    def left_out(self) -> dict[str, int]:
        """By why, in the order in which the reasons are declared."""
        found: Counter[str] = Counter()
        for (why, _), number in self.counts.items():
            found[why] += number
        return {why: found[why] for why in Example.Excluded.values if found[why]}

    @cached_property
    def num_left_out(self) -> int:
        return sum(self.left_out.values())

    @cached_property
    def labels(self) -> list[str]:
        """Of all classes, those too of which all is left out."""
        return sorted({label for _, label in self.counts})

    @cached_property
    def included(self) -> dict[str, int]:
        return {label: number for (why, label), number in sorted(self.counts.items()) if not why}

    def classes(self, show: str) -> dict[str, int]:
        """How many of each class there are to show. Of those that were moved: unknown, all classes."""
        if show in ("", MOVED):
            return self.included
        return {
            label: number for (why, label), number in sorted(self.counts.items()) if why == show
        }


NOTHING = Census(Counter(), 0)
