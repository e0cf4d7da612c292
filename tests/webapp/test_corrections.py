"""Right or wrong: what the owner of a picture says of its answer."""

import uuid
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.webapp.rows import rows_of, version_of
from webapp.accounts.models import User
from webapp.predictions.corrections import CorrectionRefused, clean_words, prediction_correct
from webapp.predictions.models import Prediction
from webapp.recognizers.models import Recognizer

Say = Callable[..., Prediction]


@pytest.fixture
def bee(owner: User, recognizer: Recognizer) -> Prediction:
    """An answer of a version that knows "bee" and "wasp"."""
    [row] = rows_of(owner, recognizer, 1, version=version_of(recognizer))
    return row


@pytest.fixture
def say(owner: User) -> Say:
    def say(row: Prediction, verdict: str, true_label: str = "", by: User = owner) -> Prediction:
        prediction_correct(
            owner=by, public_id=row.public_id, verdict=verdict, true_label=true_label
        )
        row.refresh_from_db()
        return row

    return say


def test_right_wrong_and_what_it_is_instead_are_kept_and_taken_back(
    bee: Prediction, say: Say
) -> None:
    say(bee, "right")
    assert (bee.verdict, bee.true_label) == ("right", "")
    first = bee.corrected_at
    say(bee, "wrong")
    assert (bee.verdict, bee.true_label) == ("wrong", "")
    assert bee.corrected_at > first  # type: ignore[operator]
    say(bee, "wrong", "wasp")
    assert (bee.verdict, bee.true_label) == ("wrong", "wasp")
    say(bee, "")
    assert (bee.verdict, bee.true_label, bee.corrected_at) == ("", "", None)
    assert (bee.label, bee.confidence) == ("bee", 0.75), "the answer stays what it was"


def test_the_same_twice_is_one_correction(bee: Prediction, say: Say) -> None:
    first = say(bee, "wrong", "wasp").corrected_at
    assert say(bee, "wrong", "wasp").corrected_at == first


def test_a_class_in_other_capitals_is_the_class_and_all_else_are_free_words(
    bee: Prediction, say: Say
) -> None:
    assert say(bee, "wrong", " WASP ").true_label == "wasp"
    assert say(bee, "wrong", "A hover-fly, 蝇").true_label == "A hover-fly, 蝇"


def test_a_class_that_only_the_live_version_knows_is_one_too(
    bee: Prediction, say: Say, recognizer: Recognizer
) -> None:
    live = version_of(recognizer, 2, state="live")
    live.class_names = ["bee", "Hornet"]
    live.save()
    assert say(bee, "wrong", "hornet").true_label == "Hornet"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("  two\n\twords ", "two words"),
        ("be\x00e\x1b[31m", "bee[31m"),
        ("ab\u202ecd\u200b", "abcd"),
        ("e\u0301", "\u00e9"),
        ("\u3000", ""),
    ],
)
def test_words_are_kept_without_what_cannot_be_seen(written: str, kept: str) -> None:
    assert clean_words(written) == kept


def test_the_answer_itself_is_no_true_label_of_a_wrong_one(bee: Prediction, say: Say) -> None:
    say(bee, "wrong")
    with pytest.raises(CorrectionRefused) as refused:
        say(bee, "wrong", "Bee")
    assert refused.value.code == "label_is_the_answer"
    assert "“bee”" in refused.value.sentence
    bee.refresh_from_db()
    assert (bee.verdict, bee.true_label) == ("wrong", "")


def test_what_was_called_none_of_these_may_be_the_closest_class_after_all(
    owner: User, recognizer: Recognizer, say: Say
) -> None:
    [row] = rows_of(owner, recognizer, 1, is_outlier=True)
    assert say(row, "wrong", "bee").true_label == "bee"
    assert say(row, "right").true_label == ""


