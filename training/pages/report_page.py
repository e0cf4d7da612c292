"""The report's head: what was learned, how good it is, and on what that was measured."""

from collections.abc import Mapping
from typing import Any

from training.pages import words
from training.pages.sections import SECTIONS

NOT_A_TEST = (
    "There is no test split. These figures were measured on the validation pictures, which also chose "
    "the temperature and the threshold: expect a little less on new pictures."
)
FEW_PICTURES = 100


def report_content(report: Mapping[str, Any]) -> dict[str, Any]:
    """What the template shows: the head, and those sections that there is something to say about."""
    sections = [
        {
            "anchor": anchor,
            "title": title,
            "template": f"report/{anchor}.html.jinja",
            "content": content,
        }
        for anchor, title, fill in SECTIONS
        if (content := fill(report)) is not None
    ]
    return {
        "title": report["title"],
        "made": words.day(report["created_at"]),
        "headline": _headline(report),
        "sentence": _sentence(report),
        "facts": list(_facts(report)),
        "warnings": list(_cautions(report)),
        "sections": sections,
    }


def _headline(report: Mapping[str, Any]) -> str:
    figures = report["evaluation"]["figures"]
    name = "top1" if "top1" in figures else "mean_average_precision"
    return words.percent(figures.get(name))


def _sentence(report: Mapping[str, Any]) -> str:
    """The verdict: how often it is right, on what, and how far chance may have moved that."""
    evaluation = report["evaluation"]
    pictures = f"{words.number(evaluation['num_pictures'])} {words.SPLITS[report['measured_on']]} "
    pictures += "picture" if evaluation["num_pictures"] == 1 else "pictures"
    name = "top1" if "top1" in evaluation["figures"] else "mean_average_precision"
    what = (
        f"right on {pictures} that it did not learn from"
        if name == "top1"
        else f"mean average precision on {pictures} that it did not learn from"
    )
    interval = evaluation["intervals"].get(name)
    if not interval:
        return f"{what}."
    low, high = (words.percent(end) for end in interval)
    return f"{what}. On many more like them: {low} to {high}, with 95{words.NARROW}% certainty."


def _facts(report: Mapping[str, Any]) -> list[str]:
    learned, evaluation = report["learned_from"], report["evaluation"]
    settings = report.get("settings") or {}
    facts = [
        words.counted(len(evaluation["class_names"]), "class", "classes"),
        words.counted(learned["num_pictures"], "picture"),
    ]
    if settings.get("backbone"):
        facts.append(f"backbone {settings['backbone']}")
    total = (report.get("seconds") or {}).get("total")
    if total is not None:
        facts.append(f"trained in {words.duration(total)}")
    return facts


def _cautions(report: Mapping[str, Any]) -> list[str]:
    """What keeps the figures from meaning as much as they seem to."""
    num = report["evaluation"]["num_pictures"]
    cautions = [NOT_A_TEST] if report["measured_on"] == "val" else []
    if num < FEW_PICTURES:
        cautions.append(
            f"Measured on {words.counted(num, 'picture')} only: one more mistake would move the "
            f"figures by {words.percent(1 / num)}. The intervals say how much they can be trusted."
        )
    return cautions
