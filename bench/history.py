"""python bench/history.py: the history's pages over a million predictions, and a CSV of all of them.

Makes the rows in an installation of its own that is thrown away: SQLite, or PostgreSQL with

    python -m tests.with_postgres python bench/history.py

Pages are asked for in the process, through everything that the web process has but its socket; each
figure is the 95th percentile, and beside it the least, since on a busy machine pages wait for others.
`filtered page` is the slowest of the filters. The CSV is written by a
process of its own, and its memory is the highest resident set of all of that process.
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

NUM_ROWS, NUM_ROUNDS = 1_000_000, 100
TARGET_MS, TARGET_MB = 100, 150
MEANT = ("first_page", "filtered_page", "thousandth_page")


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--rows", type=int, default=NUM_ROWS, metavar="N")
    options.add_argument("--rounds", type=int, default=NUM_ROUNDS, metavar="N")
    arguments = options.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="bench-history-") as folder,
        Stack(Path(folder)) as stack,
    ):
        made = _inside(stack, "make", arguments.rows)
        pages = _inside(stack, "pages", arguments.rounds)
        export = _inside(stack, "export", 0)
    figures: dict[str, Any] = {"rows": arguments.rows, **made, **pages, **export}
    figures["met"] = {
        **{name: figures[f"{name}_p95_ms"] <= TARGET_MS for name in MEANT},
        "memory_of_the_csv": figures["csv_peak_mb"] <= TARGET_MB,
    }
    figures["machine"] = describe()
    show(figures, _lines(figures), as_json=arguments.json)


def _inside(stack: Stack, step: str, number: int) -> dict[str, Any]:
    answer = subprocess.run(
        [sys.executable, "-m", "bench.history_steps", step, str(number)],
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
        f"The history over {figures['rows']:,} predictions in {figures['database']}",
        f"on {figures['machine']}",
        "",
        row(["page", "p95, ms", "least", "queries", "KB"], widths),
    ]
    for name, page in figures["pages"].items():
        p95 = f"{figures[f'{name}_p95_ms']:.1f}"
        cells = [p95, page["least_ms"], page["queries"], page["kilobytes"]]
        lines.append(row([name.replace("_", " "), *cells], widths))
    export = f"CSV of all: {figures['csv_rows']:,} rows in {figures['csv_seconds']:.0f} s"
    lines += [
        "",
        f"{export}, at most {figures['csv_peak_mb']:.0f} MB resident (target {TARGET_MB})",
        f"the chart of all: {figures['chart_p95_ms']:.0f} ms at the 95th percentile",
        f"made in {figures['make_seconds']:.0f} s",
        "",
        *verdicts(figures["met"]),
    ]
    return lines


if __name__ == "__main__":
    main()
