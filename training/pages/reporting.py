"""The report and the audit of a run, as JSON and as pages with pictures."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from classifier.bundle import Manifest
from classifier.decide import Head
from classifier.errors import InvalidImage
from classifier.images import encode_jpeg, read_picture
from training.bundle_files import AUDIT, AUDIT_PAGE, REPORT, REPORT_PAGE
from training.dataset.audit import Audit, class_counts
from training.dataset.preparing import Prepared
from training.evaluation.judging import Judged
from training.head.crossvalidate import FoldAccuracy
from training.head.learning import Candidate
from training.pages.findings_page import MAX_ITEMS, MAX_SIDE_BY_SIDE
from training.pages.render import render_audit, render_report
from training.sources.index import SPLITS, Index

THUMBNAIL_SIDE = 160
# A page carries its pictures in itself: this many are some megabytes.
MAX_SHOWN = 600
NUM_BINS = 24
NAMES = {"head": "Head only", "fine-tune": "Fine-tuned", "scratch": "All layers, from scratch"}


def write_audit(folder: Path, audit: Audit, index: Index) -> None:
    """`audit.json` and `audit.html` in a folder."""
    content = audit.to_dict()
    _write_json(folder / AUDIT, content)
    shown = [item for finding in content["findings"] for item in finding["items"][:MAX_ITEMS]]
    rows = [row for item in shown for row in item["rows"][:MAX_SIDE_BY_SIDE]]
    page = render_audit(content, thumbnails_of(index, rows))
    (folder / AUDIT_PAGE).write_text(page, encoding="utf-8")


def write_report(folder: Path, report: Mapping[str, Any], index: Index) -> None:
    """`report.json` and `report.html` in a folder."""
    _write_json(folder / REPORT, report)
    rows = [mistake["row"] for mistake in report["evaluation"]["mistakes"]]
    page = render_report(report, thumbnails_of(index, rows))
    (folder / REPORT_PAGE).write_text(page, encoding="utf-8")


def report_of(
    manifest: Manifest,
    prepared: Prepared,
    judged: Judged,
    *,
    candidates: Sequence[Candidate],
    kept: Candidate,
    folds: FoldAccuracy | None,
    curves: Sequence[Mapping[str, Any]],
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """The report as plain values: `Report` of `pages/schema.py`."""
    examples, audit = prepared.examples, prepared.audit
    counts = class_counts(examples)
    evaluation = judged.evaluation.to_dict()
    for mistake in evaluation["mistakes"]:
        mistake["path"] = prepared.index.paths[mistake["row"]]
    return {
        "title": Path(audit.source).name,
        "created_at": manifest.created_at,
        "measured_on": judged.measured_on,
        "learned_from": {
            "source": str(audit.source),
            "fingerprint": manifest.dataset_fingerprint,
            "num_files": audit.num_files,
            "num_pictures": len(examples),
            "classes": [
                {
                    "name": name,
                    "count": int(counts[:, i].sum()),
                    **{split: int(counts[s, i]) for s, split in enumerate(SPLITS)},
                }
                for i, name in enumerate(examples.class_names)
            ],
            "findings": [finding.to_line() for finding in audit.findings],
        },
        "evaluation": evaluation,
        "settings": manifest.config,
        "versions": manifest.versions,
        "choice": _choice(candidates, kept, manifest),
        "folds": _folds(folds, len(examples), manifest.head),
        "curves": list(curves),
        "none_of_these": _none_of_these(judged),
        "precision": asdict(judged.precision),
        "exports": list(manifest.metrics["exports"].values()),
        "seconds": dict(seconds),
    }


def thumbnails_of(index: Index, rows: Sequence[int]) -> dict[int, bytes]:
    """Small JPEGs of the first MAX_SHOWN different rows that can be read and may be shown."""
    found: dict[int, bytes] = {}
    for row in [row for row in dict.fromkeys(rows) if index.is_shown(row)][:MAX_SHOWN]:
        try:
            picture = read_picture(index.path(row), short_side=THUMBNAIL_SIDE)
        except InvalidImage:
            continue
        found[row] = encode_jpeg(picture.image, long_side=THUMBNAIL_SIDE, quality=75)
    return found


def _choice(
    candidates: Sequence[Candidate], kept: Candidate, manifest: Manifest
) -> dict[str, Any] | None:
    if len(candidates) < 2:
        return None
    figure = "top1" if manifest.head == "softmax" else "accuracy"
    better = "was" if kept is not candidates[0] else "was not"
    return {
        "candidates": [
            {
                "name": NAMES[each.name],
                "kept": each is kept,
                "val": {figure: each.val_accuracy, "log_loss": each.val_log_loss},
            }
            for each in candidates
        ],
        "reason": f"Fine-tuning {better} better on the validation pictures, so "
        f"“{NAMES[kept.name]}” is kept.",
    }


def _folds(folds: FoldAccuracy | None, num_pictures: int, head: Head) -> dict[str, Any] | None:
    if folds is None:
        return None
    return {
        "figure": "top1" if head == "softmax" else "accuracy",
        "values": list(folds.accuracies),
        "mean": folds.mean,
        "deviation": folds.deviation,
        "num_pictures": num_pictures,
    }


def _none_of_these(judged: Judged) -> dict[str, Any]:
    figures, rule = judged.outlier_figures, judged.rule
    every = judged.known if judged.strange is None else np.r_[judged.known, judged.strange]
    edges = np.linspace(float(every.min()), max(float(every.max()), rule.threshold), NUM_BINS + 1)
    return {
        "method": rule.method,
        "threshold": rule.threshold,
        "chosen_by": rule.chosen_by,
        "known_pass_rate": float((judged.known <= rule.threshold).mean()),
        "num_known": len(judged.known),
        "num_outliers": figures.num_outliers if figures else 0,
        "auroc": figures.auroc if figures else None,
        "false_accept_rate": figures.false_accept_rate if figures else None,
        "histogram": {
            "edges": edges.tolist(),
            "known": np.histogram(judged.known, edges)[0].tolist(),
            "outliers": None
            if judged.strange is None
            else np.histogram(judged.strange, edges)[0].tolist(),
        },
        "methods": [
            {"method": name, "auroc": value, "false_accept_rate": None}
            for name, value in rule.aurocs.items()
        ],
    }


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
