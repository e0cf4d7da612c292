"""How the database finds a page of the history: along an index in the history's order, never by sorting
or reading all that somebody has."""

import json
import re
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.webapp.rows import rows_of, version_of
from webapp.accounts.models import User
from webapp.recognizers.models import Recognizer

FILTERS = [
    ({}, "newest"),
    ({"corrected": "judged"}, "judged"),
    ({"corrected": "right"}, "judged"),
    ({"corrected": "wrong", "min": "10", "max": "90"}, "judged"),
    ({"corrected": "judged", "label": "bee"}, "judged"),
    ({"corrected": "wrong", "recognizer": "colours"}, "judged"),
    ({"corrected": "wrong", "version": "colours:1", "state": "done", "q": "x"}, "judged"),
    ({"corrected": "judged", "since": "2020-01-01"}, "judged"),
    ({"corrected": "open"}, "newest"),
    ({"corrected": "open", "label": "bee"}, "label"),
    ({"corrected": "open", "recognizer": "colours", "min": "5"}, "recognizer"),
    ({"corrected": "open", "state": "failed"}, "not_done"),
    ({"corrected": "open", "before": "1700000000000000-7"}, "newest"),
    ({"answer": "none"}, "newest"),
    ({"answer": "class", "label": "bee"}, "label"),
    ({"answer": "none", "recognizer": "colours", "corrected": "open"}, "recognizer"),
    ({"answer": "none", "corrected": "wrong"}, "judged"),
    ({"corrected": "judged", "after": "1700000000000000-7"}, "judged"),
]


@pytest.mark.parametrize(("given", "index"), FILTERS, ids=str)
def test_every_key_is_found_along_an_index_in_order(
    owner: User, owner_client: Client, recognizer: Recognizer, given: dict[str, str], index: str
) -> None:
    version = version_of(recognizer)
    rows_of(owner, recognizer, 40, version=version)
    rows_of(owner, recognizer, 40, version=version, verdict="wrong", true_label="wasp")
    with CaptureQueriesContext(connection) as queries:
        owner_client.get("/history/", given)
    ordered = [
        query["sql"]
        for query in queries
        if 'FROM "predictions_prediction"' in query["sql"]
        and re.search(r"ORDER BY .* LIMIT", query["sql"])
        and "GROUP BY" not in query["sql"]  # what can be undone, which is little
    ]
    assert ordered
    leave_only(f"prediction_{index}")
    for sql in ordered:
        steps = " / ".join(plan_of(sql))
        assert f"prediction_{index}" in steps, (steps, sql)
        assert "TEMP B-TREE" not in steps, (steps, sql)
        assert "Sort" not in steps, (steps, sql)


@pytest.mark.parametrize("given", [{"corrected": "judged"}, {"corrected": "wrong", "min": "5"}])
def test_what_is_judged_is_found_and_counted_along_its_index(
    owner: User, owner_client: Client, recognizer: Recognizer, given: dict[str, str]
) -> None:
    rows_of(owner, recognizer, 60, verdict="wrong")
    with CaptureQueriesContext(connection) as queries:
        owner_client.get("/history/", given)
    limited = [query["sql"] for query in queries if re.search(r"NOT \(.*LIMIT", query["sql"])]
    assert len(limited) == 2, "the keys, and how many or how far"
    leave_only("prediction_judged")
    for sql in limited:
        steps = " / ".join(plan_of(sql))
        assert "prediction_judged" in steps, (steps, sql)


def test_what_can_be_undone_is_found_along_its_index(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    rows_of(owner, recognizer, 60)
    rows_of(owner, recognizer, 5, deleted_at=timezone.now(), deletion=uuid.uuid4())
    with CaptureQueriesContext(connection) as queries:
        owner_client.get("/history/")
    [sql] = [query["sql"] for query in queries if "GROUP BY" in query["sql"]]
    assert "prediction_delet" in " / ".join(plan_of(sql)), sql


def leave_only(name: str) -> None:
    """To PostgreSQL, until the end of the test. Of several that are in order it takes what is cheapest for
    these few rows, and that depends on what other tests have taken back; so it is asked whether this one
    will do. What it takes of a million, `bench/history.py` shows."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # nothing that waits for the end holds them
        cursor.execute(
            r"SELECT indexname FROM pg_indexes WHERE tablename = 'predictions_prediction' "
            r"AND indexname LIKE 'prediction\_%%' AND NOT starts_with(indexname, %s)",
            [name],
        )
        for (other,) in cursor.fetchall():
            cursor.execute(f"DROP INDEX {other}")


def plan_of(sql: str) -> list[str]:
    """Each step with the index that it takes."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}".replace("%", "%%"), [])
            return [str(row[-1]) for row in cursor.fetchall()]
        # Of a table as small as this one it would read everything, and sort it.
        for way in ("seqscan", "bitmapscan", "sort"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        [(plan,)] = cursor.fetchall()
    top = (plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]
    return steps_of(top)


def steps_of(node: dict[str, Any]) -> list[str]:
    step = f"{node['Node Type']} {node.get('Index Name', '')}"
    return [step, *(each for child in node.get("Plans", ()) for each in steps_of(child))]
