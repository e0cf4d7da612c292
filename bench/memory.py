"""python bench/memory.py: resident memory of each process after it has done its work, once.

Starts a whole installation (Redis, web, inference and training worker) with a ResNet50 bundle of
random weights, uploads some pictures of 12 megapixels, waits for their answers and reads
/proc/PID/smaps_rollup. `rss` counts shared pages fully, `pss` divides them among their users.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, too

import os
import tempfile
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from bench.machine import describe
from bench.random_bundle import IMAGE_SIZE, write_random_bundle
from bench.tables import parser, row, show
from tests.stack import Stack
from tests.waiting import wait_for

TARGETS_MB = {"web": 120, "inference": 400}
NUM_PICTURES = 20


def main() -> None:
    arguments = parser(__doc__ or "").parse_args()
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as stack:
        write_random_bundle(stack.data_dir / "bundles" / "resnet50")
        stack.create_users("ada")
        stack.install("resnet50")
        stack.start("redis", "web", "inference", "training")
        picture = _large_picture()
        with stack.signed_in("ada") as ada:
            ada.upload(*[(f"{i}.jpg", picture) for i in range(NUM_PICTURES)])
            wait_for(lambda: stack.states() == {"done": NUM_PICTURES}, seconds=120, what="answers")
        figures: dict[str, Any] = {
            name: _memory_of_group(stack.pid(name))
            for name in ("redis", "web", "inference", "training")
        }
    figures["targets_mb"] = TARGETS_MB
    figures["machine"] = describe()
    show(figures, _lines(figures), as_json=arguments.json)


def _large_picture() -> bytes:
    """A JPEG of 12 megapixels that compresses as a photo does."""
    small = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    buffer = BytesIO()
    Image.fromarray(small).resize((4000, 3000), Image.Resampling.BICUBIC).save(buffer, "JPEG")
    return buffer.getvalue()


def _memory_of_group(leader: int) -> dict[str, float]:
    """Of the largest process among a leader and its children, and of all of them, in MB."""
    rss, pss = [], []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(folder.name)) != leader:
                continue
            lines = (folder / "smaps_rollup").read_text(encoding="utf-8").splitlines()
        except (ProcessLookupError, FileNotFoundError):
            continue  # it ended meanwhile
        kilobytes = {line.split(":")[0]: line.split()[1] for line in lines[1:]}
        rss.append(int(kilobytes["Rss"]) / 1024)
        pss.append(int(kilobytes["Pss"]) / 1024)
    return {"rss_mb": round(max(rss), 1), "all_pss_mb": round(sum(pss), 1), "processes": len(rss)}


def _lines(figures: dict[str, Any]) -> list[str]:
    widths = (12, 10, 14, 10, 10)
    lines = [
        (
            f"Resident memory in MB after {NUM_PICTURES} uploads of 12 megapixels, ResNet50 at "
            f"{IMAGE_SIZE} px"
        ),
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
