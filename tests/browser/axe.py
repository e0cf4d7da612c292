"""axe-core, which finds what a page does wrong for people with a screen reader, a keyboard or weak eyes.

It comes from npm (`make tests/browser/node_modules`), is used here only, and is put into pages by the
browser's own tools, which their strict policy does not concern.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

_SCRIPT = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def axe_source() -> str:
    """axe's script. Skips the test where it is not installed; in CI that is a failure."""
    if not _SCRIPT.exists():
        missing = "axe-core is not installed: make tests/browser/node_modules (wants npm)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return _SCRIPT.read_text()


def violations(page: Page, source: str) -> list[str]:
    """A sentence for each thing on the page as it is now that breaks a rule, beginning with the rule's
    name."""
    if not page.evaluate("typeof window.axe === 'object'"):
        page.evaluate(source)
    result: dict[str, Any] = page.evaluate(
        "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", _RULES
    )
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:200]} ({node['failureSummary']})"
        for rule in result["violations"]
        for node in rule["nodes"]
    ]
