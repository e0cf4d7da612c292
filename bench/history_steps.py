"""python -m bench.history_steps make|pages|export N: what `bench/history.py` has done inside of its
installation, each step in a process of its own, as JSON."""

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

import django

django.setup()

import json
import random
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench.client import percentile
from webapp.accounts.models import User
from webapp.predictions.history_views import GRID_SIZE
from webapp.predictions.models import Prediction
from webapp.predictions.paging import Key
from webapp.recognizers.models import ModelVersion, Recognizer

BATCH_ROWS = 10_000
LAST = datetime(2026, 1, 1, tzinfo=UTC)
PERIOD = timedelta(days=730)
# Of the rows: whose, who answered, what. A few labels are most of the pictures, as in nature.
OTHERS_EVERY = 100
RECOGNIZER_WEIGHTS = (80, 19, 1)
LABELS = [f"species {i:03}" for i in range(200)]
LABEL_WEIGHTS = list(accumulate(1 / (i + 1) for i in range(200)))
RARE_LABEL, RARE_EVERY = "rare species", 100_000
FAILED_SHARE = 0.015
# Of the answered ones: judged by their owner, and of these the share that is wrong.
JUDGED_SHARE, WRONG_SHARE = 0.05, 0.2
COLUMNS = (
    *("public_id", "owner_id", "recognizer_id", "version_id", "upload", "position", "created_at"),
    *("file_name", "content_sha256", "picture_name", "width", "height", "is_first_of_many"),
    *("state", "attempts", "label", "confidence", "top", "is_outlier", "outlier_score", "why"),
    *("failure_code", "failure_params", "answered_at", "claimed_at"),
    *("verdict", "true_label", "corrected_at"),
)


def main() -> None:
    step, number = sys.argv[1], int(sys.argv[2])
    steps = {"make": lambda: make(number), "pages": lambda: pages(number), "export": export}
    json.dump(steps[step](), sys.stdout)


def make(num_rows: int) -> dict[str, Any]:
    """The rows, with the indexes made after them: in a tenth of the time."""
    started = time.perf_counter()
    owner, other = (User.objects.create_user(name) for name in ("owner", "other"))
    versions = _versions()
    table = Prediction._meta.db_table
    indexes = Prediction._meta.indexes
    with connection.schema_editor() as editor:
        for index in indexes:
            editor.remove_index(Prediction, index)
    rows = _rows(num_rows, owner.pk, other.pk, versions)
    while batch := list(islice(rows, BATCH_ROWS)):
        _insert(table, batch)
    with connection.schema_editor() as editor:
        for index in indexes:
            editor.add_index(Prediction, index)
    if connection.vendor == "postgresql":  # what its own housekeeping does by and by
        with connection.cursor() as cursor:
            cursor.execute(f"VACUUM ANALYZE {table}")
    return {"database": connection.vendor, "make_seconds": time.perf_counter() - started}


def _versions() -> list[list[ModelVersion]]:
    """Two of each recognizer."""
    found = []
    for slug in ("insects", "birds", "seldom"):
        recognizer = Recognizer.objects.create(name=slug.title(), slug=slug)
        states = (ModelVersion.State.RETIRED, ModelVersion.State.LIVE)
        found.append(
            [
                ModelVersion.objects.create(
                    recognizer=recognizer,
                    number=number,
                    state=state,
                    bundle_name=f"{slug}-{number}",
                    bundle_digest="0" * 64,
                    class_names=[*LABELS, RARE_LABEL],
                    backbone="resnet50",
                )
                for number, state in enumerate(states, start=1)
            ]
        )
    return found


def _rows(
    num_rows: int, owner: int, other: int, versions: Sequence[Sequence[ModelVersion]]
) -> Iterator[tuple[Any, ...]]:
    """In the order of COLUMNS, oldest first."""
    chance = random.Random(5)
    why = json.dumps({"maps": "x" * 700, "near": [1, 2, 3, 4, 5]})
    for i in range(num_rows):
        created_at = LAST - PERIOD * (1 - i / num_rows)
        [of_one] = chance.choices(versions, weights=RECOGNIZER_WEIGHTS)
        version = of_one[i * 2 >= num_rows]
        is_failed = chance.random() < FAILED_SHARE
        [label] = chance.choices(LABELS, cum_weights=LABEL_WEIGHTS)
        label = RARE_LABEL if i % RARE_EVERY == RARE_EVERY // 2 else label
        confidence = 1 - chance.betavariate(1.2, 6)
        top = [{"label": each, "probability": confidence} for each in (label, *LABELS[:4])]
        is_judged = not is_failed and chance.random() < JUDGED_SHARE
        is_wrong = is_judged and chance.random() < WRONG_SHARE
        hexadecimal = f"{chance.getrandbits(128):032x}"
        yield (
            hexadecimal,
            other if i % OTHERS_EVERY == 0 else owner,
            version.recognizer_id,
            None if is_failed else version.pk,
            f"{chance.getrandbits(128):032x}",
            0,
            _stored(created_at),
            f"IMG_{i:07}.jpg",
            hexadecimal * 2,
            "" if is_failed else f"{hexadecimal[:2]}/{hexadecimal}.jpg",
            4032,
            3024,
            False,
            "failed" if is_failed else "done",
            1,
            "" if is_failed else label,
            None if is_failed else confidence,
            "[]" if is_failed else json.dumps(top),
            False,
            None if is_failed else 0.1,
            "{}" if is_failed else why,
            "gave_up" if is_failed else "",
            "{}",
            _stored(created_at + timedelta(seconds=1)),
            _stored(created_at),
            ("wrong" if is_wrong else "right") if is_judged else "",
            chance.choice(LABELS) if is_wrong else "",
            _stored(created_at + timedelta(hours=1)) if is_judged else None,
        )


