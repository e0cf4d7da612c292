"""A comparison in words and rows, as its page shows it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webapp.recognizers.models import ModelVersion
from webapp.recognizers.templatetags.shares import percent
from webapp.studio.models import Example, TrainingRun

MAX_NAMED = 12
# Points to each side that the bar shows at least: a tenth of a point shall not look like a triumph.
LEAST_BAR = 0.02
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Bar:
    """Where things lie on the bar, in percent of its width from the left; 50 is "no difference"."""

    low: float
    high: float
    at: float

    @property
    def width(self) -> float:
        return max(0.5, self.high - self.low)


@dataclass(frozen=True)
class Row:
    """A figure of both versions."""

    name: str
    champion: str
    challenger: str


@dataclass(frozen=True)
class Shown:
    """A picture on which the two disagree. `example`: None where it is no dataset's any more."""

    truth: str
    champion: str
    challenger: str
    example: Example | None


@dataclass(frozen=True)
class Disagreement:
    """One kind of disagreement: how many pictures, and the first of them."""

    title: str
    num: int
    pictures: Sequence[Shown]

    @property
    def num_left_out(self) -> int:
        return self.num - len(self.pictures)


@dataclass(frozen=True)
class ClassRow:
    """A class that got better or worse."""

    name: str
    is_better: bool
    points: str
    interval: str
    num: int
    gained: int
    lost: int


@dataclass(frozen=True)
class Told:
    """All that the page says of a comparison."""

    verdict: str
    headline: str
    sentence: str
    bar: Bar
    notes: Sequence[str]
    rows: Sequence[Row]
    classes: Sequence[ClassRow]
    disagreements: Sequence[Disagreement]


def told(result: Mapping[str, Any], version: ModelVersion, champion: ModelVersion) -> Told:
    """What a comparison's result says of a version beside the champion."""
    low, high = result["interval"]
    return Told(
        verdict=result["verdict"],
        headline=headline(result),
        sentence=_sentence(result, version, champion),
        bar=_bar(result["share"], low, high),
        notes=list(_notes(result, champion)),
        rows=list(_rows(result, version, champion)),
        classes=[_class_row(change) for change in result["classes"]],
        disagreements=_disagreements(result, version),
    )


def points(share: float) -> str:
    """0.0312 as "+3.1"."""
    number = number_format(abs(round(share * 100, 1)), 1)
    if round(share * 1000) == 0:
        return number
    return f"+{number}" if share > 0 else f"{MINUS}{number}"


def headline(result: Mapping[str, Any]) -> str:
    """The verdict in a line."""
    told_points = {"points": points(result["share"])}
    if result["verdict"] == "better":
        return _("Better: %(points)s percentage points") % told_points
    if result["verdict"] == "worse":
        return _("Worse: %(points)s percentage points") % told_points
    return _("No difference shown: %(points)s percentage points") % told_points


def _sentence(result: Mapping[str, Any], version: ModelVersion, champion: ModelVersion) -> str:
    low, high = result["interval"]
    return ngettext(
        "Of %(num)s picture, version %(number)s gets %(gained)s right that version %(other)s gets wrong, and "
        "%(lost)s wrong that version %(other)s gets right. On many more like it the difference would be "
        "between %(low)s and %(high)s points, with 95 %% certainty.",
        "Of %(num)s pictures, version %(number)s gets %(gained)s right that version %(other)s gets wrong, "
        "and %(lost)s wrong that version %(other)s gets right. On many more like them the difference would "
        "be between %(low)s and %(high)s points, with 95 %% certainty.",
        result["num"],
    ) % {
        "number": version.number,
        "other": champion.number,
        "gained": number_format(result["gained"]),
        "lost": number_format(result["lost"]),
        "num": number_format(result["num"]),
        "low": points(low),
        "high": points(high),
    }


def _bar(share: float, low: float, high: float) -> Bar:
    reach = 1.1 * max(abs(low), abs(high), LEAST_BAR)
    return Bar(*(round(50 + 50 * value / reach, 2) for value in (low, high, share)))


