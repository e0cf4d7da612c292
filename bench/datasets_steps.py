"""python -m bench.datasets_steps make|pages N: what `bench/datasets.py` has done inside of its
installation, each step in a process of its own, as JSON."""

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

import django

django.setup()

import json
import random
import time
from itertools import islice
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench.client import percentile
from webapp.accounts.models import User
from webapp.studio.datasets.browsing import PAGE_SIZE
from webapp.studio.datasets.services import version_freeze
from webapp.studio.models import Dataset, Example

BATCH_ROWS = 10_000
NUM_CLASSES = 200
# Of the pictures: moved by a curator, and left out for a reason.
MOVED_SHARE, LEFT_OUT_SHARE = 0.01, 0.03
REASONS = ("copy", "alike", "curator", "unreadable")


def main() -> None:
    step, number = sys.argv[1], int(sys.argv[2])
    json.dump({"make": make, "pages": pages}[step](number), sys.stdout)


def make(num_rows: int) -> dict[str, Any]:
    """The rows, and a version of them; beside them another dataset, as large."""
    curator = User.objects.create_superuser("curator")
    started = time.perf_counter()
    for name in ("other", "bench"):
        dataset = Dataset.objects.create(name=name, folder_name=name, state="ready")
        rows = (_example(dataset, i, num_rows) for i in range(num_rows))
        while batch := list(islice(rows, BATCH_ROWS)):
            Example.objects.bulk_create(batch)
    if connection.vendor == "postgresql":  # what its own housekeeping does by and by
        with connection.cursor() as cursor:
            cursor.execute(f"VACUUM ANALYZE {Example._meta.db_table}")
    made = time.perf_counter() - started
    started = time.perf_counter()
    version_freeze(dataset=dataset, created_by=curator)
    taken = time.perf_counter() - started
    return {"database": connection.vendor, "make_seconds": made, "version_seconds": taken}


def _example(dataset: Dataset, number: int, num_rows: int) -> Example:
    chance = random.Random(number)
    given = f"species {number * NUM_CLASSES // num_rows:03}"
    is_moved = chance.random() < MOVED_SHARE
    return Example(
        dataset=dataset,
        path=f"datasets/{dataset.folder_name}/{given}/IMG_{number:07}.jpg",
        label=f"species {chance.randrange(NUM_CLASSES):03}" if is_moved else given,
        given_label=given,
        excluded=chance.choice(REASONS) if chance.random() < LEFT_OUT_SHARE else "",
    )


def pages(num_rounds: int) -> dict[str, Any]:
    """Milliseconds of each page, its queries and its size."""
    dataset = Dataset.objects.get(name="bench")
    numbers = dataset.examples.order_by("pk").values_list("pk", flat=True)
    last = dataset.examples.count()
    deep = numbers[max(0, last - 2 * PAGE_SIZE)]
    client = Client(SERVER_NAME="localhost")
    client.force_login(
        User.objects.get(username="curator"), backend="django.contrib.auth.backends.ModelBackend"
    )
    base, versions = f"/admin/studio/datasets/{dataset.pk}/", dataset.versions.get().pk
    addresses = {
        "first_page": base,
        "class": f"{base}?class=species+150",
        "deep_page": f"{base}?after={deep}",
        "back_from_there": f"{base}?before={deep}",
        "moved": f"{base}?show=moved",
        "left_out": f"{base}?show=copy",
        "search": f"{base}?q=IMG_00123",
        "search_that_finds_nothing": f"{base}?q=nothing",
        "one_picture": f"{base}examples/{numbers[last // 2]}/",
        "versions": f"{base}versions/",
        "version": f"/admin/studio/datasets/versions/{versions}/",
    }
    figures: dict[str, Any] = {"pages": {}}
    for name, path in addresses.items():
        with CaptureQueriesContext(connection) as queries:
            page = client.get(path)
        if page.status_code != 200:
            raise RuntimeError(f"Expected a page at {path}, received {page.status_code}.")
        figures["pages"][name] = {
            "queries": len(queries),
            "kilobytes": round(len(page.content) / 1024),
        }
        taken = _milliseconds(client, path, num_rounds)
        figures["pages"][name]["least_ms"] = round(min(taken), 1)
        figures[f"{name}_p95_ms"] = round(percentile(taken, 95), 1)
    figures["most_queries"] = max(page["queries"] for page in figures["pages"].values())
    return figures


def _milliseconds(client: Client, path: str, num_rounds: int) -> list[float]:
    taken = []
    for _ in range(num_rounds):
        started = time.perf_counter()
        client.get(path)
        taken.append((time.perf_counter() - started) * 1000)
    return taken


if __name__ == "__main__":
    main()
