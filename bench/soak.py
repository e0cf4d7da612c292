"""python bench/soak.py: twenty thousand uploads at full speed over the API, and what is left of them.

Expected: each is answered exactly once, the memory of every process is level after the first tenth,
and no file is left over: the pictures' folder holds what rows name, and nothing temporary is anywhere.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, too

import statistics
import tempfile
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from bench import groups
from bench.client import Sent, percentile, send
from bench.machine import describe
from bench.photos import tiny_photo
from bench.systems import Ours, Running, write_resnet50
from bench.tables import parser, row, show, verdicts
from tests.bundles import colour_bundle
from tests.stack import Stack

NUM_UPLOADS = 20_000
CONCURRENCY = 16
NUM_SAMPLES = 20
SETTLED = 0.1  # the share of the uploads after which memory shall be level
# Level: the last samples' mean above the first settled ones' by at most this, or this.
LEVEL_PERCENT, LEVEL_MB = 5.0, 3.0
NUM_AVERAGED = 3

Samples = dict[str, list[float]]


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--num", type=int, default=NUM_UPLOADS)
    options.add_argument("--resnet50", action="store_true", help="instead of a graph of no weight")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder) / "installation") as stack:
        bundle_path = stack.data_dir / "bundles" / "bundle"
        if arguments.resnet50:
            write_resnet50(bundle_path)
        else:
            colour_bundle(bundle_path)
        figures = soak(Ours.install(stack, "bundle"), arguments.num)
    figures["machine"] = describe()
    show(figures, _lines(figures), as_json=arguments.json)


def soak(ours: Ours, num_uploads: int) -> dict[str, Any]:
    """Send that many uploads to an installation that is not running; what came of them."""
    stack, photo = ours.stack, tiny_photo()
    temporary = stack.data_dir.parent / "temporary"
    temporary.mkdir()
    stack.environment["TMPDIR"] = str(temporary)
    folders = [stack.data_dir, temporary, stack.socket_dir]
    memory: Samples = {}
    settled_files: set[Path] = set()
    num_answered, lock = 0, threading.Lock()
    every, settled = max(1, num_uploads // NUM_SAMPLES), int(num_uploads * SETTLED)

    with ours.running() as running:

        def note(sent: Sent) -> None:
            nonlocal num_answered
            with lock:
                num_answered += 1
                if num_answered % every == 0:
                    _sample(running, memory)
                if num_answered == settled:
                    settled_files.update(_files(folders, without=stack.pictures_dir))

        stack.wait_for_workers()
        load = send(
            running.endpoint, photo, concurrency=CONCURRENCY, number=num_uploads, on_answer=note
        )
        left_running = _files(folders, without=stack.pictures_dir) - settled_files
    left_stopped = _files(folders, without=stack.pictures_dir) - settled_files
    [(num_rows, num_done, num_once, num_contents)] = stack.query(
        "SELECT count(*), count(CASE WHEN state = 'done' THEN 1 END), "
        "count(CASE WHEN attempts = 1 THEN 1 END), count(DISTINCT content_sha256) "
        "FROM predictions_prediction"
    )
    missing, unnamed = _pictures(stack)
    growth = {name: _growth(values) for name, values in memory.items()}
    left_over = sorted(str(path) for path in left_running | left_stopped | unnamed)
    return {
        "uploads": num_uploads,
        "photo": photo.describe(),
        "seconds": round(load.seconds, 1),
        "uploads_per_second": round(load.per_second, 1),
        "p50_ms": round(percentile(load.latencies_ms, 50), 1),
        "p95_ms": round(percentile(load.latencies_ms, 95), 1),
        "answers": len(load.sent),
        "rows": num_rows,
        "done": num_done,
        "claimed_once": num_once,
        "different_pictures": num_contents,
        "memory_mb": {name: [round(v, 1) for v in values] for name, values in memory.items()},
        "growth": growth,
        "pictures_missing": len(missing),
        "left_over": left_over,
        "met": {
            "answered_exactly_once": {len(load.sent), num_rows, num_done, num_contents}
            == {num_uploads},
            "memory_level": all(one["is_level"] for one in growth.values()),
            "no_file_left_over": not left_over and not missing,
        },
    }


def _sample(running: Running, memory: Samples) -> None:
    for name, leader in running.groups.items():
        children = 0
        for pid, sizes in sorted(groups.memory_mb(leader).items()):
            children += pid != leader
            key = name if pid == leader else f"{name}, child {children}"
            memory.setdefault(key, []).append(sizes["rss"])


def _growth(samples: list[float]) -> dict[str, Any]:
    """What memory gained from the first settled samples to the last ones."""
    settled = samples[int(len(samples) * SETTLED) :]
    num_averaged = max(1, min(NUM_AVERAGED, len(settled) // 2))
    first = statistics.mean(settled[:num_averaged])
    last = statistics.mean(settled[-num_averaged:])
    megabytes, percent = last - first, (last - first) / first * 100
    return {
        "settled_mb": round(first, 1),
        "last_mb": round(last, 1),
        "mb": round(megabytes, 1),
        "percent": round(percent, 1),
        "is_level": megabytes <= LEVEL_MB or percent <= LEVEL_PERCENT,
    }


def _files(folders: Iterable[Path], *, without: Path) -> set[Path]:
    found = (path for folder in folders for path in folder.rglob("*") if not path.is_dir())
    return {path for path in found if without not in path.parents}


def _pictures(stack: Stack) -> tuple[set[Path], set[Path]]:
    """Pictures that rows name and that are not there, and those that are there unnamed."""
    names = stack.query("SELECT picture_name FROM predictions_prediction WHERE picture_name <> ''")
    kept = {stack.pictures_dir / name for (name,) in names}
    named = kept | {path.with_suffix(".thumbnail.jpg") for path in kept}
    found = {path for path in stack.pictures_dir.rglob("*") if not path.is_dir()}
    return kept - found, found - named  # a thumbnail is made when it is looked at


def _lines(figures: Mapping[str, Any]) -> list[str]:
    widths = (24, 14, 10, 8, 8, 8)
    lines = [
        f"{figures['uploads']:,} uploads, {CONCURRENCY} at a time: {figures['photo']}",
        f"on {figures['machine']}",
        "",
        (
            f"{figures['uploads_per_second']} a second for {figures['seconds']:.0f} s; "
            f"p50 {figures['p50_ms']} ms, p95 {figures['p95_ms']} ms"
        ),
        (
            f"answers {figures['answers']}, rows {figures['rows']}, done {figures['done']}, "
            f"claimed once {figures['claimed_once']}, different {figures['different_pictures']}"
        ),
        "",
        row(["resident MB", "after a tenth", "at the end", "growth", "%", ""], widths),
    ]
    for name, growth in figures["growth"].items():
        sizes = [growth[key] for key in ("settled_mb", "last_mb", "mb", "percent")]
        lines.append(row([name, *sizes, "level" if growth["is_level"] else "GROWS"], widths))
    lines += ["", f"pictures missing: {figures['pictures_missing']}"]
    lines.append(f"files left over: {', '.join(figures['left_over']) or 'none'}")
    return lines + verdicts(figures["met"])


if __name__ == "__main__":
    main()
