"""Pictures whose names say what the answer must be, and whether each got it."""

from tests.pictures import new_picture_bytes
from tests.stack import Stack

COLOURS = ("red", "green", "blue")


def pictures(number: int) -> list[tuple[str, bytes]]:
    """Named by their colours, each with bytes of its own."""
    colours = [COLOURS[i % 3] for i in range(number)]
    return [(f"{c}-{i:02}.jpg", new_picture_bytes(c)) for i, c in enumerate(colours)]


def assert_each_was_answered_once_and_rightly(stack: Stack, number: int) -> None:
    rows = stack.query("SELECT file_name, label, state, claim FROM predictions_prediction")
    assert len(rows) == number
    assert {state for _, _, state, _ in rows} == {"done"}
    assert {claim for *_, claim in rows} == {None}
    for file_name, label, _, _ in rows:
        assert file_name.startswith(label)
