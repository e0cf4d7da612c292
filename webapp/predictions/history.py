"""Which of somebody's predictions are meant: the history's filters, as an address says them. No HTTP
in here; whatever has the values by name can ask."""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from django import forms
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webapp.accounts.models import User
from webapp.predictions.choices import answering_versions, known_to
from webapp.predictions.models import Prediction, PredictionQuerySet

State, Verdict = Prediction.State, Prediction.Verdict
JUDGED, NOT_JUDGED = "judged", "open"
A_CLASS, NONE_OF_THESE = "class", "none"
EARLIEST_YEAR, LATEST_YEAR = 1970, 9000
MAX_SHOWN_CHARACTERS = 60
# In the very words of their index.
_IS_JUDGED = ~Q(verdict="")


class _Explained(forms.Field):
    """A field that says what it expected and what came instead, whatever was wrong."""

    expected: Any = ""

    def clean(self, value: Any) -> Any:
        try:
            return super().clean(value)
        except forms.ValidationError as error:
            raise not_understood(self.expected, value) from error


class ChoiceField(_Explained, forms.ChoiceField):
    expected = gettext_lazy("one of the list")


class TextField(_Explained, forms.CharField):
    expected = gettext_lazy("some words")

    def __init__(self, *, max_length: int, **options: Any) -> None:
        super().__init__(max_length=max_length, required=False, **options)


class PercentField(_Explained, forms.FloatField):
    expected = gettext_lazy("a number from 0 to 100")
    widget = forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"})

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=100, required=False, **options)


class DayField(_Explained, forms.DateField):
    expected = gettext_lazy("a day such as 2026-05-31")
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def __init__(self, **options: Any) -> None:
        super().__init__(input_formats=["%Y-%m-%d"], required=False, **options)

    def validate(self, value: date | None) -> None:
        super().validate(value)
        if value and not EARLIEST_YEAR <= value.year <= LATEST_YEAR:
            raise forms.ValidationError("")  # for `clean` to say


