"""The audit's page: a verdict, the findings in the order of their weight, and their pictures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from training.pages import words

# A page with more pictures is slow to open, and nobody looks at more in one sitting.
MAX_ITEMS = 60
# Of pictures that belong together so many stand side by side.
MAX_SIDE_BY_SIDE = 4


def audit_content(audit: Mapping[str, Any]) -> dict[str, Any]:
    """What the template shows; the findings that block come first, then warnings, then notes."""
    order = list(words.LEVELS)
    findings = sorted(audit["findings"], key=lambda finding: order.index(finding["level"]))
    levels = Counter(finding["level"] for finding in findings)
    classes = audit["classes"]
    return {
        "title": f"Audit of {audit['source']}",
        "source": audit["source"],
        "headline": _headline(levels),
        "level": next((level for level in order if levels[level]), "good"),
        "facts": [
            words.counted(audit["num_files"], "file"),
            f"{words.counted(audit['num_examples'], 'picture')} to learn from and measure on",
            words.counted(len(classes), "class", "classes"),
        ],
        "findings": [_finding(finding, i) for i, finding in enumerate(findings, 1)],
        "classes": classes,
        "splits": [
            (name, words.SPLITS[name], sum(row[name] for row in classes)) for name in words.SPLITS
        ],
        "most": max((row["count"] for row in classes), default=0) or 1,
        "num_open": words.MAX_OPEN_ROWS,
    }


def _headline(levels: Mapping[str, int]) -> str:
    num_blocks, num_warns = levels.get("blocks", 0), levels.get("warns", 0)
    if num_blocks:
        verb = "blocks" if num_blocks == 1 else "block"
        return f"{words.counted(num_blocks, 'finding')} {verb} the training"
    if num_warns:
        return f"Nothing blocks the training; {words.counted(num_warns, 'warning')}"
    return "Nothing blocks the training"


def _finding(finding: Mapping[str, Any], place: int) -> dict[str, Any]:
    items = finding["items"][:MAX_ITEMS]
    return {
        **finding,
        "anchor": f"finding-{place}",
        "said": words.LEVELS[finding["level"]],
        "items": [_item(item) for item in items],
        "num_listed": len(finding["items"]),
        "is_cut": len(items) < len(finding["items"]),
    }


def _item(item: Mapping[str, Any]) -> dict[str, Any]:
    pictures: Sequence[Mapping[str, Any]] = [
        {"row": row, "path": path, "label": label}
        for row, path, label in zip(item["rows"], item["paths"], item["labels"], strict=True)
    ]
    return {
        "pictures": pictures[:MAX_SIDE_BY_SIDE],
        "num_more": max(0, len(pictures) - MAX_SIDE_BY_SIDE),
        "note": item["note"],
    }
