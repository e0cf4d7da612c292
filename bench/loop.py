"""python -m bench.loop: how long it takes from a curator's press to a candidate, after 20 corrections.

A whole installation, as `make run` starts it: a recognizer learns `cats_dogs` (600 photographs,
MobileNetV2 with ImageNet weights, the head alone), a visitor sends 20 pictures that it has not seen and
says what they are, a curator accepts them, and presses "make a new dataset version and retrain now".
Measured is the time from that request to the version's row; the features of the 580 other pictures are
kept from the first training, which is timed, too.

Run it on a machine that does nothing else. Target: under 20 seconds on two cores.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, too

import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping
from typing import Any

from bench.machine import describe
from bench.tables import parser, row, show, verdicts
from tests.stack import Stack, Visitor
from tests.waiting import wait_for

NUM_CORRECTIONS = 20
TARGET_SECONDS = 20.0
ROUNDS = 1
CONFIG = {"backbone": "mobilenet_v2", "weights": "imagenet", "mode": "head", "image_size": 224}
LABELS = ("cats", "dogs")

_TRAIN = """
from webapp.studio.services import recognizer_get_or_create, run_create
run = run_create(
    recognizer=recognizer_get_or_create(name="Cats and dogs"), folder_name="cats_dogs",
    config={config!r}, requested_by=None, promote_when_done=True)
print(run.pk)
"""
_JUDGE = """
from webapp.predictions.corrections import predictions_judge
from webapp.predictions.models import Prediction
rows = Prediction.objects.filter(verdict="", state="done")
for label in {labels!r}:
    ids = list(rows.filter(file_name__startswith=label).values_list("public_id", flat=True))
    predictions_judge(owner=rows.first().owner, public_ids=ids, verdict="wrong", true_label=label)
"""


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("folder", type=Path, nargs="?", help="with train/ and val/")
    options.add_argument("--rounds", type=int, default=ROUNDS, help="the median counts")
    arguments = options.parse_args()
    folder = arguments.folder or _shared_folder()
    with tempfile.TemporaryDirectory() as place, Stack(Path(place) / "installation") as stack:
        figures = measure(stack, folder, arguments.rounds)
    figures["machine"] = describe()
    show(figures, _lines(figures), as_json=arguments.json)


def _shared_folder() -> Path:
    folder = Path(__file__).resolve().parents[2] / "shared" / "data" / "cats_dogs"
    if not folder.is_dir():
        sys.exit(f"Expected a folder with train/ and val/, found none at {folder}. Give one.")
    os.environ.setdefault("KERAS_HOME", str(folder.parents[1] / "keras"))
    return folder


def measure(stack: Stack, folder: Path, num_rounds: int) -> dict[str, Any]:
    """The seconds of the first training and of those after corrections, each with its steps'."""
    dataset = stack.data_dir / "datasets" / "cats_dogs"
    shutil.copytree(folder, dataset)
    corrections = _put_aside(dataset, NUM_CORRECTIONS * num_rounds)
    if keras_home := os.environ.get("KERAS_HOME"):
        stack.environment["KERAS_HOME"] = keras_home
    stack.create_users("curator", is_staff=True)
    stack.create_users("ada")
    stack.start("redis", "web", "inference", "training", "studio")
    began = time.monotonic()
    first = int(stack.shell(_TRAIN.format(config=CONFIG)))
    _wait_for_candidate(stack, first)
    first_seconds = time.monotonic() - began
    wait_for(lambda: _state(stack, first) == "succeeded", seconds=120, what="the promotion")
    stack.wait_for_workers()
    rounds = []
    with stack.signed_in("ada") as ada, stack.signed_in("curator") as curator:
        for number in range(num_rounds):
            files = corrections[number * NUM_CORRECTIONS : (number + 1) * NUM_CORRECTIONS]
            _correct(stack, ada, curator, files)
            rounds.append(_retrain(stack, curator, num_given=(number + 1) * NUM_CORRECTIONS))
    retrain_seconds = statistics.median(each["seconds"] for each in rounds)
    return {
        "retrain_s": round(retrain_seconds, 2),
        "first_s": round(first_seconds, 2),
        "first_steps_s": _steps(_figures(stack, first)),
        "rounds": rounds,
        "met": {"retrained_within_20_s": retrain_seconds < TARGET_SECONDS},
    }


