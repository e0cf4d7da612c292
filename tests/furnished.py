"""A studio with something on each of its pages: an audit that found things, a second version with its
report, its comparison and its turn in the log, a history answered anew, decisions in the inbox."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from django.conf import settings
from django.utils import timezone

from classifier.errors import InvalidImage
from tests.training.test_pages import a_report
from tests.webapp.compared import Labelled, compare_now, label_colours
from tests.webapp.corrections import decided, judged
from tests.webapp.reports import as_json, as_lines, reported_version
from training.dataset.findings import Finding, Item, refused
from training.errors import DatasetRefused, WeightsUnavailable
from training.run import TAUGHT
from webapp.accounts.models import User
from webapp.recognizers.models import ModelVersion, Promotion, Recognizer
from webapp.studio.audits.keeping import packed
from webapp.studio.comparing.services import LOGGED, ROLLED_BACK
from webapp.studio.datasets.reading import dataset_read
from webapp.studio.datasets.services import dataset_get_or_create, manifest_digest, version_freeze
from webapp.studio.jobs.services import job_claim, job_create, job_end
from webapp.studio.loop.routines import routine_set
from webapp.studio.models import Dataset, DatasetVersion, Example, Job, TrainingRun
from webapp.studio.notes import error_note, finding_note
from webapp.studio.reanswering import job as reanswering
from webapp.studio.reanswering.services import reanswering_request

NUM_OF_EACH = 4
# It says "blue" of red pictures and "red" of blue ones.
MIXED_UP = ("red", "green", "blue")


def furnish_studio(person: User, recognizer: Recognizer) -> None:
    """Rows and files for every page of the studio, of a recognizer whose one version answers."""
    first = recognizer.versions.get()
    pictures = label_colours(Path(settings.DATA_DIR), NUM_OF_EACH)
    dataset = dataset_get_or_create(folder_name="colours", created_by=person)
    (dataset.path / "readme.txt").write_text("Colours.")
    dataset_read(dataset)
    version_freeze(dataset=dataset, created_by=person, note="1")
    _audit(dataset, person)
    rows = dataset.examples.order_by("-pk")
    rows.filter(pk=rows[0].pk).update(label="green")
    rows.filter(pk=rows[1].pk).update(excluded=Example.Excluded.CURATOR)
    frozen = version_freeze(dataset=dataset, created_by=person, note="2")
    second = _second_version(recognizer, pictures)
    _runs(recognizer, frozen, second)
    with patch("webapp.studio.background.os.nice"):  # this process does other things afterwards
        figures = compare_now(second, first)
        _decide_and_answer_anew(person, first, second)
    _promote_and_roll_back(person, first, second, figures)
    routine_set(
        recognizer=recognizer,
        dataset=dataset,
        config={},
        after_corrections=20,
        at_night=True,
        promote=False,
    )


def _audit(dataset: Dataset, person: User) -> None:
    """One that is done, with a finding of each kind that has pictures, buttons or a sentence of its own."""
    rows = list(dataset.examples.order_by("pk"))

    def item(*numbers: int, **more: object) -> Item:
        chosen = [rows[number] for number in numbers]
        paths, labels = zip(*((each.path, each.label) for each in chosen), strict=True)
        return Item(numbers, paths, labels, **more)  # type: ignore[arg-type]

    unreadable = item(0, error=InvalidImage("empty"))
    doubted = item(1, suggestion="green", shares=(0.04, 0.93))
    copies = item(2, 3, left_out=(3,))
    other_label = item(0, 5, left_out=(0, 5))
    imbalance = {"largest": "blue", "ratio": "12", "smallest": "red"}
    reason = WeightsUnavailable("no_file", path="weights.h5")
    found = [
        Finding("unreadable", 1, items=[unreadable]),
        Finding("copies", 1, items=[copies]),
        Finding("contradictions", 1, items=[other_label]),
        Finding("alike", 1, items=[item(6, 7)]),
        Finding("alike_other_label", 1, items=[item(2, 6)]),
        Finding("placeholder", 1, items=[item(4)]),
        Finding("few", 1, {"least": 10, "names": "red"}, classes=["red"]),
        Finding("imbalance", params=imbalance, classes=["blue", "red"]),
        Finding("suspects", 1, items=[doubted]),
        Finding("unchecked", params={"reason": reason}),
        refused(DatasetRefused("case", name="Red", other="red"), "red", "Red"),
    ]
    result = {
        **packed(found, {number: row.pk for number, row in enumerate(rows)}, {}),
        "digest": manifest_digest(dataset),
        "num_pictures": len(rows),
        "num_learned": len(rows) - 4,
        "gone": [],
        "num_gone": 0,
        "backbone": "mobilenet_v2",
    }
    _do(job_create(kind=Job.Kind.AUDIT, dataset=dataset, requested_by=person)[0], result)


def _do(job: Job, result: dict[str, object]) -> None:
    claimed = job_claim()
    assert claimed == job
    assert job_end(job=claimed, state=Job.State.SUCCEEDED, result=result, fraction=1.0)


def _second_version(recognizer: Recognizer, pictures: Sequence[Labelled]) -> ModelVersion:
    """A candidate with a whole report, measured on these pictures. It knows one that has a wrong label
    as the first one cannot, takes one for another, and errs on one together with it."""
    told = [picture.outcome(picture.label, MIXED_UP) for picture in pictures]
    told[0] = replace(pictures[0], label="green").outcome("green", MIXED_UP)
    told[1] = pictures[1].outcome("red", MIXED_UP)
    told[2] = replace(pictures[2], label="green").outcome("red", MIXED_UP)
    return reported_version(
        recognizer,
        Path(settings.BUNDLES_DIR) / "colours-second",
        class_names=MIXED_UP,
        files={
            "report.json": as_json(a_report(MIXED_UP)),
            "outcomes.jsonl": as_lines(told, MIXED_UP),
        },
    )


def _runs(recognizer: Recognizer, frozen: DatasetVersion, version: ModelVersion) -> None:
    """One that waits, and one for each way to go on or to end."""
    states = TrainingRun.State
    for state in (states.QUEUED, states.RUNNING, states.SUCCEEDED, states.FAILED):
        is_done = state == states.SUCCEEDED
        TrainingRun.objects.create(
            recognizer=recognizer,
            dataset=frozen.dataset,
            dataset_version=None if state == states.QUEUED else frozen,
            state=state,
            config={"backbone": "mobilenet_v2", "seed": 0},
            step="layers" if state == states.RUNNING else "",
            fraction=0.4,
            failure_code="memory" if state == states.FAILED else "",
            version=version if is_done else None,
            notes=_NOTES if is_done else [],
        )


_NOTES = [
    error_note(WeightsUnavailable("no_file", path="weights.h5")),
    finding_note(Finding("tiny", 1, {"pixels": 10}, [Item((0,), ("red/0.png",), ("red",))])),
    finding_note(Finding("unchecked", params={"reason": TAUGHT})),
]


def _decide_and_answer_anew(person: User, first: ModelVersion, second: ModelVersion) -> None:
    """Three pictures that their owner judged, one of them decided; then all as the second one sees them."""
    corrected = [
        judged(person, first, true_label=label, file_name="blue.jpg")
        for label in ("blue", "green", "blue")
    ]
    decided(corrected[0], person)
    asked, _ = reanswering_request(version=second, number=100, by=person)
    job = job_claim()
    assert job == asked
    result = dict(reanswering.run(job, lambda step, fraction: None))
    assert job_end(job=job, state=Job.State.SUCCEEDED, result=result, fraction=1.0)


def _promote_and_roll_back(
    person: User, first: ModelVersion, second: ModelVersion, compared: Mapping[str, object]
) -> None:
    """What the log says where the first answers again, without the seconds that a promotion takes."""
    figures = {name: compared[name] for name in LOGGED}
    turns = ((first, None, ""), (second, first, "yellow"), (first, second, ROLLED_BACK))
    for version, before, reason in turns:
        Promotion.objects.create(
            recognizer=first.recognizer,
            version=version,
            before=before,
            by=person,
            reason=reason,
            figures=figures if version == second else {},
        )
    second.state, second.promoted_at = ModelVersion.State.RETIRED, timezone.now()
    second.save()
