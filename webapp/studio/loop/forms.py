"""The form of a routine."""

from typing import Any

from django import forms
from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldBooleanSwitchWidget,
)

from webapp.recognizers.models import Recognizer
from webapp.studio.loop.retraining import last_run
from webapp.studio.loop.routines import NIGHT_HOUR
from webapp.studio.models import Dataset, Routine, TrainingRun

MAX_CORRECTIONS = 1000
NUM_RUNS = 20


class RunChoiceField(forms.ModelChoiceField[TrainingRun]):
    """Runs, told by what their settings differ in."""

    def label_from_instance(self, obj: TrainingRun) -> str:
        told = [obj.config.get(name) for name in ("backbone", "mode", "image_size")]
        words = ", ".join(str(each) for each in told if each)
        return f"{obj}: {words}" if words else str(obj)


class RoutineForm(forms.Form):
    """When a recognizer learns by itself, from which dataset, and with which run's settings."""

    dataset = forms.ModelChoiceField(
        Dataset.objects.filter(state=Dataset.State.READY),
        label=_("Dataset"),
        widget=UnfoldAdminSelectWidget,
        help_text=_("What curators have decided becomes a new version of it first."),
    )
    settings_of = RunChoiceField(
        TrainingRun.objects.none(),
        label=_("Settings"),
        required=False,
        empty_label=_("those of the last successful training"),
        widget=UnfoldAdminSelectWidget,
    )
    after_corrections = forms.IntegerField(
        label=_("After so many corrections"),
        required=False,
        min_value=1,
        max_value=MAX_CORRECTIONS,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("Counted are those that a curator has accepted or relabelled. Empty: not."),
    )
    at_night = forms.BooleanField(
        label=_("At night"), required=False, widget=UnfoldBooleanSwitchWidget
    )
    promote = forms.BooleanField(
        label=_("Promote what came of it"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=_("Only where it is not worse than the version that answers."),
    )

    def __init__(
        self, data: Any = None, *, recognizer: Recognizer, routine: Routine | None
    ) -> None:
        run = last_run(recognizer)
        super().__init__(data, initial=_initial(routine, run))
        runs = TrainingRun.objects.filter(recognizer=recognizer, state="succeeded")
        newest = runs.order_by("-id").values_list("pk", flat=True)[:NUM_RUNS]
        choices = self.fields["settings_of"]
        assert isinstance(choices, RunChoiceField)  # noqa: S101 - for the type checker
        offered = Q(pk__in=list(newest)) | Q(pk=self.initial.get("settings_of"))
        choices.queryset = runs.filter(offered).order_by("-id")
        self.fields["at_night"].help_text = _(
            "After %(night)s by the machine's clock, where there is something new to learn from."
        ) % {"night": f"{NIGHT_HOUR:02}:00"}
        if not settings.AUTO_PROMOTE:
            self.fields["promote"].disabled = True
            self.fields["promote"].help_text = _(
                "The operator of this Ocellus leaves that to people. OCELLUS_AUTO_PROMOTE=1 allows it."
            )

    def values(self) -> dict[str, Any]:
        """As `routine_set` takes them."""
        cleaned = self.cleaned_data
        chosen = cleaned["settings_of"]
        return {
            "dataset": cleaned["dataset"],
            "config": chosen.config if chosen else {},
            "after_corrections": cleaned["after_corrections"],
            "at_night": cleaned["at_night"],
            "promote": cleaned["promote"],
        }


def _initial(routine: Routine | None, run: TrainingRun | None) -> dict[str, Any]:
    if routine is None:
        return {"dataset": run.dataset_id if run else None}
    same = TrainingRun.objects.filter(recognizer=routine.recognizer_id, config=routine.config)
    chosen = same.filter(state="succeeded").order_by("-id").first() if routine.config else None
    return {
        "dataset": routine.dataset_id,
        "settings_of": chosen.pk if chosen else None,
        "after_corrections": routine.after_corrections,
        "at_night": routine.at_night,
        "promote": routine.promote,
    }
