"""python bench/scale_index.py: what the index of a million examples costs, in seconds and bytes.

Makes hard links to a few small pictures in a temporary folder, and reads each layout in a process
of its own: 1,000 classes of 1,000 files, one class folder with nearly all of them, and a CSV
manifest of the first in random order. Memory is the highest resident set minus that before, so
what reading takes in passing counts; the files' names are in the system's cache.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, too

import argparse
import json
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from bench.machine import describe
from bench.tables import parser, row, show
from training.sources.reading import read_index

NUM_ENTRIES = 1_000_000
NUM_CLASSES = 1_000
NUM_PICTURES = 32  # a file may have 65,000 links on common systems
TARGET_BYTES = 300
TITLES = {
    "folder": f"folder, {NUM_CLASSES:,} classes",
    "flat": "folder, all in one class",
    "csv": "CSV manifest, shuffled",
}


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--entries", type=int, default=NUM_ENTRIES, metavar="N")
    options.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.read:
        print(json.dumps(_read(arguments.read)))
        return
    with tempfile.TemporaryDirectory(prefix="scale-index-") as folder:
        sources = _write(Path(folder), arguments.entries)
        figures: dict[str, Any] = {name: _read_afresh(source) for name, source in sources}
    figures["target_bytes_per_entry"] = TARGET_BYTES
    figures["machine"] = describe()
    show(figures, _lines(figures), as_json=arguments.json)


def _write(root: Path, num_entries: int) -> Iterator[tuple[str, Path]]:
    """The sources one after another, so that never more than a million links exist."""
    pictures = _pictures(root / "pictures")
    folder = root / "folder"
    paths = [
        f"class_{i % NUM_CLASSES:04}/photo_{i // NUM_CLASSES:07}.jpg" for i in range(num_entries)
    ]
    _link(folder, paths, pictures)
    yield "folder", folder
    manifest = folder / "manifest.csv"
    random.Random(3).shuffle(paths)
    with manifest.open("w", encoding="utf-8") as file:
        file.write("path,label,split\n")
        for path in paths:
            file.write(f"{path},{path.partition('/')[0]},train\n")
    yield "csv", manifest
    for path in paths:
        (folder / path).unlink()
    flat = root / "flat"
    _link(
        flat,
        ["few/photo.jpg", *(f"many/photo_{i:07}.jpg" for i in range(1, num_entries))],
        pictures,
    )
    yield "flat", flat


def _pictures(folder: Path) -> list[Path]:
    folder.mkdir()
    generator = np.random.default_rng(2)
    paths = [folder / f"{i}.jpg" for i in range(NUM_PICTURES)]
    for path in paths:
        Image.fromarray(generator.integers(0, 256, (8, 8, 3), np.uint8)).save(path)
    return paths


def _link(root: Path, paths: list[str], pictures: list[Path]) -> None:
    for folder in {path.rpartition("/")[0] for path in paths}:
        (root / folder).mkdir(parents=True)
    for i, path in enumerate(paths):
        os.link(pictures[i % len(pictures)], f"{root}/{path}")


def _read_afresh(source: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--read", str(source)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    figures: dict[str, float] = json.loads(answer.stdout)
    return figures


def _read(source: Path) -> dict[str, float]:
    before = _memory_bytes("VmRSS")
    started = time.perf_counter()
    index = read_index(source, into=source.parent / "unused")
    seconds = time.perf_counter() - started
    # The peak of this program alone; getrusage would count the one that started it.
    grown = _memory_bytes("VmHWM") - before
    return {
        "entries": len(index),
        "classes": len(index.class_names),
        "seconds": round(seconds, 2),
        "bytes_per_entry": round(grown / len(index), 1),
    }


def _memory_bytes(field: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def _lines(figures: dict[str, Any]) -> list[str]:
    widths = (26, 10, 8, 16)
    lines = [
        f"Reading an index, on {figures['machine']}",
        "",
        row(["", "entries", "seconds", "bytes an entry"], widths),
    ]
    for name, title in TITLES.items():
        read = figures[name]
        cells = [f"{read['entries']:,}", f"{read['seconds']:.1f}", f"{read['bytes_per_entry']:.0f}"]
        lines.append(row([title, *cells], widths))
    most = max(figures[name]["bytes_per_entry"] for name in TITLES)
    verdict = "met" if most <= TARGET_BYTES else "missed"
    lines += ["", f"{most:.0f} bytes an entry at most; target {TARGET_BYTES}, {verdict}"]
    return lines


if __name__ == "__main__":
    main()
