"""python bench/datasets.py: a dataset of 100,000 pictures, page by page.

Makes the rows, without files, in an installation of its own that is thrown away: SQLite, or PostgreSQL with

    python -m tests.with_postgres python bench/datasets.py

Pages are asked for in the process, through everything that the web process has but its socket; each
figure is the 95th percentile, and beside it the least, since on a busy machine pages wait for others.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, too

import json
import subprocess
import tempfile
from typing import Any

from bench.machine import describe
from bench.tables import parser, row, show, verdicts
from tests.stack import ROOT, Stack

NUM_ROWS, NUM_ROUNDS = 100_000, 100
TARGET_MS = 150


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--rows", type=int, default=NUM_ROWS, metavar="N")
    options.add_argument("--rounds", type=int, default=NUM_ROUNDS, metavar="N")
    arguments = options.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="bench-datasets-") as folder,
        Stack(Path(folder)) as stack,
    ):
        made = _inside(stack, "make", arguments.rows)
        pages = _inside(stack, "pages", arguments.rounds)
    figures: dict[str, Any] = {"rows": arguments.rows, **made, **pages}
    figures["met"] = {name: figures[f"{name}_p95_ms"] <= TARGET_MS for name in figures["pages"]}
    figures["machine"] = describe()
    show(figures, _lines(figures), as_json=arguments.json)


def _inside(stack: Stack, step: str, number: int) -> dict[str, Any]:
    answer = subprocess.run(
        [sys.executable, "-m", "bench.datasets_steps", step, str(number)],
        cwd=ROOT,
        env=stack.environment,
        check=True,
        stdout=subprocess.PIPE,
    )
    figures: dict[str, Any] = json.loads(answer.stdout)
    return figures


def _lines(figures: dict[str, Any]) -> list[str]:
    widths = (34, 10, 10, 10, 10)
    lines = [
        f"A dataset of {figures['rows']:,} pictures in {figures['database']}",
        f"on {figures['machine']}",
        "",
        row(["page", "p95, ms", "least", "queries", "KB"], widths),
    ]
    for name, page in figures["pages"].items():
        p95 = f"{figures[f'{name}_p95_ms']:.1f}"
        cells = [p95, page["least_ms"], page["queries"], page["kilobytes"]]
        lines.append(row([name.replace("_", " "), *cells], widths))
    version = f"a version of all made in {figures['version_seconds']:.1f} s"
    return [*lines, "", f"{version} (target of a page: {TARGET_MS} ms)", *verdicts(figures["met"])]


if __name__ == "__main__":
    main()
