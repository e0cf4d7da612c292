"""The plots of a report, and the same as tables: calibration, learning curves, scores of strangers."""

from collections.abc import Mapping
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from training.pages.plots import curve_chart, reliability_chart, score_chart
from webapp.recognizers.templatetags.shares import percent
from webapp.studio.reports import values, wording
from webapp.studio.reports.told import Told

MAX_BINS = 100
MAX_CURVES = 10
MAX_EPOCHS = 1000


def calibration_section(told: Told) -> dict[str, Any] | None:
    figures = values.part(told.evaluation, "figures")
    reliability = values.part(told.evaluation, "reliability")
    parts = []
    for name, figure, words in (
        ("before", "ece_before", _("Before the temperature: %(share)s off on average")),
        ("after", "ece", _("With the temperature: %(share)s off on average")),
    ):
        bins = values.rows(reliability, name, MAX_BINS)
        if any(values.count(each, "num") for each in bins):
            title = words % {"share": percent(values.number(figures, figure))}
            parts.append(
                {"chart": reliability_chart(bins, title, _), "bins": list(map(_bin, bins))}
            )
    if not parts:
        return None
    return {
        "parts": parts,
        "temperature": wording.decimal(values.number(told.evaluation, "temperature"), 2),
    }


def _bin(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        "low": percent(values.number(row, "low")),
        "high": percent(values.number(row, "high")),
        "num": number_format(values.count(row, "num")),
        "confidence": percent(values.number(row, "confidence")),
        "accuracy": percent(values.number(row, "accuracy")),
    }


def curves_section(told: Told) -> dict[str, Any] | None:
    curves = []
    for curve in values.rows(told.report, "curves", MAX_CURVES):
        epochs = values.rows(curve, "epochs", MAX_EPOCHS)
        if not epochs:
            continue
        drawn = {**curve, "epochs": epochs}
        curves.append(
            {
                "name": wording.said(wording.CANDIDATES, values.text(curve, "name")),
                "num_epochs": len(epochs),
                "kept_epoch": values.count(curve, "kept_epoch") or None,
                "charts": list(filter(None, (curve_chart(drawn, what, _) for what in _WHAT))),
                "epochs": list(map(_epoch, epochs)),
            }
        )
    return {"curves": curves} if curves else None


_WHAT = ("loss", "accuracy")


def _epoch(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "epoch": values.count(row, "epoch"),
        "loss": wording.decimal(values.number(row, "loss")),
        "val_loss": wording.decimal(values.number(row, "val_loss")),
        "accuracy": percent(values.number(row, "accuracy")),
        "val_accuracy": percent(values.number(row, "val_accuracy")),
    }


def outlier_section(told: Told) -> dict[str, Any] | None:
    none = values.part(told.report, "none_of_these")
    threshold = values.number(none, "threshold")
    if threshold is None:
        return None
    num_known, num_outliers = (values.count(none, name) for name in ("num_known", "num_outliers"))
    histogram = values.part(none, "histogram")
    return {
        "method": wording.said(wording.METHODS, values.text(none, "method")),
        "chosen_by": str(wording.CHOSEN_BY.get(values.text(none, "chosen_by"), "")),
        "threshold": wording.decimal(threshold),
        "pass_rate": percent(values.number(none, "known_pass_rate")),
        "num_known": num_known,
        "num_outliers": num_outliers,
        "auroc": wording.decimal(values.number(none, "auroc")),
        "false_accept_rate": percent(values.number(none, "false_accept_rate")),
        "is_measured": values.number(none, "auroc") is not None,
        "chart": score_chart(histogram, threshold, num_known, num_outliers, _)
        if histogram
        else None,
        "methods": [
            {
                "name": wording.said(wording.METHODS, values.text(row, "method")),
                "auroc": wording.decimal(values.number(row, "auroc")),
            }
            for row in values.rows(none, "methods", 10)
        ],
    }
