"""Sections on how good a model is: figures, mistakes, classes, confusion, calibration, "none of these"."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.pages import words
from training.pages.plots import confusion_shapes, reliability_chart, score_chart, shade

# A larger table is no longer read; the most frequent mix-ups and a picture of the whole say more.
MAX_TABLE_CLASSES = 30
MAX_CONFUSED = 20

Section = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """A figure in words. `share` and `interval` from 0 to 1 draw its place on a line."""

    name: str
    meaning: str
    value: str
    interval: tuple[str, str] | None = None
    share: float | None = None
    low: float = 0.0
    high: float = 0.0


def figures_section(report: Mapping[str, Any]) -> Section:
    return {"rows": list(_figure_rows(report["evaluation"])), "folds": _folds(report)}


def mistakes_section(report: Mapping[str, Any]) -> Section | None:
    evaluation = report["evaluation"]
    mistakes = evaluation["mistakes"]
    if not mistakes:
        return None
    return {"mistakes": mistakes, "is_sigmoid": evaluation["head"] == "sigmoid"}


def classes_section(report: Mapping[str, Any]) -> Section:
    """The classes, the weakest first: that is where more pictures help."""
    evaluation = report["evaluation"]
    rows = sorted(
        evaluation["classes"], key=lambda row: (row["f1"] is None, row["f1"] or 0, row["name"])
    )
    is_sigmoid = evaluation["head"] == "sigmoid"
    return {"rows": rows, "num_open": words.MAX_OPEN_ROWS, "is_sigmoid": is_sigmoid}


def confusion_section(report: Mapping[str, Any]) -> Section | None:
    evaluation = report["evaluation"]
    if evaluation["head"] != "softmax":
        return None
    names, matrix = evaluation["class_names"], evaluation["confusion"]
    is_table = matrix is not None and len(names) <= MAX_TABLE_CLASSES
    counts = {row["name"]: row["count"] for row in evaluation["classes"]}
    return {
        "names": names,
        "confused": [
            {**pair, "share": pair["num"] / max(1, counts.get(pair["given"], 0))}
            for pair in evaluation["confused"][:MAX_CONFUSED]
        ],
        "rows": [_shaded(name, i, matrix[i]) for i, name in enumerate(names)] if is_table else None,
        "shapes": None if is_table or matrix is None else confusion_shapes(matrix),
    }


def calibration_section(report: Mapping[str, Any]) -> Section:
    evaluation = report["evaluation"]
    figures, bins = evaluation["figures"], evaluation["reliability"]
    said = "{} the temperature: {} off on average".format
    return {
        "temperature": evaluation["temperature"],
        "charts": [
            reliability_chart(bins["before"], said("Before", words.percent(figures["ece_before"]))),
            reliability_chart(bins["after"], said("With", words.percent(figures["ece"]))),
        ],
    }


def outlier_section(report: Mapping[str, Any]) -> Section | None:
    none = report.get("none_of_these")
    if not none:
        return None
    drawn = none.get("histogram")
    return {
        **none,
        "said": words.METHODS.get(none["method"], none["method"]),
        "methods": [
            {**method, "said": words.METHODS.get(method["method"], method["method"])}
            for method in none.get("methods") or ()
        ],
        "chosen_by": words.CHOSEN_BY.get(none.get("chosen_by") or ""),
        "chart": score_chart(drawn, none["threshold"], none["num_known"], none["num_outliers"])
        if drawn
        else None,
    }


def _figure_rows(evaluation: Mapping[str, Any]) -> Iterator[Row]:
    """The figures of an evaluation; of five classes, five are always right, which is no figure."""
    for name, value in evaluation["figures"].items():
        if name == "ece_before" or (name == "top5" and len(evaluation["class_names"]) <= 5):
            continue
        said, meaning = words.FIGURES.get(name, (name.replace("_", " "), ""))
        if name == "ece" and evaluation["figures"].get("ece_before") is not None:
            before = words.percent(evaluation["figures"]["ece_before"])
            meaning += f"; {before} before the temperature"
        low, high = evaluation["intervals"].get(name) or (0.0, 0.0)
        yield Row(
            name=said,
            meaning=meaning,
            value=words.figure(value, name),
            interval=(words.figure(low, name), words.figure(high, name)) if high else None,
            share=None if name in words.NOT_SHARES else value,
            low=low,
            high=high,
        )


def _folds(report: Mapping[str, Any]) -> Section | None:
    folds = report.get("folds")
    if not folds:
        return None
    name, _ = words.FIGURES.get(folds["figure"], (folds["figure"], ""))
    low, high = min(folds["values"]), max(folds["values"])
    span = (high - low) or 1
    return {
        **folds,
        "name": name,
        "places": [(value - low) / span for value in folds["values"]],
        "mean_place": (folds["mean"] - low) / span,
    }


def _shaded(name: str, place: int, counts: Sequence[int]) -> Section:
    total = sum(counts)
    cells = [
        {
            "count": count,
            "look": f"{'right' if i == place else 'wrong'}-{shade(count / total)}" if count else "",
        }
        for i, count in enumerate(counts)
    ]
    return {"name": name, "cells": cells, "total": total}
