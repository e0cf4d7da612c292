"""Two curators at the same moment, before real processes."""

from threading import Barrier, Thread

import httpx
import pytest

from tests.stack import Stack
from tests.studio import draw_bugs, retrain

NUM_CURATORS = 2
NUM_TIMES = 4


@pytest.mark.slow
@pytest.mark.on_postgres
def test_two_who_press_retrain_at_the_same_moment_get_one_run_and_one_of_them_is_told(
    stack: Stack,
) -> None:
    draw_bugs(stack)
    names = [f"curator-{number}" for number in range(NUM_CURATORS)]
    stack.create_users(*names, is_staff=True)
    stack.start("redis", "web")
    for time in range(1, NUM_TIMES + 1):
        pages: dict[str, httpx.Response] = {}
        barrier = Barrier(NUM_CURATORS)

        def press(name: str, barrier: Barrier, pages: dict[str, httpx.Response], time: int) -> None:
            with stack.signed_in(name) as curator:
                barrier.wait(timeout=30)
                pages[name] = retrain(curator, epochs=time)

        threads = [Thread(target=press, args=(name, barrier, pages, time)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        rows = "SELECT r.id, u.username FROM studio_trainingrun r JOIN accounts_user u"
        runs = stack.query(f"{rows} ON u.id = r.requested_by_id ORDER BY r.id")
        assert len(runs) == time, "one run of each pair"
        _, winner = runs[-1]
        [told] = set(names) - {winner}
        assert len({page.url.path for page in pages.values()}) == 1
        assert "The training waits for its turn." in pages[winner].text
        assert f"already asked for by {winner}" in pages[told].text