def _put_aside(dataset: Path, number: int) -> list[tuple[str, bytes]]:
    """Take pictures out of the training pictures, as many of each class; what a visitor will send."""
    taken = []
    for label in LABELS:
        for path in sorted((dataset / "train" / label).iterdir())[: number // 2]:
            taken.append((f"{label}-{path.name}", path.read_bytes()))
            path.unlink()
    return [taken[i + half] for i in range(number // 2) for half in (0, number // 2)]


def _correct(stack: Stack, ada: Visitor, curator: Visitor, files: list[tuple[str, bytes]]) -> None:
    """A visitor sends the pictures and says what they are; a curator accepts all of them. Raises
    RuntimeError where not all of them wait to be taken then."""
    before = stack.states().get("done", 0)
    ada.upload(*files)
    wait_for(
        lambda: stack.states().get("done", 0) == before + len(files), seconds=60, what="answers"
    )
    stack.shell(_JUDGE.format(labels=LABELS))
    rows = stack.query("SELECT id FROM predictions_prediction ORDER BY id DESC")
    for (pk,) in rows[: len(files)]:
        address = f"/admin/studio/loop/inbox/{pk}/decide/"
        shown = f"/admin/studio/loop/inbox/?at={pk}"
        seen = curator.get(shown).text.split('name="seen" value="')[1].split('"')[0]
        curator.post(address, {"decision": "accepted", "seen": seen}, page=shown)
    [(accepted,)] = stack.query(
        "SELECT count(*) FROM studio_review WHERE decision = 'accepted' AND taken_at IS NULL"
    )
    if accepted != len(files):
        raise RuntimeError(f"Expected {len(files)} accepted pictures, found {accepted}.")


def _retrain(stack: Stack, curator: Visitor, *, num_given: int) -> dict[str, Any]:
    """Press the button; the seconds until there is a candidate. Raises RuntimeError where no training of
    `num_given` corrections came of it."""
    inbox = curator.get("/admin/studio/loop/inbox/").text
    token = inbox.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    dataset = inbox.split('name="dataset"')[1].split('<option value="')[1].split('"')[0]
    values = {"csrfmiddlewaretoken": token, "dataset": dataset, "retrain": "1"}
    [(recognizer,)] = stack.query("SELECT id FROM recognizers_recognizer")
    [(before,)] = stack.query("SELECT max(id) FROM studio_trainingrun")
    began = time.monotonic()
    pressed = curator.client.post(
        f"/admin/studio/loop/take/{recognizer}/",
        data=values,
        headers={"Referer": stack.url},
        follow_redirects=False,
    )
    answered = time.monotonic() - began
    [(run,)] = stack.query("SELECT max(id) FROM studio_trainingrun")
    if not pressed.is_redirect or run == before:
        raise RuntimeError(f"Expected a training, received {pressed.status_code} and none.")
    _wait_for_candidate(stack, run)
    seconds = time.monotonic() - began
    wait_for(lambda: _state(stack, run) == "succeeded", seconds=60, what="the run's end")
    figures = _figures(stack, run)
    learned = figures.get("corrections") or {}
    if learned.get("num") != num_given:
        raise RuntimeError(f"Expected {num_given} corrections, learned from: {learned}.")
    return {
        "seconds": round(seconds, 2),
        "press_s": round(answered, 2),
        "steps_s": _steps(figures),
        "corrections": learned,
    }


def _wait_for_candidate(stack: Stack, run: int) -> None:
    def is_there() -> bool:
        [(version, state)] = stack.query(
            f"SELECT version_id, state FROM studio_trainingrun WHERE id = {run}"
        )
        if state in ("failed", "cancelled", "interrupted"):
            raise RuntimeError(f"Run {run} is {state}:\n{stack.log('training')[-2000:]}")
        return version is not None

    wait_for(is_there, seconds=600, what="a candidate")


def _state(stack: Stack, run: int) -> str:
    [(state,)] = stack.query(f"SELECT state FROM studio_trainingrun WHERE id = {run}")
    return str(state)


def _figures(stack: Stack, run: int) -> dict[str, Any]:
    [(figures,)] = stack.query(f"SELECT figures FROM studio_trainingrun WHERE id = {run}")
    found: dict[str, Any] = json.loads(figures) if isinstance(figures, str) else figures
    return found


def _steps(figures: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: round(value, 2) for name, value in figures.items() if isinstance(value, int | float)
    }


def _lines(figures: Mapping[str, Any]) -> list[str]:
    widths = (34, 10, 10)
    last = figures["rounds"][-1]
    steps = {**figures["first_steps_s"], **last["steps_s"]}
    told = last["corrections"]
    return [
        f"{NUM_CORRECTIONS} corrections on {figures['machine']}",
        "",
        row(["seconds", "first", "retrained"], widths),
        *(
            row(
                [name, figures["first_steps_s"].get(name, ""), last["steps_s"].get(name, "")],
                widths,
            )
            for name in steps
        ),
        row(["the request itself", "", last["press_s"]], widths),
        row(["from the press to a candidate", figures["first_s"], figures["retrain_s"]], widths),
        "",
        (
            f"corrections: {told['num']}, right now {told['right_now']}, "
            f"before {told['right_before']}"
        ),
        *verdicts(figures["met"]),
    ]


if __name__ == "__main__":
    main()
