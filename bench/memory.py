"""python bench/memory.py: resident memory of each process after it has done its work, once.

Starts a whole installation (Redis, web, inference and training worker) with a ResNet50 bundle of
random weights, uploads some pictures of 12 megapixels and waits for their answers. `rss` counts
shared pages fully, `pss` divides them among their users.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, too

import tempfile
from typing import Any

from bench.groups import memory_mb
from bench.machine import describe
from bench.photos import large_photo
from bench.systems import write_resnet50
from bench.tables import parser, row, show
from tests.stack import Stack
from tests.waiting import wait_for

TARGETS_MB = {"web": 120, "inference": 400}
NUM_PICTURES = 20


def main() -> None:
    arguments = parser(__doc__ or "").parse_args()
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as stack:
        write_resnet50(stack.data_dir / "bundles" / "resnet50")
        stack.create_users("ada")
        stack.install("resnet50")
        stack.start("redis", "web", "inference", "training")
        photo = large_photo()
        with stack.signed_in("ada") as ada:
            ada.upload(*((f"{i}.jpg", b"".join(photo.numbered(i))) for i in range(NUM_PICTURES)))
            wait_for(lambda: stack.states() == {"done": NUM_PICTURES}, seconds=120, what="answers")
        figures: dict[str, Any] = {
            name: _memory(stack.pid(name)) for name in ("redis", "web", "inference", "training")
        }
    figures["targets_mb"] = TARGETS_MB
    figures["machine"] = describe()
    show(figures, _lines(figures), as_json=arguments.json)


def _memory(leader: int) -> dict[str, float]:
    """Of the largest process among a leader and its children, and of all of them, in MB."""
    processes = memory_mb(leader).values()
    return {
        "rss_mb": round(max(each["rss"] for each in processes), 1),
        "all_pss_mb": round(sum(each["pss"] for each in processes), 1),
        "processes": len(processes),
    }


def _lines(figures: dict[str, Any]) -> list[str]:
    widths = (12, 10, 14, 10, 10)
    lines = [
        f"Resident memory in MB after {NUM_PICTURES} uploads of 12 megapixels, ResNet50",
        f"on {figures['machine']}",
        "",
        row(["process", "largest", "all together", "processes", "target"], widths),
    ]
    for name in ("redis", "web", "inference", "training"):
        memory = figures[name]
        cells = [name, memory["rss_mb"], memory["all_pss_mb"], memory["processes"]]
        lines.append(row([*cells, TARGETS_MB.get(name, "")], widths))
    return lines


if __name__ == "__main__":
    main()