def _stored(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


def _insert(table: str, batch: Sequence[Sequence[Any]]) -> None:
    names = ", ".join(connection.ops.quote_name(name) for name in COLUMNS)
    if connection.vendor == "postgresql":
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy,
        ):
            for row in batch:
                copy.write_row(row)
        return
    marks = ", ".join(["%s"] * len(COLUMNS))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", batch)


def pages(num_rounds: int) -> dict[str, Any]:
    """Milliseconds of each page, its queries and its size."""
    owner = User.objects.get(username="owner")
    client = _signed_in(owner)
    middle = LAST - PERIOD / 2
    filters = {
        "common_label": {"label": LABELS[0]},
        "rare_label": {"label": RARE_LABEL},
        "rare_label_of_one_recognizer": {"label": RARE_LABEL, "recognizer": "insects"},
        "common_label_of_one_recognizer": {"label": LABELS[0], "recognizer": "seldom"},
        "unknown_label": {"label": "nothing is called so"},
        "seldom_recognizer": {"recognizer": "seldom"},
        "first_version": {"version": "insects:1"},
        "not_answered": {"state": "failed"},
        "not_answered_of_one_recognizer": {"state": "failed", "recognizer": "seldom"},
        "waiting": {"state": "queued"},
        "answered": {"state": "done"},
        "judged": {"corrected": "judged"},
        "wrong": {"corrected": "wrong"},
        "wrong_of_one_label": {"corrected": "wrong", "label": RARE_LABEL},
        "judged_of_a_seldom_recognizer": {"corrected": "judged", "recognizer": "seldom"},
        "judged_with_text_that_is_nowhere": {"corrected": "judged", "q": "nowhere"},
        "not_judged": {"corrected": "open"},
        "not_judged_of_one_label": {"corrected": "open", "label": LABELS[0]},
        "not_judged_with_text_that_is_nowhere": {"corrected": "open", "q": "nowhere"},
        "one_day_a_year_ago": {"since": f"{middle:%Y-%m-%d}", "until": f"{middle:%Y-%m-%d}"},
        "confidence": {"min": "40", "max": "60"},
        "confidence_that_nothing_has": {"max": "1"},
        "label_and_confidence": {"label": LABELS[0], "max": "20"},
        "text": {"q": "species 003"},
        "text_that_is_nowhere": {"q": "nowhere"},
        "text_among_the_answered": {"q": "IMG_0000017", "state": "done"},
    }
    addresses = {
        "first_page": "",
        "first_table": "?view=table",
        "thousandth_page": f"?before={_key_before_page(1000, owner)}",
        "back_from_there": f"?after={_key_before_page(1000, owner)}",
        **{name: f"?{urlencode(given)}" for name, given in filters.items()},
    }
    figures: dict[str, Any] = {"pages": {}}
    for name, address in addresses.items():
        path = f"/history/{address}"
        with CaptureQueriesContext(connection) as queries:
            page = client.get(path)
        if page.status_code != 200:
            raise RuntimeError(f"Expected a page at {path}, received {page.status_code}.")
        figures["pages"][name] = {
            "queries": len(queries),
            "kilobytes": round(len(page.content) / 1024),
        }
        taken = _milliseconds(client, path, num_rounds)
        figures[f"{name}_p95_ms"] = round(percentile(taken, 95), 1)
        figures["pages"][name]["least_ms"] = round(min(taken), 1)
    chart = _milliseconds(client, "/history/chart/", num_rounds)
    figures["chart_p95_ms"] = round(percentile(chart, 95), 1)
    figures["filtered_page_p95_ms"] = max(figures[f"{name}_p95_ms"] for name in filters)
    figures["most_queries"] = max(page["queries"] for page in figures["pages"].values())
    return figures


def _milliseconds(client: Client, path: str, num_rounds: int) -> list[float]:
    taken = []
    for _ in range(num_rounds):
        started = time.perf_counter()
        client.get(path)
        taken.append((time.perf_counter() - started) * 1000)
    return taken


def _key_before_page(number: int, owner: User) -> Key:
    """The last row of the page before; of the last one, where there are fewer."""
    rows = Prediction.objects.filter(owner=owner).order_by("-created_at", "-id")
    rows_before = min((number - 1) * GRID_SIZE, max(1, rows.count() - GRID_SIZE))
    return Key(*rows.values_list("created_at", "id")[rows_before - 1])


def export() -> dict[str, Any]:
    """Reads a CSV of all and keeps nothing of it."""
    client = _signed_in(User.objects.get(username="owner"))
    started = time.perf_counter()
    response = client.get("/history/ocellus-history.csv")
    lines = 0
    for chunk in response:
        lines += chunk.count(b"\n")
    return {
        "csv_rows": lines - 1,
        "csv_seconds": round(time.perf_counter() - started, 1),
        "csv_peak_mb": round(_peak_kb() / 1024, 1),
    }


def _peak_kb() -> int:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def _signed_in(user: User) -> Client:
    client = Client(SERVER_NAME="localhost")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


if __name__ == "__main__":
    main()
