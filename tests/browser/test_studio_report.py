"""A version's report in a real browser: its tables sort by a press, and say by which column."""

import uuid

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.visit import WIDE, errors_of, sign_in
from tests.stack import Stack

pytestmark = pytest.mark.slow

_FURNISH = """
from pathlib import Path
from django.conf import settings
from tests.bundles import COLOURS
from tests.training.test_pages import a_report
from tests.webapp.reports import as_json, reported_version
from webapp.recognizers.models import Recognizer
recognizer = Recognizer.objects.create(name={name!r}, slug={name!r})
files = {{"report.json": as_json(a_report(COLOURS))}}
print(reported_version(recognizer, Path(settings.BUNDLES_DIR) / {name!r}, files=files).pk)
"""


def column(table: Locator, place: int) -> list[str]:
    """What a column's cells count by, from above."""
    cells = table.locator(f"tbody tr > :nth-child({place + 1})")
    values: list[str] = cells.evaluate_all(
        "cells => cells.map((cell) => cell.dataset.value ?? cell.textContent.trim())"
    )
    return values


def test_the_table_of_classes_sorts_by_mouse_and_by_keyboard(
    browser: Browser, stack: Stack
) -> None:
    name = f"colours-{uuid.uuid4().hex[:8]}"
    version, curator = stack.shell(_FURNISH.format(name=name)).strip(), f"cleo-{name}"
    stack.create_users(curator, is_staff=True)
    with browser.new_context(viewport=WIDE) as context:  # type: ignore[arg-type]
        page = context.new_page()
        errors = errors_of(page)
        sign_in(page, stack, curator)
        page.goto(f"{stack.url}/admin/studio/versions/{version}/")
        table = page.get_by_role("region", name="Class by class").get_by_role("table")
        pictures, f1 = (
            table.get_by_role("columnheader", name=each, exact=True) for each in ("Pictures", "F1")
        )
        place_of_f1 = int(f1.evaluate("header => header.cellIndex"))
        counts = sorted(int(each) for each in column(table, 1))
        assert len(set(counts)) > 1
        # What the page came with is in an order of its own, and no column claims it.
        expect(table.locator("[aria-sort]")).to_have_count(0)

        pictures.get_by_role("button").click()
        expect(pictures).to_have_attribute("aria-sort", "ascending")
        assert [int(each) for each in column(table, 1)] == counts
        pictures.get_by_role("button").click()
        expect(pictures).to_have_attribute("aria-sort", "descending")
        assert [int(each) for each in column(table, 1)] == counts[::-1]

        f1.get_by_role("button").focus()
        page.keyboard.press("Enter")
        expect(f1).to_have_attribute("aria-sort", "ascending")
        expect(table.locator("[aria-sort]")).to_have_count(1)
        values = [float(each) for each in column(table, place_of_f1)]
        assert values == sorted(values)
        page.keyboard.press("Space")
        expect(f1).to_have_attribute("aria-sort", "descending")
        assert [float(each) for each in column(table, place_of_f1)] == values[::-1]
        assert errors == []
