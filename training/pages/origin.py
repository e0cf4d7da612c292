"""Sections on where a model comes from: its rivals, its learning, its dataset, its files and settings."""

from collections.abc import Mapping
from typing import Any

from training.evaluation.verdicts import in_turn, sentence_of, tried_in
from training.pages import words
from training.pages.plots import curve_chart

Section = Mapping[str, Any]


def choice_section(report: Mapping[str, Any]) -> Section | None:
    choice = report.get("choice")
    if not choice or not choice["candidates"]:
        return None
    candidates = choice["candidates"]
    names = dict.fromkeys(
        name for split in ("val", "test") for each in candidates for name in each.get(split) or ()
    )
    rows = []
    for split in ("val", "test"):
        for name in names:
            values = [(each.get(split) or {}).get(name) for each in candidates]
            if any(value is not None for value in values):
                said = words.FIGURES.get(name, (name.replace("_", " "),))[0]
                shown = [words.figure(value, name) for value in values]
                rows.append({"name": said, "split": words.SPLITS[split], "values": shown})
    if any(each.get("seconds") is not None for each in candidates):
        shown = [words.duration(each.get("seconds")) for each in candidates]
        rows.append({"name": "Time to train", "split": "", "values": shown})
    return {**choice, "rows": rows}


def curves_section(report: Mapping[str, Any]) -> Section | None:
    curves = [
        {
            "name": curve["name"],
            "kept_epoch": curve.get("kept_epoch"),
            "num_epochs": len(curve["epochs"]),
            "charts": [
                chart for what in ("loss", "accuracy") if (chart := curve_chart(curve, what))
            ],
        }
        for curve in report.get("curves") or ()
        if curve["epochs"]
    ]
    return {"curves": curves} if curves else None


def learned_section(report: Mapping[str, Any]) -> Section:
    learned = report["learned_from"]
    classes = learned["classes"]
    splits = [name for name in words.SPLITS if any(row[name] for row in classes)]
    return {
        **learned,
        "splits": [
            (name, words.SPLITS[name], sum(row[name] for row in classes)) for name in splits
        ],
        "most": max((row["count"] for row in classes), default=0) or 1,
        "num_open": words.MAX_OPEN_ROWS,
        "findings": [
            {**finding, "said": words.LEVELS[finding["level"]]}
            for finding in learned.get("findings") or ()
        ],
        "is_audited": learned.get("findings") is not None,
    }


def exports_section(report: Mapping[str, Any]) -> Section | None:
    exports = report.get("exports")
    if not exports:
        return None
    return {
        "rows": [
            {
                **row,
                "said": words.FORMATS.get(row["format"], row["format"]),
                "num_bytes": row.get("num_bytes"),
            }
            for row in exports
        ],
    }


def precision_section(report: Mapping[str, Any]) -> Section | None:
    precision = report.get("precision")
    if not precision:
        return None
    return {
        "in_turn": in_turn(precision),
        "num_pictures": precision.get("num_pictures"),
        "rows": [{**each, "said": sentence_of(each["verdict"])} for each in tried_in(precision)],
    }


def settings_section(report: Mapping[str, Any]) -> Section | None:
    settings, versions = report.get("settings") or {}, report.get("versions") or {}
    seconds = dict(report.get("seconds") or {})
    total = seconds.pop("total", None)
    if not settings and not versions and not seconds:
        return None
    return {
        "settings": sorted(settings.items()),
        "versions": sorted(versions.items(), key=lambda item: item[0].lower()),
        "seconds": list(seconds.items()),
        "most_seconds": max(seconds.values(), default=0) or 1,
        "total": total,
    }
