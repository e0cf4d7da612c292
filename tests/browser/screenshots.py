"""python -m tests.browser.screenshots [FOLDER]: pictures of every page, wide and narrow, light and dark,
the main ones in Chinese, too; and FOLDER/readme/, the four that the README shows.

Starts Ocellus as `make run` does on its first start, waits until the sample recognizer has learned
(some minutes without a network), uploads drawn bugs and photographs the pages.
"""

import functools
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect

from tests.browser import readme_pictures, scenes
from tests.browser.chromium import chromium
from tests.browser.scenes import Scene
from tests.browser.studio_filled import fill_studio
from tests.browser.visit import NARROW, WIDE
from tests.bundles import colour_bundle
from tests.pictures import picture_bytes
from tests.stack import PASSWORD, Stack
from tests.waiting import wait_for
from training.drawings.bugs import KINDS
from training.drawings.sample import draw

PERSON = "ada"
SAMPLE = "sample-bugs"


@dataclass(frozen=True)
class Look:
    name: str
    size: dict[str, int]
    scheme: str
    language: str = "en-GB"


LOOKS = [
    Look(f"{width}-{scheme}", size, scheme)
    for width, size in (("wide", WIDE), ("narrow", NARROW))
    for scheme in ("light", "dark")
]
IN_CHINESE = [
    Look("wide-light-zh", WIDE, "light", "zh-CN"),
    Look("narrow-dark-zh", NARROW, "dark", "zh-CN"),
]


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data_dir, installation(Path(data_dir)) as stack:
        stack.shell("from webapp.studio.sample import sample_ensure; sample_ensure()")
        stack.start("training")
        with chromium() as browser:
            session = signed_in(browser, stack)
            wait_for(lambda: _run(stack)[1] > 0.3, seconds=600, what="the training's middle")
            photograph(browser, stack, session, [scenes.LEARNING], LOOKS, folder)
            wait_for(lambda: _run(stack)[0] != "running", seconds=1800, what="the training")
            tour(browser, stack, session, folder)
    print(f"Screenshots are in {folder}, those of the README in {folder / 'readme'}.")


@contextmanager
def installation(data_dir: Path) -> Iterator[Stack]:
    """One that offers all it can, with somebody in it who may do everything."""
    with Stack(data_dir) as stack:
        stack.environment["OCELLUS_SIGN_UP"] = "1"
        stack.environment["OCELLUS_ANONYMOUS_UPLOADS"] = "1"
        stack.environment["OCELLUS_MAIL_HOST"] = "127.0.0.1"
        stack.environment["OCELLUS_MAIL_FROM"] = "ocellus@example.org"
        stack.create_users(PERSON, is_staff=True)
        stack.start("redis", "web", "inference")
        yield stack


def tour(browser: Browser, stack: Stack, session: Any, folder: Path) -> None:
    """Answers of every kind first, then everything there is to see."""
    fill(stack)
    visited = scenes.visited(scenes.places_of(stack, PERSON))
    photograph(browser, stack, None, scenes.FOR_NOBODY, LOOKS, folder)
    photograph(browser, stack, session, visited, LOOKS, folder)
    main_ones = [each for each in visited if each.name in scenes.IN_CHINESE]
    photograph(browser, stack, session, main_ones, IN_CHINESE, folder)
    photograph(browser, stack, None, scenes.FOR_NOBODY, IN_CHINESE, folder)
    readme_pictures.take(browser, stack, session, visited, folder / "readme")
    photograph(browser, stack, session, [scenes.SENDING], LOOKS, folder)


def signed_in(browser: Browser, stack: Stack) -> Any:
    """What a browser keeps of somebody who is signed in."""
    with browser.new_context(locale="en-GB") as context:
        page = context.new_page()
        page.goto(f"{stack.url}/sign-in/")  # others may try it without
        page.get_by_label("User name").fill(PERSON)
        page.get_by_label("Password").fill(PASSWORD)
        page.locator("#content").get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        return context.storage_state()


