"""webapp.studio.notes: what a training leaves for its curators to know, in the language of each."""

import json
import re

import pytest
from django.utils.translation import override

from training.dataset.findings import KINDS, MAX_NAMED, Finding, Item
from training.errors import WeightsUnavailable
from training.run import TAUGHT
from webapp.recognizers.swap import PromotionRefused
from webapp.studio.notes import error_note, finding_note, line_note, note_of, note_text

CHINESE = re.compile("[\u4e00-\u9fff]")


def kept(note: object) -> dict[str, object]:
    """As the database gives it back."""
    found = json.loads(json.dumps(note))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("code", KINDS)
def test_each_kind_of_finding_is_told_in_both_languages(code: str) -> None:
    names = re.findall(r"%\((\w+)\)s", KINDS[code].sentence)
    params = {name: "seven" for name in names if name != "num"}
    if code == "unchecked":
        params["reason"] = TAUGHT
    note = kept(line_note(code, 7, params))
    assert note_text(note) == KINDS[code].sentence % {"num": 7, **params}
    with override("zh-hans"):
        said = note_text(note)
    assert CHINESE.search(said)
    assert ("7" in said) == ("num" in names)
    assert TAUGHT not in said


def test_a_finding_is_told_with_the_first_places_that_it_speaks_of() -> None:
    items = [Item((n, n + 1), (f"a{n}.png", f"b{n}.png"), ("red", "red")) for n in range(20)]
    said = note_text(kept(finding_note(Finding("alike", 20, items=items))))
    assert said.startswith(
        "Pairs of one class that look alike, each in one split: 20. For example: "
    )
    assert said.count(" = ") == MAX_NAMED


def test_why_the_labels_were_not_checked_is_told_in_the_same_language() -> None:
    reason = WeightsUnavailable("no_file", path="weights.h5")
    note = kept(finding_note(Finding("unchecked", params={"reason": reason})))
    assert str(reason) in note_text(note)
    with override("zh-hans"):
        said = note_text(note)
        assert note_text(kept(error_note(reason))) in said
    assert "weights.h5" in said
    assert "Expected" not in said


def test_a_refused_promotion_is_told_to_each_in_their_language() -> None:
    refused = PromotionRefused(
        "The version could not answer a picture: %(problem)s", problem="50 %"
    )
    note = kept(note_of(refused.sentence, **refused.params))
    assert str(refused) == note_text(note) == "The version could not answer a picture: 50 %"
    with override("zh-hans"):
        assert str(refused) == note_text(note)
        assert CHINESE.search(str(refused))


def test_a_name_that_is_no_text_and_one_with_percents_are_told() -> None:
    note = kept(finding_note(Finding("beside", 1, {"names": "100 %(num)s \udcff"})))
    assert note_text(note).endswith(r"1 (100 %(num)s \xff).")


def test_a_note_of_an_earlier_release_stays_as_it_was_written() -> None:
    assert note_text("3 files are 100 % no pictures.") == "3 files are 100 % no pictures."
