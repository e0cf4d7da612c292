"""Pages of the studio in a real browser, opened while something waits: they say when it goes on and ends."""

import uuid

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.visit import WIDE, errors_of, sign_in
from tests.stack import Stack

pytestmark = pytest.mark.slow

_QUEUE = """
from webapp.recognizers.models import ModelVersion, Recognizer
from webapp.studio.models import Dataset, Job, TrainingRun
recognizer = Recognizer.objects.create(name={name!r}, slug={name!r})
versions = [
    ModelVersion.objects.create(
        recognizer=recognizer, number=number, bundle_name=f"{name}-{{number}}", bundle_digest="0" * 64,
        class_names=["a", "b"], backbone="mobilenet_v2", metrics={{}},
    )
    for number in (1, 2)
]
dataset = Dataset.objects.create(name={name!r}, folder_name={name!r}, state="ready")
TrainingRun.objects.create(recognizer=recognizer, dataset=dataset, config={{}})
Job.objects.create(kind="compare", version=versions[1], other_version=versions[0])
print(recognizer.pk, versions[1].pk)
"""
_GO_ON = """
from webapp.studio.models import Job, TrainingRun
for rows in (TrainingRun.objects.filter(recognizer={recognizer}), Job.objects.filter(version={version})):
    rows.update(state={state!r}, step="read", fraction=0.4)
"""


def test_what_waited_when_a_page_was_opened_is_said_to_go_on_and_to_end(
    browser: Browser, stack: Stack
) -> None:
    name = f"waits-{uuid.uuid4().hex[:8]}"
    recognizer, version = stack.shell(_QUEUE.format(name=name)).split()
    stack.create_users(name, is_staff=True)
    with browser.new_context(viewport=WIDE) as context:  # type: ignore[arg-type]
        page, comparing = context.new_page(), context.new_page()
        errors = errors_of(page)
        sign_in(page, stack, name)
        page.goto(f"{stack.url}/admin/studio/recognizers/{recognizer}/")
        comparing.goto(f"{stack.url}/admin/studio/comparing/{version}/?with=1")
        runs = page.locator("#runs-now")
        expect(runs).to_contain_text("waiting")
        expect(comparing.get_by_role("status")).to_have_text(["The comparison waits for its turn."])
        runs.get_by_role("link").first.focus()

        stack.shell(_GO_ON.format(recognizer=recognizer, version=version, state="running"))
        expect(runs).to_contain_text("reading the pictures")
        expect(runs.get_by_role("link").first).to_be_focused()
        expect(comparing.get_by_role("status")).to_have_text(["Now: reading the pictures."])
        expect(comparing.locator("#comparison-state")).to_contain_text("40 %")

        stack.shell(_GO_ON.format(recognizer=recognizer, version=version, state="cancelled"))
        expect(runs).to_contain_text("cancelled")
        expect(comparing.get_by_role("button", name="Compare with version 1")).to_be_visible()
        assert not errors
