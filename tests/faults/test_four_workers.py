"""Several inference workers, one queue."""

import pytest

from tests.bundles import colour_bundle
from tests.faults.pictures import assert_each_was_answered_once_and_rightly, pictures
from tests.stack import Stack
from tests.waiting import wait_for

NUM_WORKERS = 4
NUM_UPLOADS, NUM_PICTURES_EACH = 3, 50


@pytest.mark.slow
@pytest.mark.on_postgres
def test_four_workers_share_one_queue_and_no_two_answer_the_same_picture(stack: Stack) -> None:
    colour_bundle(stack.data_dir / "bundles" / "slow", is_slow=True)
    stack.create_users("ada")
    stack.install("slow")
    stack.start("redis", "web", *(f"inference-{i}" for i in range(1, NUM_WORKERS + 1)))
    stack.wait_for_workers(NUM_WORKERS)
    number = NUM_UPLOADS * NUM_PICTURES_EACH
    with stack.signed_in("ada") as ada:
        for _ in range(NUM_UPLOADS):
            ada.upload(*pictures(NUM_PICTURES_EACH))
        wait_for(lambda: stack.states() == {"done": number}, seconds=120, what="all answers")
    assert_each_was_answered_once_and_rightly(stack, number)
    # A claim counts an attempt, and who answers must hold the claim: one of each for every row.
    assert stack.query("SELECT DISTINCT attempts FROM predictions_prediction") == [(1,)]

    def all_have_answered() -> bool:
        rows = stack.query("SELECT answered_at FROM ops_workerheartbeat")
        return len(rows) == NUM_WORKERS and all(answered_at for (answered_at,) in rows)

    # Each says at its next beat when it answered last.
    wait_for(all_have_answered, seconds=10, what="a share of the answers for every worker")
