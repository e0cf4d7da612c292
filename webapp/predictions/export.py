"""The history as CSV, row by row: as long as it may be, no more than a chunk of it is in memory."""

import csv
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils.translation import get_language, override

from webapp.predictions.failures import sentence
from webapp.predictions.history import HistoryFilters
from webapp.predictions.models import Prediction, PredictionQuerySet
from webapp.predictions.paging import Key, keys_beyond

State = Prediction.State
CHUNK_ROWS = 2_000
# Names for programs, the same in every language.
COLUMNS = (
    *("id", "file_name", "uploaded_at", "recognizer", "version", "state", "label", "confidence"),
    *("none_of_these", "answered_at", "failure_code", "failure"),
    *("verdict", "true_label", "corrected_at"),
)
# What a spreadsheet takes for a formula when a cell begins with it.
FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")


_FIELDS = (
    *("created_at", "pk", "public_id", "file_name", "recognizer__slug", "version__number"),
    *("state", "label", "confidence", "is_outlier", "answered_at"),
    *("failure_code", "failure_params", "verdict", "true_label", "corrected_at"),
)


class _Line:
    """A file for csv.writer that keeps nothing."""

    def write(self, text: str) -> str:
        return text


def csv_lines(rows: PredictionQuerySet, filters: HistoryFilters) -> Iterator[bytes]:
    """The lines of a CSV in UTF-8, newest first, some thousand at a time. It begins with a byte order
    mark, without which Excel would take it for something else.

    What is uploaded meanwhile is not in it.
    """
    language = get_language()
    writer = csv.writer(_Line())
    yield b"\xef\xbb\xbf" + writer.writerow(COLUMNS).encode()
    meant = filters.matching(rows).order_by("-created_at", "-id")
    chunk = list(meant.values_list(*_FIELDS)[:CHUNK_ROWS])
    while chunk:
        # Whoever answers other requests in between has a language of their own.
        with override(language):
            lines = [writer.writerow([harmless(cell) for cell in _cells(*row)]) for row in chunk]
        yield "".join(lines).encode(errors="replace")
        if len(chunk) < CHUNK_ROWS:
            break
        older = keys_beyond(meant, Key(*chunk[-1][:2]))
        chunk = list(older.values_list(*_FIELDS)[:CHUNK_ROWS])


def harmless(cell: Any) -> str:
    """A cell that no spreadsheet computes: what looks like a formula gets an apostrophe in front."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(FORMULA_BEGINNINGS) else text


def _cells(
    created_at: datetime,
    _pk: int,
    public_id: uuid.UUID,
    file_name: str,
    recognizer: str,
    version: int | None,
    state: str,
    label: str,
    confidence: float | None,
    is_outlier: bool,
    answered_at: datetime | None,
    failure_code: str,
    failure_params: dict[str, str],
    verdict: str,
    true_label: str,
    corrected_at: datetime | None,
) -> tuple[Any, ...]:
    """A row of the database as one of COLUMNS."""
    return (
        public_id,
        file_name,
        created_at.isoformat(),
        recognizer,
        version,
        state,
        label,
        confidence,
        ("yes" if is_outlier else "no") if state == State.DONE else None,
        answered_at.isoformat() if answered_at else None,
        failure_code,
        sentence(failure_code, failure_params) if state == State.FAILED else None,
        verdict,
        true_label,
        corrected_at.isoformat() if corrected_at else None,
    )
