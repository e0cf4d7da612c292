"""Two curators press Promote at the same moment: real processes, each with its own connection."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.bundles import colour_bundle
from tests.stack import Stack, Visitor

pytestmark = [pytest.mark.slow, pytest.mark.on_postgres]
PROMOTE = "/admin/studio/comparing/{}/promote/"
VERSIONS = "SELECT id, number, state FROM recognizers_modelversion ORDER BY number"


@pytest.fixture
def versions(stack: Stack) -> list[int]:
    """A live version and two candidates; their numbers in the database, by their own."""
    for name in ("one", "two", "three"):
        colour_bundle(stack.data_dir / "bundles" / name)
    stack.install("one")
    stack.shell(
        "from django.conf import settings\n"
        "from classifier.bundle import Bundle\n"
        "from webapp.recognizers.models import Recognizer\n"
        "from webapp.recognizers.services import version_create\n"
        "for name in ('two', 'three'):\n"
        "    bundle = Bundle.load(settings.BUNDLES_DIR / name)\n"
        "    version_create(recognizer=Recognizer.objects.get(), bundle=bundle)\n"
    )
    return [pk for pk, _, _ in stack.query(VERSIONS)]


def test_of_two_curators_one_wins_and_the_other_is_told(stack: Stack, versions: list[int]) -> None:
    stack.create_users("ada", "ben", is_staff=True)
    stack.start("redis", "web", "inference")
    stack.wait_for_workers()
    both_are_ready = Barrier(2)

    def promote(curator: Visitor, version: int) -> str:
        path = PROMOTE.format(version)
        page = path.removesuffix("promote/")
        curator.get(page)
        both_are_ready.wait(30)
        form = {"instead_of": "1", "is_unknown_accepted": "on", "reason": f"It is {version}."}
        return curator.post(path, form, page=page).text

    with (
        stack.signed_in("ada") as ada,
        stack.signed_in("ben") as ben,
        ThreadPoolExecutor(2) as threads,
    ):
        texts = list(threads.map(promote, (ada, ben), versions[1:]))
    won = ["answers from now on" in text for text in texts]
    assert sorted(won) == [False, True], texts
    winner = won.index(True)
    assert f"Version {winner + 2} was promoted meanwhile" in texts[1 - winner]
    assert f"It is {versions[1:][1 - winner]}." in texts[1 - winner], "what was written is kept"
    states = {number: state for _, number, state in stack.query(VERSIONS)}
    assert states.pop(winner + 2) == "live"
    assert sorted(states.values()) == ["candidate", "retired"]
    log = stack.query("SELECT version_id, reason FROM recognizers_promotion ORDER BY id DESC")
    pk = versions[1:][winner]
    assert (log[0], len(log)) == ((pk, f"It is {pk}."), 2), "and the log has one line of it"


def test_of_two_who_roll_back_at_once_both_find_the_version_before(
    stack: Stack, versions: list[int]
) -> None:
    stack.create_users("ada", "ben", is_staff=True)
    stack.start("redis", "web", "inference")
    stack.wait_for_workers()
    [(recognizer,)] = stack.query("SELECT id FROM recognizers_recognizer")
    log = f"/admin/studio/comparing/log/{recognizer}/"
    both_are_ready = Barrier(2)

    def roll_back(curator: Visitor) -> str:
        curator.get(log)
        both_are_ready.wait(30)
        return curator.post(f"{log}roll-back/", {"instead_of": "2"}, page=log).text

    with stack.signed_in("ada") as ada, stack.signed_in("ben") as ben:
        path = PROMOTE.format(versions[1])
        form = {"instead_of": "1", "is_unknown_accepted": "on"}
        ada.post(path, form, page=path.removesuffix("promote/"))
        with ThreadPoolExecutor(2) as threads:
            texts = list(threads.map(roll_back, (ada, ben)))
    assert all("version 1 answers again" in text for text in texts)
    assert {n: state for _, n, state in stack.query(VERSIONS)}[1] == "live"
    [(num,)] = stack.query("SELECT count(*) FROM recognizers_promotion")
    assert num == 3, "the first, the second, and one way back"
