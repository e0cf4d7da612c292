"""python bench/promotion.py: uploads for a minute while the live version is switched five times.

Expected: every upload is answered, each by a version that was live when a worker took it, and the
answers do not pause longer around a switch than they do anyway. Promotions go through the service
that the admin's button calls, in processes of their own, and so share the cores.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, too

import json
import shutil
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from bench.client import Load, send
from bench.machine import describe
from bench.photos import small_photo
from bench.systems import Ours, write_resnet50
from bench.tables import parser, row, show, verdicts
from classifier.bundle import Bundle, new_bundle
from tests.stack import Stack

SECONDS, NUM_SWITCHES = 60.0, 5
NUM_VERSIONS = 3  # so that one which was live before comes back
CONCURRENCY = 8
AROUND_SECONDS = 1.0

_PROMOTE = """
import json
from django.utils import timezone
from webapp.recognizers.models import ModelVersion
from webapp.recognizers.services import version_promote
version = ModelVersion.objects.get(number={number})
version_promote(version=version, by=None)
print(json.dumps([version.promoted_at.isoformat(), timezone.now().isoformat()]))
"""


@dataclass(frozen=True)
class Switch:
    """A promotion: the version became live between two times, `begun` and `over`."""

    number: int
    begun: datetime
    over: datetime


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--seconds", type=float, default=SECONDS)
    options.add_argument("--switches", type=int, default=NUM_SWITCHES)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder) / "installation") as stack:
        first = stack.data_dir / "bundles" / "version-1"
        write_resnet50(first)
        names = [first.name, *_copies(Bundle.load(first))]
        ours = Ours.install(stack, *names)
        figures = switch_under_load(ours, arguments.seconds, arguments.switches)
    figures["machine"] = describe()
    show(figures, _lines(figures), as_json=arguments.json)


def _copies(bundle: Bundle) -> list[str]:
    """The same network as other versions, told apart by when they were made."""
    names = []
    for number in range(2, NUM_VERSIONS + 1):
        path = bundle.path.with_name(f"version-{number}")
        with new_bundle(path) as draft:
            for name in bundle.manifest.files:
                shutil.copyfile(bundle.path / name, draft.folder / name)
            draft.seal(replace(bundle.manifest, created_at=f"2026-01-{number:02}T00:00:00+00:00"))
        names.append(path.name)
    return names


def switch_under_load(ours: Ours, seconds: float, num_switches: int) -> dict[str, Any]:
    """Upload all the time, promote one version after the other, and look at every answer.

    Expects an installation that is not running, with several versions, the last of them live.
    """
    stack = ours.stack
    [(newest,)] = stack.query("SELECT max(number) FROM recognizers_modelversion")
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    switches = [Switch(newest, long_ago, long_ago)]
    with ours.running() as running:
        stack.wait_for_workers()
        over, loads = threading.Event(), []

        def upload() -> None:
            photo = small_photo()
            loads.append(send(running.endpoint, photo, concurrency=CONCURRENCY, stop=over))

        uploading = threading.Thread(target=upload)
        began = time.monotonic()
        uploading.start()
        try:
            for turn in range(1, num_switches + 1):
                # Evenly over the time; one that takes longer delays the next ones.
                _sleep_until(began + seconds * turn / (num_switches + 1))
                switches.append(_promote(stack, number=(newest - 1 + turn) % newest + 1))
            _sleep_until(began + seconds)
        finally:
            over.set()
            uploading.join()
    if not loads:
        raise RuntimeError("An upload was not answered; see above.")
    return _figures(stack, loads[0], switches)


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def _promote(stack: Stack, number: int) -> Switch:
    begun, over = json.loads(stack.shell(_PROMOTE.format(number=number)))
    return Switch(number, datetime.fromisoformat(begun), datetime.fromisoformat(over))


def _figures(stack: Stack, load: Load, switches: Sequence[Switch]) -> dict[str, Any]:
    rows = stack.query(
        "SELECT p.state, p.claimed_at, v.number FROM predictions_prediction p "
        "LEFT JOIN recognizers_modelversion v ON v.id = p.version_id"
    )
    num_failed = sum(state != "done" for state, *_ in rows)
    wrong = [
        {"claimed_at": str(claimed_at), "version": number}
        for state, claimed_at, number in rows
        if state == "done" and not _was_live(_utc(claimed_at), number, switches)
    ]
    around, usual = _gaps_ms(load, switches[1:])
    return {
        "uploads": len(load.sent),
        "rows": len(rows),
        "uploads_per_second": round(load.per_second, 1),
        "seconds": round(load.seconds, 1),
        "switches": [
            {"version": switch.number, "longest_gap_ms": round(gap, 1)}
            for switch, gap in zip(switches[1:], around, strict=True)
        ],
        "usual_gap_ms": {
            "median": round(statistics.median(usual), 1),
            "longest": round(max(usual), 1),
        },
        "answers_by_version": dict(sorted(Counter(str(number) for _, _, number in rows).items())),
        "failures": num_failed,
        "by_a_version_not_live": wrong,
        "met": {
            "no_failure": num_failed == 0 and len(rows) == len(load.sent),
            "no_answer_by_a_version_not_live": not wrong,
        },
    }


def _was_live(moment: datetime, number: int, switches: Sequence[Switch]) -> bool:
    """Whether a version was live at a moment, as far as the switches' bounds tell."""
    ends = [switch.over for switch in switches[1:]] + [datetime.max.replace(tzinfo=UTC)]
    return any(
        switch.number == number and switch.begun <= moment <= end
        for switch, end in zip(switches, ends, strict=True)
    )


def _gaps_ms(load: Load, switches: Sequence[Switch]) -> tuple[list[float], list[float]]:
    """The longest time without an answer around each switch, and all such times elsewhere."""
    to_monotonic = time.monotonic() - time.time()
    spans = [
        (
            switch.begun.timestamp() + to_monotonic - AROUND_SECONDS,
            switch.over.timestamp() + to_monotonic + AROUND_SECONDS,
        )
        for switch in switches
    ]
    around, usual = [0.0] * len(spans), []
    for before, after in pairwise(sorted(one.ended for one in load.sent)):
        gap_ms = (after - before) * 1000
        near = [i for i, (begin, end) in enumerate(spans) if after >= begin and before <= end]
        for i in near:
            around[i] = max(around[i], gap_ms)
        if not near:
            usual.append(gap_ms)
    return around, usual


def _utc(value: Any) -> datetime:
    """SQLite keeps times as text, in UTC."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _lines(figures: Mapping[str, Any]) -> list[str]:
    widths = (26, 18)
    lines = [
        (
            f"{figures['uploads']} uploads, {CONCURRENCY} at a time, in {figures['seconds']:.0f} s "
            f"({figures['uploads_per_second']} a second), {len(figures['switches'])} switches"
        ),
        f"on {figures['machine']}",
        "",
        row(["around", "longest gap, ms"], widths),
    ]
    for switch in figures["switches"]:
        lines.append(
            row([f"switch to version {switch['version']}", switch["longest_gap_ms"]], widths)
        )
    usual = figures["usual_gap_ms"]
    lines += [
        row(["at other times", usual["longest"]], widths),
        row(["at other times, median", usual["median"]], widths),
        "",
        f"answers by version: {figures['answers_by_version']}",
        f"failures: {figures['failures']}",
        f"answers by a version that was not live: {len(figures['by_a_version_not_live'])}",
    ]
    return lines + verdicts(figures["met"])


if __name__ == "__main__":
    main()
