"""What `report.json` and `audit.json` hold, and what the pages show of it.

Every float is finite; what is undefined (the recall of a class without pictures, say) is None.
Probabilities, shares and accuracies are from 0 to 1. `row`: a picture's row in the dataset's index.
"""

from typing import Any, Literal, NotRequired, TypedDict

Figures = dict[str, float | None]
# The two ends of a 95 % interval.
Interval = list[float]


class ReliabilityBin(TypedDict):
    """Of the answers whose confidence lies from `low` to `high`: how many, how sure, how often right."""

    low: float
    high: float
    num: int
    confidence: float | None
    accuracy: float | None


class Reliability(TypedDict):
    """15 bins each, without the temperature and with it."""

    before: list[ReliabilityBin]
    after: list[ReliabilityBin]


class ClassFigures(TypedDict):
    """One class. `average_precision` and `threshold` only with a sigmoid head."""

    name: str
    count: int
    precision: float | None
    recall: float | None
    f1: float | None
    average_precision: NotRequired[float | None]
    threshold: NotRequired[float]


class Confused(TypedDict):
    """How many pictures of the class `given` were taken for the class `predicted`."""

    given: str
    predicted: str
    num: int


class Mistake(TypedDict):
    """A wrong answer: the labels a picture has and those it got, and the `probability` of the class
    that the mistake is `about`. Softmax: the one that was predicted. Sigmoid: one that was predicted
    and is not there, or is there and was not predicted. `path` is the caller's to add."""

    row: int
    given: list[str]
    predicted: list[str]
    about: str
    probability: float
    path: NotRequired[str]


class MistakeEvidence(TypedDict):
    """Where the model looked on a mistake's picture; an entry of `mistakes.json`.

    `picture_size`: width and height, for their proportions. `maps`: by class, the cells of a map as
    `classifier.why.EvidenceMap` has them, in base64, rows of `num_columns`; first the class that the
    mistake is about, then the right one where there is one other.
    """

    row: int
    picture_size: tuple[int, int]
    num_columns: int
    maps: dict[str, str]


class EvaluationFigures(TypedDict):
    """`training.evaluation.evaluate.Evaluation.to_dict()`.

    `figures`, softmax: `top1`, `top5`, `macro_f1`, `log_loss`, `ece`, `ece_before` (temperature).
    Sigmoid: `mean_average_precision`, `micro_f1`, `macro_f1`, `subset_accuracy`, `log_loss`, `ece`,
    `ece_before`. `intervals`: of those that have one. `confusion`: `[C][C]`, rows are the given classes;
    None with a sigmoid head or beyond 500 classes. `confused`: the most frequent mix-ups.
    """

    head: Literal["softmax", "sigmoid"]
    num_pictures: int
    class_names: list[str]
    temperature: float
    figures: Figures
    intervals: dict[str, Interval]
    classes: list[ClassFigures]
    reliability: Reliability
    confusion: list[list[int]] | None
    confused: list[Confused]
    mistakes: list[Mistake]


class ClassCount(TypedDict):
    """How many pictures of a class there are, in all and in each split."""

    name: str
    count: int
    train: int
    val: int
    test: int


class Sentence(TypedDict):
    """What a finding of the audit says. `num` and `params` fill the sentence of the `code`."""

    level: Literal["blocks", "warns", "notes"]
    sentence: str
    code: NotRequired[str]
    num: NotRequired[int]
    params: NotRequired[dict[str, str]]


class LearnedFrom(TypedDict):
    """The dataset. `num_pictures`: examples in all splits (a picture with two labels counts once).
    `findings`: of the audit, whose page is `audit.html` beside the report; None where none was made."""

    source: str
    fingerprint: str
    num_files: int
    num_pictures: int
    classes: list[ClassCount]
    findings: list[Sentence] | None


class Candidate(TypedDict):
    """One of the models between which the validation decided. `name`: such as `Head only`. `val` and
    `test`: figures under the names of EvaluationFigures; only those given are shown."""

    name: str
    kept: bool
    val: Figures
    test: NotRequired[Figures | None]
    seconds: NotRequired[float | None]


class Choice(TypedDict):
    """Head-only beside fine-tuned; `reason`: a sentence on why one was kept."""

    candidates: list[Candidate]
    reason: str


class Folds(TypedDict):
    """Cross-validation: a value a fold of the figure (`top1` or `mean_average_precision`)."""

    figure: str
    values: list[float]
    mean: float
    deviation: float
    num_pictures: int