def photograph(
    browser: Browser,
    stack: Stack,
    session: Any,
    shown: list[Scene],
    looks: list[Look],
    folder: Path,
) -> None:
    """FOLDER/SCENE-LOOK.png of each scene in each look."""
    for look in looks:
        with browser.new_context(
            viewport=look.size,  # type: ignore[arg-type]
            color_scheme=look.scheme,  # type: ignore[arg-type]
            locale=look.language,
            storage_state=session,
        ) as context:
            for scene in shown:
                page = context.new_page()
                scene.open(page, stack)
                page.screenshot(path=folder / f"{scene.name}-{look.name}.png", full_page=True)
                page.close()


def fill(stack: Stack) -> None:
    """Some weeks of answers, judged here and there, and rows in the lists of the account."""
    rng = random.Random(7)
    drawing = functools.partial(_drawing, rng)
    other = ("pond.jpg", picture_bytes("grey", (640, 480)))
    words = ("notes.jpg", b"these are words")
    with stack.signed_in(PERSON) as visitor:
        visitor.upload(*(drawing(number) for number in range(60)))
        wait_for(lambda: stack.states().get("done") == 60, seconds=120, what="the history")
        stack.shell(_INTO_THE_PAST)
        visitor.upload(*(drawing(number) for number in range(60, 70)), other, words)
        visitor.upload(drawing(70))
        wait_for(lambda: stack.states().get("done") == 72, seconds=120, what="the answers")
    colour_bundle(stack.data_dir / "bundles" / "colours", knows_pictures=True)
    stack.install("colours", recognizer="Wing colours")
    stack.shell(_SAY_AND_SHARE)
    wait_for(lambda: stack.states().get("done") == 73, seconds=60, what="the other's answer")
    fill_studio(stack, PERSON, folder_name=SAMPLE)
    # Not before: a webhook is told of every answer.
    stack.shell(_FURNISH)


def _drawing(rng: random.Random, number: int) -> tuple[str, bytes]:
    buffer = BytesIO()
    draw(rng.choice(KINDS), rng, size=512).save(buffer, "JPEG", quality=90)
    return f"IMG_{2041 + number}.jpg", buffer.getvalue()


def _run(stack: Stack) -> tuple[str, float]:
    [(state, step, fraction)] = stack.query("SELECT state, step, fraction FROM studio_trainingrun")
    return state, fraction if step == "layers" else 0.0


_INTO_THE_PAST = """
from datetime import timedelta
from django.utils import timezone
from webapp.predictions.models import Prediction
rows = Prediction.objects.order_by("id")
for number, row in enumerate(rows):
    moment = timezone.now() - timedelta(days=70 - number - number % 7 / 2)
    Prediction.objects.filter(pk=row.pk).update(created_at=moment, answered_at=moment)
"""

_SAY_AND_SHARE = f"""
from webapp.accounts.models import User
from webapp.predictions.corrections import prediction_correct
from webapp.predictions.models import Prediction
from webapp.predictions.others import prediction_ask_other
from webapp.predictions.sharing import prediction_share
from webapp.recognizers.models import Recognizer
person = User.objects.get(username={PERSON!r})
answers = Prediction.objects.filter(owner=person, state="done", is_outlier=False).order_by("-id")
single = answers[0]
prediction_share(owner=person, public_id=single.public_id)
other = Recognizer.objects.get(name="Wing colours")
prediction_ask_other(prediction=single, recognizer=other)
for row, verdict, label in zip(
    answers[2:12],
    ("right", "right", "wrong", "right", "wrong") * 2,
    ("", "", "shield bug", "", "") * 2,
):
    prediction_correct(owner=person, public_id=row.public_id, verdict=verdict, true_label=label)
"""

_FURNISH = f"""
from tests import every_page
from webapp.accounts.models import User
every_page.furnish_account(User.objects.get(username={PERSON!r}))
"""

if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("screenshots"))
