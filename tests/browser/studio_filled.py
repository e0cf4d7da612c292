"""What a curator has done by the time that the studio is photographed: each of its pages has something on
it that came of real jobs and a real training."""

import shutil

from tests.pictures import picture_bytes
from tests.shared import SHARED_KERAS
from tests.stack import Stack
from tests.waiting import wait_for

# It sees next to nothing, and so learns in a minute; what it is worse at is there to be seen.
SECOND = {
    "backbone": "mobilenet_v2",
    "weights": "none",
    "image_size": 64,
    "epochs": 2,
    "int8": False,
}
OPEN = "state IN ('queued', 'running')"


def fill_studio(stack: Stack, person: str, *, folder_name: str) -> None:
    """An audit that found something, decisions in the inbox, a second version that learned of them, was
    compared, promoted and taken back, and the history as it would have answered it. The worker that
    trains must run."""
    if SHARED_KERAS.is_dir():  # else the audit says that it could not check the labels
        stack.environment["KERAS_HOME"] = str(SHARED_KERAS)
    stack.start("studio")
    _spoil(stack, folder_name)
    stack.shell(_AUDIT.format(folder_name=folder_name))
    stack.shell(_DECIDE_AND_RETRAIN.format(person=person, folder_name=folder_name, config=SECOND))
    _wait(stack, "trainingrun", seconds=900)
    _wait(stack, "job", seconds=300)
    stack.shell(_ANSWER_ANEW.format(person=person))
    _wait(stack, "job", seconds=300)
    stack.shell(_PROMOTE_AND_ROLL_BACK.format(person=person))


def _spoil(stack: Stack, folder_name: str) -> None:
    """What an audit finds: a copy, one picture in two classes, one that is empty, one of a single shade."""
    train = stack.data_dir / "datasets" / folder_name / "train"
    first, second = sorted(path for path in train.iterdir() if path.is_dir())[:2]
    shutil.copy(first / "0003.jpg", first / "0003 (1).jpg")
    shutil.copy(first / "0004.jpg", second / "IMG_2207.jpg")
    (second / "IMG_2208.jpg").touch()
    (second / "IMG_2209.jpg").write_bytes(picture_bytes("grey", (192, 192)))


def _wait(stack: Stack, table: str, *, seconds: float) -> None:
    def is_done() -> bool:
        return stack.query(f"SELECT count(*) FROM studio_{table} WHERE {OPEN}") == [(0,)]

    wait_for(is_done, seconds=seconds, what=f"each {table}")
    wrong = stack.query(
        f"SELECT state, failure_code FROM studio_{table} WHERE state <> 'succeeded'"
    )
    assert not wrong, wrong


_AUDIT = """
from webapp.studio.datasets.reading import dataset_read
from webapp.studio.jobs.services import job_create
from webapp.studio.models import Dataset
dataset = Dataset.objects.get(folder_name={folder_name!r})
dataset_read(dataset)
job_create(kind="audit", dataset=dataset)
"""

_DECIDE_AND_RETRAIN = """
from webapp.accounts.models import User
from webapp.predictions.models import Prediction
from webapp.recognizers.models import Recognizer
from webapp.studio.loop.reviews import classes_of, review_decide, seen_of
from webapp.studio.loop.routines import routine_set
from webapp.studio.loop.taking import corrections_take
from webapp.studio.models import Dataset, Example
from webapp.studio.services import run_create
person = User.objects.get(username={person!r})
recognizer = Recognizer.objects.earliest("id")
dataset = Dataset.objects.get(folder_name={folder_name!r})
classes = classes_of(recognizer)
moved = dataset.examples.exclude(label=classes[0]).earliest("id")
Example.objects.filter(pk=moved.pk).update(label=classes[0])
said = Prediction.objects.exclude(verdict="").filter(recognizer=recognizer).order_by("id")


def decide(row):
    label = row.label if row.verdict == "right" else row.true_label
    review_decide(
        prediction=row,
        decision="accepted" if label in classes else "relabelled",
        label="" if label in classes else classes[-1],
        by=person,
        classes=classes,
        seen=seen_of(row),
    )


for row in said[:4]:
    decide(row)
taken = corrections_take(recognizer=recognizer, dataset=dataset, by=person)
decide(said[4])
run_create(
    recognizer=recognizer,
    folder_name={folder_name!r},
    config={config!r},
    requested_by=person,
    version=taken.version,
)
routine_set(
    recognizer=recognizer,
    dataset=dataset,
    config={{}},
    after_corrections=20,
    at_night=True,
    promote=False,
)
"""

_ANSWER_ANEW = """
from webapp.accounts.models import User
from webapp.recognizers.models import Recognizer
from webapp.studio.reanswering.services import reanswering_request
version = Recognizer.objects.earliest("id").versions.latest("number")
reanswering_request(version=version, number=60, by=User.objects.get(username={person!r}))
"""

_PROMOTE_AND_ROLL_BACK = """
from webapp.accounts.models import User
from webapp.recognizers.models import Recognizer
from webapp.studio.comparing.services import candidate_promote, recognizer_roll_back
person = User.objects.get(username={person!r})
recognizer = Recognizer.objects.earliest("id")
version = recognizer.versions.latest("number")
candidate_promote(version=version, by=person, reason="It knows this week's corrections.")
recognizer_roll_back(recognizer=recognizer, by=person, instead_of=version.number)
"""