class Epoch(TypedDict):
    """Where a training stood after an epoch; epochs count from 1."""

    epoch: int
    loss: float | None
    accuracy: NotRequired[float | None]
    val_loss: NotRequired[float | None]
    val_accuracy: NotRequired[float | None]


class Curve(TypedDict):
    """A phase that trained layers, epoch by epoch. `kept_epoch`: whose weights were kept."""

    name: str
    epochs: list[Epoch]
    kept_epoch: NotRequired[int | None]


class Histogram(TypedDict):
    """Counts `[K]` of scores between K + 1 `edges`; `outliers` is None where there are none."""

    edges: list[float]
    known: list[int]
    outliers: list[int] | None


class OutlierMethod(TypedDict):
    """One way to score strangeness, and how it did on what the method was chosen by."""

    method: Literal["distance", "energy", "probability"]
    auroc: float | None
    false_accept_rate: NotRequired[float | None]


class NoneOfThese(TypedDict):
    """How pictures unlike everything learned are told. Scores are higher for stranger pictures.

    `known_pass_rate`: the share of the measured split's pictures below the threshold. `auroc` and
    `false_accept_rate` (the share of outliers below it): None without outliers to measure on.
    `histogram`: None where none was kept. `methods`: all that were tried. `chosen_by`: what decided
    between them, such as `outliers`.
    """

    method: Literal["distance", "energy", "probability"]
    threshold: float
    known_pass_rate: float
    num_known: int
    num_outliers: int
    auroc: float | None
    false_accept_rate: float | None
    histogram: Histogram | None
    methods: NotRequired[list[OutlierMethod] | None]
    chosen_by: NotRequired[str | None]


class Export(TypedDict):
    """`asdict(training.exports.agreement.Agreement)`; `num_bytes` where known."""

    format: str
    file: str
    num_pictures: int
    top1_agreement: float
    largest_difference: float
    seconds: float
    num_bytes: NotRequired[int | None]


class TriedPrecision(TypedDict):
    """`asdict(training.evaluation.precision.Tried)`; `verdict`: a code of `evaluation/verdicts.py`."""

    precision: Literal["fp32", "bf16", "int8"]
    verdict: str
    top1: float | None
    agreement: float | None
    mean_difference: float | None


class Precision(TypedDict):
    """`asdict(training.evaluation.precision.PrecisionChoice)`; `tried`: best first, fp32 last.

    The first reports compared bf16 alone with fp32: `agreement`, `mean_difference`, `top1_fp32` and
    `top1_bf16` beside `precision`. The page shows those, too.
    """

    precision: Literal["fp32", "bf16", "int8"]
    fallbacks: list[Literal["fp32", "bf16", "int8"]]
    num_pictures: int
    tried: list[TriedPrecision]


class Report(TypedDict):
    """A training, for people. All but the first five may be None or missing.

    `title`: the recognizer's name. `measured_on`: the split of `evaluation`; `val` where there is no
    test split. `settings`: `TrainingConfig.to_dict()`. `seconds`: each step's, and `total`.
    """

    title: str
    created_at: str
    measured_on: Literal["test", "val"]
    learned_from: LearnedFrom
    evaluation: EvaluationFigures
    settings: NotRequired[dict[str, Any] | None]
    versions: NotRequired[dict[str, str] | None]
    choice: NotRequired[Choice | None]
    folds: NotRequired[Folds | None]
    curves: NotRequired[list[Curve] | None]
    none_of_these: NotRequired[NoneOfThese | None]
    precision: NotRequired[Precision | None]
    exports: NotRequired[list[Export] | None]
    seconds: NotRequired[dict[str, float] | None]


class AuditItem(TypedDict):
    """One place of a finding: a picture, or several that belong together."""

    rows: list[int]
    paths: list[str]
    labels: list[str]
    note: str
    left_out: NotRequired[list[int]]
    suggestion: NotRequired[str]


class AuditFinding(TypedDict):
    """`num` counts the places, of which `items` lists some."""

    code: str
    level: Literal["blocks", "warns", "notes"]
    sentence: str
    fix: str
    num: int
    items: list[AuditItem]


class AuditReport(TypedDict):
    """`training.dataset.audit.Audit.to_dict()`."""

    source: str
    num_files: int
    num_examples: int
    classes: list[ClassCount]
    blocks: bool
    findings: list[AuditFinding]
