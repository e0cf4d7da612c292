"""What the studio's pages have in common."""

import pytest

from webapp.studio.pages import number_of


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("007", 7),
        (str(2**63 - 1), 2**63 - 1),
        (str(2**63), None),
        ("9" * 5000, None),
        ("-1", None),
        ("1.5", None),
        (" 1", None),
        ("²", None),
        ("٣", None),
        ("", None),
        (None, None),
    ],
)
def test_a_number_in_an_address_is_one_that_a_row_can_have(
    text: str | None, number: int | None
) -> None:
    assert number_of(text) == number
