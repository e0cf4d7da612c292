"""How often which label came when: the newest of what the filters find, counted by days, weeks, months
or years, as bars to draw."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from webapp.predictions.history import HistoryFilters
from webapp.predictions.models import Prediction, PredictionQuerySet
from webapp.predictions.paging import newest_keys

State, Verdict = Prediction.State, Prediction.Verdict
# More would take longer than one likes to wait, on a history of a million.
CHART_ROWS = 5_000
MOST_LABELS = 6
# One bar alone says nothing of time.
LEAST_DAYS = 7
# Of the drawing: a bar with its gap, and the highest one.
STEP, GAP, HEIGHT = 10, 2, 40


@dataclass(frozen=True)
class Bar:
    """A place in the drawing, from its upper left corner."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Line:
    """One label: how often in each period, oldest first. `most_in`: the period with the most."""

    name: str
    total: int
    counts: Sequence[int]
    bars: Sequence[Bar]
    most: int
    most_in: str


@dataclass(frozen=True)
class Chart:
    """`num_counted` have a label, of those that were looked at. `is_all`: nothing that is meant was
    left out."""

    lines: Sequence[Line]
    periods: Sequence[str]
    num_counted: int
    is_all: bool
    width: int
    height: int = HEIGHT

    @property
    def last_period(self) -> str:
        return self.periods[-1]

    @property
    def rows(self) -> list[tuple[str, list[int]]]:
        """For a table: each period with the counts of all lines."""
        return [
            (period, [line.counts[i] for line in self.lines])
            for i, period in enumerate(self.periods)
        ]


def chart_of(rows: PredictionQuerySet, filters: HistoryFilters) -> Chart:
    """The most frequent labels of up to CHART_ROWS pictures, and the others together: what is right,
    or what was said to be right. The same number of queries whatever there is."""
    keys, is_all = newest_keys(rows, filters, CHART_ROWS)
    found = Prediction.objects.filter(pk__in=[key.number for key in keys], state=State.DONE)
    said = [
        (timezone.localdate(at), _name(label, is_outlier, verdict, true_label))
        for at, label, is_outlier, verdict, true_label in found.order_by().values_list(
            "created_at", "label", "is_outlier", "verdict", "true_label"
        )
    ]
    if not said:
        return Chart([], [], 0, is_all, width=STEP)
    days = [day for day, _name_said in said]
    last = max(days)
    first = min(*days, last - timedelta(days=LEAST_DAYS - 1))
    period = _period(first, last)
    starts = _starts(period, first, last)
    place = {start: i for i, start in enumerate(starts)}
    counts = Counter((name, place[period.start_of(day)]) for day, name in said)
    in_all = Counter(place[period.start_of(day)] for day, _name_said in said)
    totals = Counter(name for _day, name in said)
    most = [name for name, _total in totals.most_common(MOST_LABELS)]
    table = [(name, [counts[name, i] for i in range(len(starts))]) for name in most]
    if len(totals) > len(most):
        others = [in_all[i] - sum(row[i] for _label, row in table) for i in range(len(starts))]
        table.append((_("others"), others))
    highest = max(max(row) for _label, row in table)
    periods = [period.name_of(start) for start in starts]
    return Chart(
        lines=[_line(name, row, highest, periods) for name, row in table],
        periods=periods,
        num_counted=len(said),
        is_all=is_all,
        width=STEP * len(starts),
    )


def _name(label: str, is_outlier: bool, verdict: str, true_label: str) -> str:
    if verdict == Verdict.WRONG:
        return true_label or _("wrong, not said what")
    return _("None of these") if is_outlier else label


def _line(name: str, row: list[int], highest: int, periods: list[str]) -> Line:
    most = max(row)
    bars = [
        Bar(x=i * STEP + GAP // 2, y=HEIGHT - tall, width=STEP - GAP, height=tall)
        for i, count in enumerate(row)
        # One among thousands is still to be seen.
        if count and (tall := max(2, round(HEIGHT * count / highest)))
    ]
    return Line(name, sum(row), row, bars, most, periods[row.index(most)])


@dataclass(frozen=True)
class _Period:
    start_of: Callable[[date], date]
    next_after: Callable[[date], date]
    name_of: Callable[[date], str]


def _period(first: date, last: date) -> _Period:
    """One that is neither a single bar nor a hundred of them."""
    num_days = (last - first).days
    if num_days <= 31:
        return _Period(
            start_of=lambda day: day,
            next_after=lambda day: day + timedelta(days=1),
            name_of=lambda day: date_format(day, "SHORT_DATE_FORMAT"),
        )
    if num_days <= 200:
        return _Period(
            start_of=lambda day: day - timedelta(days=day.weekday()),
            next_after=lambda day: day + timedelta(days=7),
            name_of=lambda day: (
                _("week of %(day)s") % {"day": date_format(day, "SHORT_DATE_FORMAT")}
            ),
        )
    if num_days <= 5 * 366:
        return _Period(
            start_of=lambda day: day.replace(day=1),
            next_after=lambda day: (day + timedelta(days=31)).replace(day=1),
            name_of=lambda day: date_format(day, "YEAR_MONTH_FORMAT"),
        )
    return _Period(
        start_of=lambda day: day.replace(month=1, day=1),
        next_after=lambda day: day.replace(year=day.year + 1),
        name_of=lambda day: f"{day.year}",
    )


def _starts(period: _Period, first: date, last: date) -> list[date]:
    starts = [period.start_of(first)]
    while (following := period.next_after(starts[-1])) <= last:
        starts.append(following)
    return starts