@pytest.mark.parametrize(
    ("verdict", "label", "code"),
    [
        ("maybe", "", "verdict_unknown"),
        ("RIGHT", "", "verdict_unknown"),
        ("wrong", "x" * 256, "label_too_long"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_what_was_expected(
    bee: Prediction, say: Say, verdict: str, label: str, code: str
) -> None:
    with pytest.raises(CorrectionRefused, match="Expected") as refused:
        say(bee, verdict, label)
    assert refused.value.code == code
    bee.refresh_from_db()
    assert bee.verdict == ""


@pytest.mark.parametrize("state", ["queued", "running", "failed"])
def test_only_an_answer_is_right_or_wrong(
    owner: User, recognizer: Recognizer, say: Say, state: str
) -> None:
    [row] = rows_of(owner, recognizer, 1, state=state)
    with pytest.raises(CorrectionRefused) as refused:
        say(row, "right")
    assert refused.value.code == "not_answered"


def test_what_is_anothers_or_deleted_is_not_there(
    bee: Prediction, say: Say, other: User, curator: User
) -> None:
    for by in (other, curator):
        with pytest.raises(Prediction.DoesNotExist):
            say(bee, "right", by=by)
    Prediction.objects.update(deleted_at=bee.created_at)
    with pytest.raises(Prediction.DoesNotExist):
        say(bee, "right")


# The page


def address(row: Prediction) -> str:
    return f"/predictions/{row.public_id}/correction/"


def test_one_tap_without_javascript_leads_back_to_the_answer(
    owner_client: Client, bee: Prediction
) -> None:
    page = f"/predictions/{bee.public_id}/"
    text = owner_client.get(page).content.decode()
    assert "Is that right?" in text
    response = owner_client.post(address(bee), {"verdict": "right", "page": page})
    assert response["Location"] == f"{page}#correction-{bee.public_id}"
    text = owner_client.get(page).content.decode()
    assert "You said that this is right" in text
    assert "with it the curator sees this picture" in text
    upload = f"/uploads/{bee.upload}/"
    response = owner_client.post(address(bee), {"verdict": "", "page": upload})
    assert response["Location"].startswith(f"{upload}#")
    assert "Is that right?" in owner_client.get(upload).content.decode()


def test_nobody_is_led_elsewhere(owner_client: Client, bee: Prediction) -> None:
    response = owner_client.post(address(bee), {"verdict": "", "page": "https://evil.example/"})
    assert response["Location"].startswith("/predictions/")


def test_one_tap_with_javascript_changes_its_part_of_the_page(
    owner_client: Client, bee: Prediction
) -> None:
    def tap(**values: str) -> str:
        response = owner_client.post(address(bee), values, headers={"HX-Request": "true"})
        assert response.status_code == 200
        return " ".join(response.content.decode().split())

    wrong = tap(verdict="wrong")
    assert "<html" not in wrong
    assert '<option value="wasp">' in wrong
    assert '<option value="bee">' not in wrong, "that it is not"
    refused = tap(verdict="wrong", true_label="bee")
    assert "Expected what it is instead" in refused
    assert 'value="bee"' in refused, "what was written can be mended"
    assert "You said that this is “wasp”" in tap(verdict="wrong", true_label="wasp")
    assert "Is that right?" in tap(verdict="")


def test_a_refusal_without_javascript_is_told_on_the_page(
    owner_client: Client, bee: Prediction
) -> None:
    values = {"verdict": "wrong", "true_label": "x" * 300}
    page = owner_client.post(address(bee), values, follow=True).content.decode()
    assert "Expected at most 255 characters, received 300" in page


def test_what_is_not_answered_has_nothing_to_be_judged(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    [row] = rows_of(owner, recognizer, 1, state="queued")
    assert "correction" not in owner_client.get(f"/predictions/{row.public_id}/").content.decode()
    page = owner_client.post(address(row), {"verdict": "right"}, follow=True).content.decode()
    assert "Only an answer can be right or wrong" in page


def test_correcting_is_no_link(owner_client: Client, bee: Prediction) -> None:
    assert owner_client.get(address(bee)).status_code == 405
    unknown = f"/predictions/{uuid.uuid4()}/correction/"
    assert owner_client.post(unknown, {"verdict": "right"}).status_code == 404


def test_a_label_that_looks_like_a_page_is_escaped(owner_client: Client, bee: Prediction) -> None:
    hostile = "<script>alert(1)</script>"
    owner_client.post(address(bee), {"verdict": "wrong", "true_label": hostile})
    page = owner_client.get(f"/predictions/{bee.public_id}/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_answers_of_one_upload_take_no_query_each_for_their_corrections(
    owner: User, owner_client: Client, recognizer: Recognizer
) -> None:
    version, upload = version_of(recognizer), uuid.uuid4()

    def queries_with(number: int) -> int:
        for position in range(number):
            [row] = rows_of(owner, recognizer, 1, version=version, verdict="wrong")
            Prediction.objects.filter(pk=row.pk).update(
                upload=upload, position=position + 10 * number
            )
        with CaptureQueriesContext(connection) as queries:
            assert owner_client.get(f"/uploads/{upload}/").status_code == 200
        return len(queries)

    assert queries_with(2) == queries_with(8)  # one alone has more about it


# The type-ahead


@pytest.fixture
def many_classes(recognizer: Recognizer) -> Recognizer:
    live = version_of(recognizer, 2, state="live")
    live.class_names = [f"species {i:04}" for i in range(500)] + ["Bee fly", "honey bee", "<b>"]
    live.save()
    return recognizer


def options(client: Client, **asked: str) -> list[str]:
    text = client.get("/labels/", asked).content.decode()
    return [part.split('"')[0] for part in text.split('<option value="')[1:]]


def test_twenty_classes_are_proposed_first_those_that_begin_so(
    owner_client: Client, many_classes: Recognizer
) -> None:
    assert options(owner_client, true_label="BEE") == ["Bee fly", "honey bee"]
    assert options(owner_client, true_label="species 04")[0] == "species 0400"
    assert len(options(owner_client, true_label="species")) == 20
    assert len(options(owner_client)) == 20
    assert options(owner_client, true_label="\x00<b") == ["&lt;b&gt;"]
    assert options(owner_client, true_label="bee", recognizer="birds") == []
    assert options(owner_client, true_label="y" * 5000) == []


def test_a_long_list_of_classes_is_not_in_the_page(
    owner: User, owner_client: Client, many_classes: Recognizer
) -> None:
    version = many_classes.live_version()
    [row] = rows_of(owner, many_classes, 1, version=version, verdict="wrong")
    page = owner_client.get(f"/predictions/{row.public_id}/").content.decode()
    assert "species 0400" not in page
    assert 'hx-get="/labels/?recognizer=colours"' in page