class HistoryFilters(forms.Form):
    """Each filter is optional. One that cannot be understood is left out, and `errors` has a sentence
    for it; who may not guess asks `is_valid` first."""

    recognizer = ChoiceField(label=gettext_lazy("Recognizer"), required=False)
    version = ChoiceField(label=gettext_lazy("Version"), required=False)
    label = TextField(
        label=gettext_lazy("Label"),
        max_length=255,
        widget=forms.TextInput(attrs={"list": "known-labels", "autocomplete": "off"}),
    )
    answer = ChoiceField(
        label=gettext_lazy("Answer"),
        required=False,
        choices=[
            ("", gettext_lazy("all")),
            (A_CLASS, gettext_lazy("one of the classes")),
            (NONE_OF_THESE, gettext_lazy("None of these")),
        ],
    )
    state = ChoiceField(
        label=gettext_lazy("State"),
        required=False,
        choices=[("", gettext_lazy("all")), *State.choices],
    )
    corrected = ChoiceField(
        label=gettext_lazy("Your verdict"),
        required=False,
        choices=[
            ("", gettext_lazy("all")),
            (JUDGED, gettext_lazy("judged")),
            (NOT_JUDGED, gettext_lazy("not judged")),
            *Verdict.choices,
        ],
    )
    min = PercentField(label=gettext_lazy("Confidence from, in %"))
    max = PercentField(label=gettext_lazy("Confidence to, in %"))
    since = DayField(label=gettext_lazy("Uploaded from"))
    until = DayField(label=gettext_lazy("Uploaded until"))
    q = TextField(label=gettext_lazy("Label or file name contains"), max_length=100)

    def __init__(self, data: Mapping[str, Any], *, owner: User) -> None:
        """`owner`: whose history it is; only recognizers that they may ask, or have asked, are named."""
        super().__init__(data, auto_id="filter-%s")
        known = known_to(owner)
        recognizers = list(known.values_list("slug", "pk", "name"))
        versions = list(answering_versions(known))
        self._recognizer_ids = {slug: pk for slug, pk, _ in recognizers}
        self._version_ids = {f"{slug}:{number}": pk for slug, number, pk, _ in versions}
        self._choose("recognizer", [(slug, name) for slug, _, name in recognizers])
        named = _("%(recognizer)s, version %(number)s")
        self._choose(
            "version",
            [
                (f"{slug}:{number}", named % {"recognizer": name, "number": number})
                for slug, number, _, name in versions
            ],
        )

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = [("", _("all")), *choices]

    def clean(self) -> None:
        """The ends of a range the wrong way round: the second one is left out."""
        for low, high, expected in (
            ("min", "max", _("%(least)s or more, since “%(field)s” is %(least)s")),
            ("since", "until", _("%(least)s or later, since “%(field)s” is %(least)s")),
        ):
            least, most = self.cleaned_data.get(low), self.cleaned_data.get(high)
            if least is not None and most is not None and most < least:
                said = {"least": self.data.get(low), "field": self.fields[low].label}
                self.add_error(high, not_understood(expected % said, self.data.get(high)))

    def value(self, name: str) -> Any:
        """What a filter says; None where it is not given or was left out."""
        self.errors  # noqa: B018 - Django's way to have it cleaned
        value = self.cleaned_data.get(name)
        return None if value == "" else value

    @property
    def is_any_given(self) -> bool:
        return any(self.data.get(name) for name in HistoryFilters.base_fields)

    @property
    def is_search(self) -> bool:
        """Whether no single index leads to what is meant: rows have to be looked at one by one."""
        state, num_leading = self.value("state"), len(self._equals())
        if state == State.DONE and self._says_done:
            state = None
        # Nearly all are done and not judged, so that no index is made for it; which way they were
        # judged stands in the index of those that are, behind the order.
        is_led = state != State.DONE and self._verdict in (None, JUDGED)
        is_led = is_led and num_leading + bool(state) + self._says_judged <= 1
        narrower = ("q", "min", "max", "answer")
        return not is_led or any(self.value(name) is not None for name in narrower)

    @property
    def reads_rows(self) -> bool:
        """Whether a search has to look at rows, which are long, and not at an index alone."""
        is_more_asked = bool(self._equals()) or self.value("q") is not None
        is_read = self._verdict == NOT_JUDGED or self.value("answer") is not None
        return is_read or (self._says_judged and is_more_asked)

    def leading(self, rows: PredictionQuerySet) -> PredictionQuerySet:
        """As far as an index leads: in the order of the history, without looking at the rows."""
        if self._says_judged:
            return self._dated(rows.filter(_IS_JUDGED))
        return self._dated(rows.filter(**dict(self._equals()[:1])))

    def matching(self, rows: PredictionQuerySet) -> PredictionQuerySet:
        """All that is meant."""
        if self._contradicts_itself:
            return rows.none()
        state, equals = self.value("state"), self._equals()
        if state and state != State.DONE:
            # In the very words of the index of those that are not done, which leads here.
            rows, others = rows.filter(~Q(state=State.DONE), state=state), equals
        elif self._says_judged:
            rows, others = rows.filter(_IS_JUDGED), equals
        else:
            rows, others = rows.filter(**dict(equals[:1])), equals[1:]
            if state and not self._says_done:  # an index carries the confidence
                rows = rows.filter(confidence__isnull=False)
        rows = self._dated(rows)
        if self._verdict in Verdict.values:
            rows = rows.filter(verdict=self._verdict)
        elif self._verdict == NOT_JUDGED:
            rows = rows.filter(verdict="")
        if answer := self.value("answer"):
            # No index has it; what has no answer is none of these neither.
            rows = rows.filter(is_outlier=answer == NONE_OF_THESE, confidence__isnull=False)
        for name, value in others:
            rows = _beside(rows, name, value)
        if (least := self.value("min")) is not None:
            rows = rows.filter(confidence__gte=least / 100)
        if (most := self.value("max")) is not None:
            rows = rows.filter(confidence__lte=most / 100)
        if text := self.value("q"):
            rows = rows.filter(Q(file_name__icontains=text) | Q(label__icontains=text))
        return rows

    def _equals(self) -> list[tuple[str, Any]]:
        """Columns that have one value, each with an index of its own; first that with the fewest rows
        to a value, usually."""
        given: list[tuple[str, Any]] = []
        if label := self.value("label"):
            given.append(("label", label))
        if version := self.value("version"):
            given.append(("version_id", self._version_ids[version]))
        elif recognizer := self.value("recognizer"):
            given.append(("recognizer_id", self._recognizer_ids[recognizer]))
        return given

    @property
    def _says_done(self) -> bool:
        """Only what is done has a label, a version or a confidence, is one of the classes or none, and
        is judged."""
        return self._says_judged or any(
            self.value(name) is not None for name in ("label", "version", "answer")
        )

    @property
    def _says_judged(self) -> bool:
        """Those that are judged are few, usually, and have an index, which leads."""
        return self._verdict not in (None, NOT_JUDGED)

    @property
    def _verdict(self) -> str | None:
        """What is said of the verdict; None where the state says it already."""
        verdict: str | None = self.value("corrected")
        is_without_answer = self.value("state") not in (None, State.DONE)
        return None if verdict == NOT_JUDGED and is_without_answer else verdict

    @property
    def _contradicts_itself(self) -> bool:
        state, version = self.value("state"), self.value("version")
        if self._says_done and state not in (None, State.DONE):
            return True
        recognizer = self.value("recognizer")
        return bool(version and recognizer and version.rpartition(":")[0] != recognizer)

    def _dated(self, rows: PredictionQuerySet) -> PredictionQuerySet:
        if since := self.value("since"):
            rows = rows.filter(created_at__gte=_moment(since, time.min))
        if until := self.value("until"):
            rows = rows.filter(created_at__lte=_moment(until, time.max))
        return rows


def not_understood(expected: Any, received: Any) -> forms.ValidationError:
    shown = str(received)
    if len(shown) > MAX_SHOWN_CHARACTERS:
        shown = f"{shown[:MAX_SHOWN_CHARACTERS]}…"
    return forms.ValidationError(
        _("Expected %(expected)s, received “%(received)s”. This filter was left out."),
        params={"expected": expected, "received": shown},
    )


def _beside(rows: PredictionQuerySet, name: str, value: int | str) -> PredictionQuerySet:
    """A value of a column, said so that its index is not taken: SQLite keeps no statistics and
    might prefer it to the one that leads to far fewer rows."""
    kind: models.Field[Any, Any] = (
        models.TextField() if isinstance(value, str) else models.BigIntegerField()
    )
    said = Coalesce(F(name), F(name), output_field=kind)
    return rows.alias(**{f"same_{name}": said}).filter(**{f"same_{name}": value})


def _moment(day: date, at: time) -> datetime:
    return timezone.make_aware(datetime.combine(day, at))
