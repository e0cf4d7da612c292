"""Tables for people and one JSON object for programs, the same for every bench."""

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any


def parser(description: str) -> argparse.ArgumentParser:
    """A parser with `--json`; a bench adds its own options."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    return parser


def show(figures: dict[str, Any], lines: Sequence[str], *, as_json: bool) -> None:
    print(json.dumps(figures) if as_json else "\n".join(lines))


def row(cells: Sequence[object], widths: Sequence[int]) -> str:
    """One line: the first cell to the left, the others to the right."""
    first, *others = [str(cell) for cell in cells]
    padded = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
    return "  ".join([first.ljust(widths[0]), *padded])


def verdicts(met: Mapping[str, bool]) -> list[str]:
    """A line for each expectation, by name."""
    return [f"{name.replace('_', ' ')}: {'met' if m else 'MISSED'}" for name, m in met.items()]
