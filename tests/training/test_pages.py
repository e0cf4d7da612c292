"""training.pages: report and audit as one file each, whatever the names and whatever is missing."""

import base64
import hashlib
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

from training.dataset.findings import Finding
from training.evaluation.evaluate import evaluate
from training.pages import schema, words
from training.pages.charts import round_values
from training.pages.findings_page import MAX_ITEMS
from training.pages.plots import curve_chart, reliability_chart, shade
from training.pages.render import render_audit, render_report

VOID = {"meta", "link", "img", "br", "hr", "input", "wbr", "base", "source"}
HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "</style><style>*{display:none}",
    "' onload='alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "http://example.org/a.js",
    "odd\udc80byte\x07bell",
    "\u202eturned",
    "Ähre/Ω ☃",
    "a" * 300,
)
# Only so that there is something to encode; a page does not look into it.
JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9"


class Page(HTMLParser):
    """What a browser would see: every tag closed where it was opened, attributes, text."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        source.encode()  # a page that cannot be written is none
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    def values(self, name: str) -> list[str]:
        return [value for _, each, value in self.attributes if each == name]


def evaluation(class_names: tuple[str, ...], head: str = "softmax", num: int = 40) -> Any:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(num, len(class_names))).astype(np.float32)
    targets: Any = rng.integers(len(class_names), size=num)
    if head == "sigmoid":
        targets = (rng.random(logits.shape) < 0.4).astype(np.float32)
    content = evaluate(logits, targets, class_names, head=head, temperature=1.3).to_dict()  # type: ignore[arg-type]
    for mistake in content["mistakes"]:
        mistake["path"] = f"{class_names[0]}/{mistake['row']}.jpg"
    return content


def counts(class_names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {"name": name, "count": 10 + i, "train": 6 + i, "val": 2, "test": 2}
        for i, name in enumerate(class_names)
    ]


def a_report(
    class_names: tuple[str, ...] = ("ants", "bees"), head: str = "softmax", **changes: Any
) -> dict[str, Any]:
    """A report in which nothing is missing."""
    first, last = class_names[0], class_names[-1]
    epochs = [
        {"epoch": i, "loss": 2 / i, "accuracy": 1 - 0.5 / i, "val_loss": 3 / i, "val_accuracy": 0.5}
        for i in range(1, 6)
    ]
    return {
        "title": first,
        "created_at": "2026-11-20T19:37:54+00:00",
        "measured_on": "test",
        "learned_from": {
            "source": f"/data/{last}",
            "fingerprint": "9f" * 32,
            "num_files": 1234,
            "num_pictures": 1200,
            "classes": counts(class_names),
            "findings": [Finding("few", 1, {"least": 10, "names": last}).to_line()],
        },
        "evaluation": evaluation(class_names, head),
        "settings": {"folder": first, "backbone": "resnet50", "mirrored": True, "cache": None},
        "versions": {"keras": "3.15.1"},
        "choice": {
            "candidates": [
                {"name": "Head only", "kept": False, "val": {"top1": 0.9}},
                {"name": "Fine-tuned", "kept": True, "val": {"top1": 0.95}, "seconds": 61.0},
            ],
            "reason": "Fine-tuning was better.",
        },
        "folds": {
            "figure": "top1",
            "values": [0.9, 0.8, 0.85],
            "mean": 0.85,
            "deviation": 0.05,
            "num_pictures": 60,
        },
        "curves": [{"name": "Fine-tuning", "epochs": epochs, "kept_epoch": 4}],
        "none_of_these": {
            "method": "distance",
            "threshold": 0.41,
            "known_pass_rate": 0.95,
            "num_known": 40,
            "num_outliers": 20,
            "auroc": 0.987,
            "false_accept_rate": 0.05,
            "histogram": {"edges": [0.0, 0.3, 0.6], "known": [35, 5], "outliers": [1, 19]},
            "methods": [{"method": "energy", "auroc": 0.9}],
            "chosen_by": "outliers",
        },
        "precision": {
            "precision": "int8",
            "fallbacks": ["fp32"],
            "num_pictures": 512,
            "tried": [
                {
                    "precision": "int8",
                    "verdict": "safe",
                    "top1": 0.902,
                    "agreement": 0.996,
                    "mean_difference": 0.0041,
                },
                {
                    "precision": "bf16",
                    "verdict": "processor",
                    "top1": None,
                    "agreement": None,
                    "mean_difference": None,
                },
                {
                    "precision": "fp32",
                    "verdict": "exact",
                    "top1": 0.904,
                    "agreement": 1.0,
                    "mean_difference": 0.0,
                },
            ],
        },
        "exports": [
            {
                "format": "onnx",
                "file": "model.onnx",
                "num_pictures": 40,
                "top1_agreement": 1.0,
                "largest_difference": 2e-6,
                "seconds": 3.0,
            }
        ],
        "seconds": {"read": 0.4, "head": 75.0, "total": 75.4},
        **changes,
    }


def an_audit(*findings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "source": "/data/insects",
        "num_files": 30,
        "num_examples": 28,
        "classes": counts(("ants", "bees")),
        "blocks": any(finding["level"] == "blocks" for finding in findings),
        "findings": list(findings),
    }


def a_finding(level: str = "warns", num_items: int = 0, **changes: Any) -> dict[str, Any]:
    items = [
        {"rows": [i], "paths": [f"ants/{i}.jpg"], "labels": ["ants"], "note": ""}
        for i in range(num_items)
    ]
    return {
        "code": "some",
        "level": level,
        "sentence": f"Something {level}.",
        "fix": "Mend it.",
        "num": num_items,
        "items": items,
        **changes,
    }


def hostile_audit() -> dict[str, Any]:
    pictures = {"rows": [0, 1], "paths": list(HOSTILE[:2]), "labels": list(HOSTILE[2:4])}
    findings = [
        a_finding(sentence=name, fix=name, num=1, items=[{**pictures, "note": name}])
        for name in HOSTILE
    ]
    return {**an_audit(*findings), "source": HOSTILE[0], "classes": counts(HOSTILE)}


PAGES = {
    "report": lambda: render_report(a_report(), {0: JPEG}),
    "report of several labels": lambda: render_report(a_report(head="sigmoid"), {}),
    "report of many classes": lambda: render_report(
        a_report(tuple(f"{i:03}.Bird_of_prey" for i in range(60))), {}
    ),
    "report of hostile names": lambda: render_report(
        a_report(HOSTILE), dict.fromkeys(range(40), JPEG)
    ),
    "audit": lambda: render_audit(an_audit(a_finding("blocks"), a_finding(num_items=3)), {0: JPEG}),
    "audit of hostile names": lambda: render_audit(hostile_audit(), {0: JPEG}),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_well_formed_and_needs_nothing_from_outside(name: str) -> None:
    source = PAGES[name]()
    page = Page(source)
    assert not {"script", "link", "iframe", "object", "base", "form"} & set(page.tags)
    assert page.tags.count("style") == 1
    for tag, attribute, value in page.attributes:
        assert not attribute.startswith("on"), (tag, attribute)
        assert attribute != "style", tag
        if attribute in ("src", "href", "srcset", "action", "data", "poster"):
            assert value.startswith(("data:image/jpeg;base64,", "#")) or value == "audit.html"
    assert "url(" not in source
    assert "@import" not in source
    for anchor in page.values("href"):
        if anchor.startswith("#"):
            assert anchor[1:] in page.values("id")
    assert len(set(page.values("id"))) == len(page.values("id"))


@pytest.mark.parametrize("name", PAGES)
def test_the_browser_is_told_to_load_nothing_and_run_nothing(name: str) -> None:
    source = PAGES[name]()
    style = re.search(r"<style>(.*?)</style>", source, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'"
    assert policy in Page(source).values("content")


@pytest.mark.parametrize("name", ["report of hostile names", "audit of hostile names"])
def test_hostile_names_are_shown_as_they_are_and_do_nothing(name: str) -> None:
    page = Page(PAGES[name]())
    for each in HOSTILE[:6]:
        assert each in page.text
    assert "\\udc80byte\\x07bell" in page.text
    assert "\\u202eturned" in page.text
    assert not set("\x07\u202e") & set(page.text)


def test_every_optional_part_may_be_missing_alone() -> None:
    hints = get_type_hints(schema.Report, include_extras=False)
    for key in schema.Report.__optional_keys__:
        assert type(None) in get_args(hints[key]), key
        without = a_report()
        del without[key]
        assert (
            Page(render_report(without, {})).text
            == Page(render_report(a_report(**{key: None}), {})).text
        )


def test_every_optional_part_may_be_missing_at_once() -> None:
    report = {key: a_report()[key] for key in schema.Report.__required_keys__}
    report["learned_from"] = {**report["learned_from"], "findings": None}
    page = Page(render_report(report, {}))
    assert "Figures" in page.text
    for absent in (
        "None of these",
        "What it computes in",
        "Exports",
        "How it was made",
        "The audit",
        "Learning",
    ):
        assert absent not in page.text


def cells(source: str) -> str:
    """The text, words and cells apart by one space."""
    return " ".join(re.sub("<[^>]+>", " ", source).replace(words.NARROW, " ").split())


def test_what_it_computes_in_stands_beside_what_was_measured() -> None:
    text = cells(render_report(a_report(), {}))
    assert "It answers in int8 , else in fp32 : the first of these" in text
    assert "Measured on 512 validation pictures" in text
    assert "int8 99.6 % 90.2 % 0.0041 Safe: it answers as fp32 does." in text
    assert "bf16 – – – Not tried: the processor" in text
    assert "fp32 100 % 90.4 % 0 What the others are compared with." in text


def test_a_report_of_the_first_release_compares_bf16_alone() -> None:
    precision = {
        "precision": "fp32",
        "agreement": 0.97,
        "mean_difference": 0.01,
        "top1_fp32": 0.9,
        "top1_bf16": 0.91,
    }
    text = cells(render_report(a_report(precision=precision), {}))
    assert "It answers in fp32 : the first" in text
    assert "bf16 97.0 % 91.0 % 0.0100 Not used: fewer than 99 % of the pictures" in text


def test_the_schema_names_what_the_evaluation_says() -> None:
    for head in ("softmax", "sigmoid"):
        content = evaluation(("a", "b", "c"), head)
        assert set(content) == set(schema.EvaluationFigures.__required_keys__)
        assert set(content["figures"]) <= set(words.FIGURES)
        for row in content["classes"]:
            assert schema.ClassFigures.__required_keys__ <= set(row)
            assert set(row) <= set(get_type_hints(schema.ClassFigures))
        assert set(content["mistakes"][0]) == set(get_type_hints(schema.Mistake))


def test_the_verdict_says_how_good_it_is_on_what_and_how_certain_that_is() -> None:
    text = Page(render_report(a_report(), {})).text
    share = words.percent(a_report()["evaluation"]["figures"]["top1"])
    assert share in text
    assert "right on 40 test pictures" in text
    assert "There is no test split" not in text


def test_without_a_test_split_the_report_says_what_that_means() -> None:
    text = Page(render_report(a_report(measured_on="val"), {})).text
    assert "right on 40 validation pictures" in text
    assert "There is no test split" in text
    assert "expect a little less" in text


def test_outliers_that_were_not_measured_are_not_claimed() -> None:
    none = {**a_report()["none_of_these"], "auroc": None, "false_accept_rate": None}
    none |= {"num_outliers": 0, "methods": None, "histogram": None}
    text = Page(render_report(a_report(none_of_these=none), {})).text
    assert "was not measured" in text
    assert "AUROC" not in text


def test_few_classes_have_a_table_and_many_have_their_mix_ups() -> None:
    few = render_report(a_report(("ants", "bees")), {})
    many = render_report(a_report(tuple(f"bird {i}" for i in range(200))), {})
    assert 'class="matrix"' in few
    assert 'class="matrix"' not in many
    assert "was said to be" in many


def test_mistakes_show_the_pictures_that_are_given() -> None:
    report = a_report()
    row = report["evaluation"]["mistakes"][0]["row"]
    page = Page(render_report(report, {row: JPEG}))
    assert page.values("src") == [f"data:image/jpeg;base64,{base64.b64encode(JPEG).decode()}"]
    assert page.text.count("no picture") == len(report["evaluation"]["mistakes"]) - 1


@pytest.mark.parametrize(
    ("levels", "verdict"),
    [
        (["blocks", "warns", "blocks"], "2 findings block the training."),
        (["blocks"], "1 finding blocks the training."),
        (["warns", "notes"], "Nothing blocks the training; 1 warning."),
        (["notes"], "Nothing blocks the training."),
        ([], "Nothing blocks the training."),
    ],
)
def test_the_audit_begins_with_whether_it_blocks(levels: list[str], verdict: str) -> None:
    audit = an_audit(*[a_finding(level) for level in levels])
    assert verdict in Page(render_audit(audit, {})).text


def test_what_blocks_stands_before_what_warns() -> None:
    text = Page(render_audit(an_audit(*map(a_finding, ("notes", "warns", "blocks"))), {})).text
    assert text.index("Something blocks") < text.index("Something warns")
    assert text.index("Something warns") < text.index("Something notes")


def test_of_many_places_the_first_are_shown() -> None:
    text = Page(render_audit(an_audit(a_finding(num_items=MAX_ITEMS + 5)), {})).text
    assert f"ants/{MAX_ITEMS - 1}.jpg" in text
    assert f"ants/{MAX_ITEMS}.jpg" not in text
    assert f"The first {MAX_ITEMS} are shown" in text


def test_pictures_that_belong_together_stand_side_by_side_with_their_labels() -> None:
    pair = {"rows": [3, 4], "paths": ["a/x.jpg", "b/x.jpg"], "labels": ["ants", ""], "note": "near"}
    page = Page(render_audit(an_audit(a_finding(num=1, items=[pair])), {3: JPEG, 4: JPEG}))
    assert page.tags.count("img") == 2
    assert page.values("alt") == ["Picture labelled ants", "Picture labelled nothing"]
    assert "no label" in page.text


def test_an_audit_of_nothing_is_a_page() -> None:
    audit = {**an_audit(), "num_files": 0, "num_examples": 0, "classes": []}
    assert "0 files" in Page(render_audit(audit, {})).text


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.99951, "> 99.9 %"),
        (0.0001, "< 0.1 %"),
        (0.9666, "96.7 %"),
        (None, "–"),
    ],
)
def test_only_what_is_everything_is_said_to_be(share: float | None, said: str) -> None:
    assert words.percent(share) == said.replace(" ", words.NARROW)


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.1234, "0.123"), (12345, "12 345"), (2e-6, "2e−6"), (0.0, "0"), (None, "–")],
)
def test_numbers_keep_the_digits_that_say_something(value: float | None, said: str) -> None:
    assert words.number(value) == said.replace(" ", words.NARROW)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.42, "0.4 s"), (75, "75 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_times_are_said_in_the_units_people_use(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said.replace(" ", words.NARROW).replace(
        f"min{words.NARROW}", "min "
    ).replace(f"h{words.NARROW}", "h ")


def test_a_scale_has_round_numbers_and_holds_both_ends() -> None:
    for low, high in ((0, 1), (0.13, 0.94), (0, 2.31), (-3, 17), (5, 5), (0, 0), (1e-9, 3e-9)):
        values = round_values(low, high)
        assert values[0] <= low <= high <= values[-1] + 1e-12
        assert 2 <= len(values) <= 8


def test_a_curve_is_interrupted_where_a_figure_is_missing_and_absent_where_none_is_there() -> None:
    losses = [0.5, None, 0.3, 0.2]
    epochs = [{"epoch": i, "loss": loss} for i, loss in enumerate(losses, 1)]
    chart = curve_chart({"name": "x", "epochs": epochs}, "loss")
    assert chart is not None
    [line] = [shape for shape in chart.shapes if shape.look == "line first"]
    assert line.path.count("M") == 2
    assert curve_chart({"name": "x", "epochs": epochs}, "accuracy") is None
    assert curve_chart({"name": "x", "epochs": epochs[:1]}, "loss") is not None


def test_a_bin_that_is_surer_than_right_and_one_that_is_not_look_different() -> None:
    def bin_of(accuracy: float, confidence: float) -> dict[str, Any]:
        return {"low": 0.8, "high": 0.9, "num": 3, "accuracy": accuracy, "confidence": confidence}

    def looks(chart: Any) -> set[str]:
        return {shape.look for shape in chart.shapes if shape.path}

    assert "area sure" in looks(reliability_chart([bin_of(0.5, 0.85)], ""))
    assert "area modest" in looks(reliability_chart([bin_of(1.0, 0.85)], ""))
    assert "area sure" not in looks(reliability_chart([bin_of(1.0, 0.85)], ""))


def test_shades_grow_with_the_share_and_nothing_has_none() -> None:
    shades = [shade(share / 100) for share in range(101)]
    assert shades == sorted(shades)
    assert (shades[0], shades[1], shades[100]) == (0, 1, 5)