def _notes(result: Mapping[str, Any], champion: ModelVersion) -> Iterator[str]:
    """What a reader must know to take the figures for no more than they are."""
    other = {"other": champion.number}
    if result["measured_on"] == "val":
        yield _(
            "There is no test split: these are the validation pictures, which also chose the newer "
            "version's temperature. Expect a little less of it on new pictures."
        )
    if num := result["num_learned"]:
        yield ngettext(
            "%(num)s picture was left out: version %(other)s has learned from it.",
            "%(num)s pictures were left out: version %(other)s has learned from them.",
            num,
        ) % {"num": number_format(num), **other}
    if not result["knows_learned"]:
        yield _(
            "Version %(other)s does not say what it has learned from: it is of an older release. If some of "
            "these pictures were among it, it looks better here than it is."
        ) % {**other}
    if num := result["num_missing"]:
        yield ngettext(
            "%(num)s picture was left out: its file is gone or was changed.",
            "%(num)s pictures were left out: their files are gone or were changed.",
            num,
        ) % {"num": number_format(num)}
    if names := result["new_classes"]:
        yield _(
            "Version %(other)s does not know %(classes)s. The pictures of what it does not know, %(num)s of "
            "them, count as wrong for it."
        ) % {
            "classes": _named(names, result["num_new_classes"]),
            "num": number_format(result["num_of_new_classes"]),
            **other,
        }
    if names := result["lost_classes"]:
        yield _("Only version %(other)s knows %(classes)s. No picture of that was compared.") % {
            "classes": _named(names, len(names)),
            **other,
        }


def _named(names: Sequence[str], num: int) -> str:
    listed = _(", ").join(names[:MAX_NAMED])
    if num <= MAX_NAMED:
        return listed
    return _("%(names)s and %(num)s more") % {"names": listed, "num": num - MAX_NAMED}


def _rows(
    result: Mapping[str, Any], version: ModelVersion, champion: ModelVersion
) -> Iterator[Row]:
    yield Row(
        _("right on these pictures"),
        _with_interval(**result["champion"]),
        _with_interval(**result["challenger"]),
    )
    outliers = result["outliers"]
    yield Row(
        _("said “none of these” of them"),
        number_format(outliers["champion"]),
        number_format(outliers["challenger"]),
    )
    for name, value in (
        (_("right when it was measured itself"), _own_accuracy),
        (_("pictures it has learned from"), _num_learned_from),
        (_("classes"), lambda each: number_format(len(each.class_names))),
        (_("backbone"), lambda each: each.backbone),
        (_("trained on"), lambda each: date_format(each.created_at, "DATE_FORMAT")),
    ):
        yield Row(name, value(champion), value(version))


def _with_interval(accuracy: float, interval: Sequence[float]) -> str:
    return _("%(share)s (%(low)s to %(high)s)") % {
        "share": percent(accuracy),
        "low": percent(interval[0]),
        "high": percent(interval[1]),
    }


def _own_accuracy(version: ModelVersion) -> str:
    metrics = version.metrics
    split = metrics.get("measured_on", "val")
    for name in ("top1", "mean_average_precision"):
        if (value := metrics.get(f"{split}_{name}")) is not None:
            return percent(value)
    return "–"


def _num_learned_from(version: ModelVersion) -> str:
    num = version.metrics.get("num_train")
    return "–" if num is None else number_format(num)


def _class_row(change: Mapping[str, Any]) -> ClassRow:
    low, high = change["interval"]
    return ClassRow(
        name=change["name"],
        is_better=change["verdict"] == "better",
        points=points(change["share"]),
        interval=_("%(low)s to %(high)s") % {"low": points(low), "high": points(high)},
        num=change["num"],
        gained=change["gained"],
        lost=change["lost"],
    )


def _disagreements(result: Mapping[str, Any], version: ModelVersion) -> list[Disagreement]:
    shown = result["shown"]
    examples = _examples_of(version, [each["path"] for kind in shown.values() for each in kind])
    titles = {
        "lost": _("Was right, is wrong now"),
        "gained": _("Was wrong, is right now"),
        "both wrong": _("Wrong in another way"),
    }
    return [
        Disagreement(
            title,
            result["disagreements"][kind],
            [_shown(each, examples.get(each["path"])) for each in shown[kind]],
        )
        for kind, title in titles.items()
        if result["disagreements"].get(kind)
    ]


def _examples_of(version: ModelVersion, paths: Sequence[str]) -> dict[str, Example]:
    """The example of each path, where it still is one of what the version learned from."""
    run = TrainingRun.objects.filter(version=version).only("dataset_id").first()
    if run is None:
        return {}
    found = Example.objects.present().filter(dataset=run.dataset_id, path__in=paths)
    return {row.path: row for row in found}


def _shown(each: Mapping[str, Any], example: Example | None) -> Shown:
    return Shown(
        truth=_labels(each["truth"]),
        champion=_labels(each["champion"]),
        challenger=_labels(each["challenger"]),
        example=example,
    )


def _labels(names: Sequence[str]) -> str:
    return _(", ").join(names) if names else _("none of the classes")
