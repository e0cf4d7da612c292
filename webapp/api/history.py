"""One's predictions as pages, by the filters that the history's page has. The page leaves out what it
cannot understand; a program may not have looked, so it is told."""

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext, gettext_noop
from ninja import Schema
from pydantic import Field, StringConstraints

from webapp.accounts.models import User
from webapp.api.shapes import FIELDS, HistoryShape, PredictionShape
from webapp.predictions.history import HistoryFilters
from webapp.predictions.models import Prediction
from webapp.predictions.paging import Key, page_of
from webapp.problems import Problem

DEFAULT_LIMIT, MAX_LIMIT = 50, 100
_LEFT_OUT: Any = None  # an address has no way to write it, so it is no part of the types

# A day is read by the filters, which have a sentence for one that is none.
Day = Annotated[str, StringConstraints(min_length=1), Field(json_schema_extra={"format": "date"})]
Place = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,16}-[0-9]{1,18}$")]
Percent = Annotated[float, Field(ge=0, le=100)]


class HistoryQuery(Schema):
    """What is asked for; each may be left out. `filters` are those of the page, as its address has
    them."""

    recognizer: str = Field(_LEFT_OUT, description=gettext_noop("Slug"))
    version: str = Field(
        _LEFT_OUT,
        description=gettext_noop("Slug and number of the version that answered: insects:3"),
    )
    label: str = Field(_LEFT_OUT, max_length=255)
    answer: Literal["class", "none"] = Field(
        _LEFT_OUT, description=gettext_noop("One of the classes, or none of these")
    )
    state: Prediction.State = Field(_LEFT_OUT)
    corrected: Literal["judged", "open", "right", "wrong"] = Field(
        _LEFT_OUT, description=gettext_noop("What you said of the answer; open: nothing yet")
    )
    min: Percent = Field(_LEFT_OUT, description=gettext_noop("Lowest confidence, in percent"))
    max: Percent = Field(_LEFT_OUT, description=gettext_noop("Highest confidence, in percent"))
    since: Day = Field(_LEFT_OUT, description=gettext_noop("First day of upload: 2026-05-31"))
    until: Day = Field(_LEFT_OUT, description=gettext_noop("Last day of upload, included"))
    q: str = Field(
        _LEFT_OUT, max_length=100, description=gettext_noop("Words in the label or the file name")
    )
    before: Place = Field(
        _LEFT_OUT, description=gettext_noop("Only older ones: taken from “older”")
    )
    after: Place = Field(_LEFT_OUT, description=gettext_noop("Only newer ones: taken from “newer”"))
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)

    @property
    def filters(self) -> dict[str, Any]:
        return self.model_dump(
            mode="json", exclude_unset=True, exclude={"before", "after", "limit"}
        )


def history_of(owner: User, asked: HistoryQuery) -> HistoryShape:
    """A page of the owner's predictions; raises Problem for a filter that cannot be understood."""
    filters = HistoryFilters(asked.filters, owner=owner)
    if not filters.is_valid():
        raise Problem("invalid", problems=_not_understood(filters))
    page = page_of(
        Prediction.objects.present().filter(owner=owner),
        filters,
        size=asked.limit,
        before=_key("before", asked.before),
        after=_key("after", asked.after),
        fields=FIELDS,
    )
    return HistoryShape.model_construct(
        predictions=[
            PredictionShape.of(row, row.recognizer, with_why=False) for row in page.predictions
        ],
        older=_address(asked, "before", page.older),
        newer=_address(asked, "after", page.newer),
    )


def _address(asked: HistoryQuery, name: str, key: Key | None) -> str | None:
    """Where the neighbouring page is; the same filters and size."""
    if key is None:
        return None
    query: dict[str, Any] = {**asked.filters, name: str(key)}
    if asked.limit != DEFAULT_LIMIT:
        query["limit"] = asked.limit
    return f"{reverse('api:predictions')}?{urlencode(query)}"


def _key(name: str, text: str) -> Key | None:
    key = Key.parse(text) if text else None
    if text and key is None:
        raise Problem(
            "invalid", problems=_said(name, gettext("a place that an answer named"), text)
        )
    return key


def _not_understood(filters: HistoryFilters) -> str:
    """What was expected of each and what came, without what the page says of leaving it out."""
    return "; ".join(
        _said(name, params.get("expected", ""), params.get("received", ""))
        for name, errors in filters.errors.as_data().items()
        for params in [errors[0].params or {}]
    )


def _said(name: str, expected: Any, received: Any) -> str:
    said = gettext("%(name)s: expected %(expected)s, received “%(received)s”")
    return said % {"name": name, "expected": expected, "received": received}
