"""The report's plots: learning curves, reliability, scores of "none of these", and large confusions."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from classifier.errors import gettext_noop
from training.pages.charts import Axes, Chart, Shape, round_values
from training.pages.words import percent

NUM_SHADES = 5
TITLES = {"loss": gettext_noop("Loss"), "accuracy": gettext_noop("Accuracy")}
# Puts a word of a plot into the reader's language.
Say = Callable[[str], str]


def curve_chart(curve: Mapping[str, Any], what: str, say: Say = str) -> Chart | None:
    """`loss` or `accuracy` of training and validation by epoch; None where it was not recorded."""
    epochs = curve["epochs"]
    lines = [
        (look, say(said), [(epoch["epoch"], epoch.get(name)) for epoch in epochs])
        for look, said, name in (
            ("first", gettext_noop("training"), what),
            ("second", gettext_noop("validation"), f"val_{what}"),
        )
    ]
    lines = [line for line in lines if any(value is not None for _, value in line[2])]
    if not lines:
        return None
    values = [value for _, _, points in lines for _, value in points if value is not None]
    if what == "loss":
        rounds = round_values(min(*values, 0.0), max(values))
    else:  # a tenth at least, so that chance does not look like a mountain
        rounds = round_values(min(*values, max(values) - 0.1), max(values))
        rounds = [value for value in rounds if value <= 1]
    numbers = [epoch["epoch"] for epoch in epochs]
    axes = Axes(numbers[0], max(numbers[-1], numbers[0] + 1), rounds[0], max(*values, rounds[-1]))
    shapes = [Shape(f"line {look}", axes.line(points)) for look, _, points in lines]
    shapes += [Shape(f"dots {look}", axes.dots(points)) for look, _, points in lines]
    kept = curve.get("kept_epoch")
    notes = []
    if kept is not None:
        shapes.insert(0, Shape("mark", axes.upright(kept)))
        notes.append((axes.x(kept), 8.0, say(gettext_noop("kept"))))
    step = max(1, -(-len(numbers) // 8))
    return Chart(
        title=say(TITLES[what]),
        says=", ".join(
            f"{said} from {points[0][1]:.3g} to {points[-1][1]:.3g}"
            for _, said, points in lines
            if points[0][1] is not None and points[-1][1] is not None
        ),
        x_name=say(gettext_noop("epoch")),
        y_name="",
        x_ticks=axes.x_ticks(numbers[::step], lambda value: f"{value:.0f}"),
        y_ticks=axes.y_ticks(
            rounds, lambda value: percent(value, 0) if what == "accuracy" else f"{value:.3g}"
        ),
        shapes=shapes,
        legend=[(look, said) for look, said, _ in lines],
        notes=notes,
    )


def reliability_chart(bins: Sequence[Mapping[str, Any]], title: str, say: Say = str) -> Chart:
    """How often answers of each confidence are right; on the diagonal, confidence means what it says."""
    axes = Axes(0, 1, -0.12, 1)
    filled = [place for place in bins if place["num"]]

    def boxes(bins: Iterable[Mapping[str, Any]], low: str, high: str) -> str:
        return "".join(axes.box(p["low"], p["high"], p[high], p[low]) for p in bins)

    bars = "".join(
        axes.box(p["low"], p["high"], min(p["accuracy"], p["confidence"])) for p in filled
    )
    too_sure = [p for p in filled if p["confidence"] > p["accuracy"]]
    too_modest = [p for p in filled if p["confidence"] < p["accuracy"]]
    # Where the answers are: a bin of three says little, and this shows it.
    most = max((p["num"] for p in filled), default=1)
    many = "".join(
        axes.box(p["low"], p["high"], 0.1 * p["num"] / most - 0.12, -0.12) for p in filled
    )
    shares = [0.0, 0.25, 0.5, 0.75, 1.0]
    return Chart(
        title=title,
        says="; ".join(
            f"{percent(p['accuracy'], 0)} right at {percent(p['confidence'], 0)} confidence"
            for p in filled
        ),
        x_name=say(gettext_noop("confidence")),
        y_name=say(gettext_noop("right")),
        x_ticks=axes.x_ticks(shares, lambda value: percent(value, 0)),
        y_ticks=axes.y_ticks(shares, lambda value: percent(value, 0)),
        shapes=[
            Shape("area first", bars),
            Shape("area sure", boxes(too_sure, "accuracy", "confidence")),
            Shape("area modest", boxes(too_modest, "confidence", "accuracy")),
            Shape("area many", many),
            Shape("mark", axes.line([(0, 0), (1, 1)])),
            Shape("rule", axes.line([(0, 0), (1, 0)])),
        ],
        legend=[
            ("first", say(gettext_noop("right"))),
            *([("sure", say(gettext_noop("surer than right")))] if too_sure else []),
            *([("modest", say(gettext_noop("more often right than sure")))] if too_modest else []),
            ("many", say(gettext_noop("how many answers"))),
        ],
    )


def score_chart(
    histogram: Mapping[str, Any],
    threshold: float,
    num_known: int,
    num_outliers: int,
    say: Say = str,
) -> Chart:
    """Which share of known pictures and of outliers has which score, and the threshold between."""
    edges = histogram["edges"]
    groups = [("first", say(gettext_noop("known pictures")), histogram["known"], num_known)]
    if histogram["outliers"] is not None:
        others = say(gettext_noop("other things"))
        groups.append(("second", others, histogram["outliers"], num_outliers))
    shares = [[count / max(1, num) for count in counts] for _, _, counts, num in groups]
    rounds = round_values(0, max(max(part, default=0) for part in shares) or 1, 3)
    axes = Axes(min(edges[0], threshold), max(edges[-1], threshold), 0, rounds[-1])
    shapes = []
    for (look, _, _, _), part in zip(groups, shares, strict=True):
        steps = [(edges[0], 0.0)]
        for left, right, share in zip(edges[:-1], edges[1:], part, strict=True):
            steps += [(left, share), (right, share)]
        outline = axes.line([*steps, (edges[-1], 0.0)])
        shapes += [Shape(f"area {look} soft", outline), Shape(f"line {look}", outline)]
    shapes.append(Shape("mark", axes.upright(threshold)))
    values = [v for v in round_values(axes.x_low, axes.x_high) if axes.x_low <= v <= axes.x_high]
    return Chart(
        title=say(gettext_noop("Scores")),
        says="a histogram of the scores; the figures beside it say how well they are apart",
        x_name=say(gettext_noop("stranger pictures have higher scores")),
        y_name="",
        x_ticks=axes.x_ticks(values, lambda value: f"{value:g}"),
        y_ticks=axes.y_ticks(rounds, lambda value: percent(value, 0)),
        shapes=shapes,
        legend=[(look, said) for look, said, _, _ in groups],
        notes=[(axes.x(threshold), 8.0, say(gettext_noop("threshold")))],
    )


def shade(share: float) -> int:
    """A share of 0 to 1 as a shade, 0 (nothing) to NUM_SHADES."""
    return min(NUM_SHADES, -(-int(share * 1000) * NUM_SHADES // 1000)) if share > 0 else 0


def confusion_shapes(matrix: Sequence[Sequence[int]]) -> list[Shape]:
    """A confusion matrix `[C][C]` as squares on a field of C units, one path a shade, for many classes."""
    squares: dict[str, list[str]] = {}
    # A square of one unit in hundreds could not be seen.
    side = round(max(1.0, len(matrix) / 90), 1)
    shift = (side - 1) / 2
    for y, row in enumerate(matrix):
        total = sum(row)
        for x, count in enumerate(row):
            if count:
                look = f"{'right' if x == y else 'wrong'}-{max(1, shade(count / total))}"
                squares.setdefault(look, []).append(
                    f"M{x - shift:g} {y - shift:g}h{side}v{side}h-{side}Z"
                )
    return [Shape(look, "".join(parts)) for look, parts in sorted(squares.items())]
