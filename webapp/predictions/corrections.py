"""What the owner of a picture says of its answer: right, or wrong and what it should have been.

Whoever corrects again says something else; whoever says the same again changes nothing, not even the
time. "None of these" is an answer like any other: it is right of a stranger, and wrong of a class.
"""

import unicodedata
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.models import User
from webapp.database import update_each
from webapp.predictions.models import Prediction
from webapp.predictions.selected import selected
from webapp.recognizers.models import ModelVersion

State, Verdict = Prediction.State, Prediction.Verdict
MAX_LABEL_CHARACTERS = 255
# Of a selection: as many as a page of the history shows.
MAX_SELECTED = 50
_FIELDS = ("verdict", "true_label", "corrected_at")


class CorrectionRefused(Exception):
    """`code` is for programs and stays the same, `sentence` is for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence


@dataclass(frozen=True)
class Said:
    """What is said of one prediction."""

    public_id: uuid.UUID
    verdict: str
    true_label: str
    corrected_at: datetime | None

    @classmethod
    def of(cls, row: Prediction) -> Self:
        return cls(row.public_id, row.verdict, row.true_label, row.corrected_at)

    @property
    def words(self) -> tuple[str, str]:
        return self.verdict, self.true_label


@dataclass(frozen=True)
class Judged:
    """What came of judging several at once. `before`: what was said of those that were changed;
    `changed_at`: of all of them, and so the name by which it can be undone. `num_meant` counts those
    that are there, of which `num_unanswered` have no answer that could be judged."""

    changed_at: datetime
    before: Sequence[Said]
    num_meant: int
    num_unanswered: int


def prediction_correct(
    *, owner: User, public_id: uuid.UUID, verdict: str, true_label: str = ""
) -> Prediction:
    """The prediction with its owner's verdict: "right", "wrong", or "" to take that back.

    `true_label` counts for "wrong" alone, and may be empty. The name of a class in other capitals is
    that class; anything else is free words. Raises Prediction.DoesNotExist for what is not the
    owner's, and CorrectionRefused. A true label that is the answer is refused: taken for "right", a slip
    of the hand would be learned from.
    """
    verdict, words = _checked(verdict, true_label)
    row = Prediction.objects.present().defer("why").get(owner=owner, public_id=public_id)
    if row.state != State.DONE:
        raise CorrectionRefused("not_answered", _("Only an answer can be right or wrong."))
    if words:
        words = _Classes([row]).spelled(row, words)
    if words and words == answered_label(row):
        raise CorrectionRefused(
            "label_is_the_answer",
            _("Expected what it is instead, received the answer itself: “%(label)s”. Is it right?")
            % {"label": words},
        )
    if (row.verdict, row.true_label) != (verdict, words):
        _say(row, verdict, words, timezone.now())
        # What has an answer keeps it; only the owner's other hand may be faster.
        present = Prediction.objects.present().filter(pk=row.pk, state=State.DONE)
        if not present.update(**{name: getattr(row, name) for name in _FIELDS}):
            raise Prediction.DoesNotExist
    return row


def predictions_judge(
    *, owner: User, public_ids: Collection[uuid.UUID], verdict: str, true_label: str = ""
) -> Judged:
    """Say the same of all of the owner's predictions among these. Those without an answer are left as
    they are. Where the true label is the answer, that was right: one label for many means that they
    shall all have it. Raises CorrectionRefused.
    """
    verdict, words = _checked(verdict, true_label)
    if len(public_ids) > MAX_SELECTED:
        raise CorrectionRefused(
            "too_many",
            _("Expected at most %(most)s pictures at a time, received %(number)s.")
            % {"most": MAX_SELECTED, "number": len(public_ids)},
        )
    now = timezone.now()
    rows = selected(owner=owner, public_ids=public_ids).defer("why", "top")
    with transaction.atomic():
        found = list(rows.order_by("pk").select_for_update())
        answered = [row for row in found if row.state == State.DONE]
        before = {row.pk: Said.of(row) for row in answered}
        classes = _Classes(answered)
        for row in answered:
            label = classes.spelled(row, words) if words else ""
            is_right_after_all = bool(label) and label == answered_label(row)
            said = (Verdict.RIGHT, "") if is_right_after_all else (verdict, label)
            if before[row.pk].words != said:
                _say(row, *said, now)
        changed = [row for row in answered if Said.of(row) != before[row.pk]]
        update_each(changed, _FIELDS, where={"state": State.DONE})
    return Judged(
        changed_at=now,
        before=[before[row.pk] for row in changed],
        num_meant=len(found),
        num_unanswered=len(found) - len(answered),
    )


def judging_undo(*, owner: User, changed_at: datetime, before: Iterable[Said]) -> int:
    """Say again what was said before; returns of how many. What was said anew since then stays."""
    earlier = {said.public_id: said for said in before}
    with transaction.atomic():
        rows = selected(owner=owner, public_ids=list(earlier)).defer("why", "top")
        found = list(rows.order_by("pk").select_for_update())
        for row in found:
            said = earlier[row.public_id]
            _say(row, said.verdict, said.true_label, said.corrected_at)
        return update_each(found, _FIELDS, where={"corrected_at": changed_at})


def answered_label(row: Prediction) -> str:
    """What was answered; empty for "none of these", whose label is but the closest."""
    return "" if row.is_outlier else row.label


def clean_words(text: str) -> str:
    """What somebody wrote, on one line: no control characters, no invisible ones, one space between
    words."""
    text = "".join(" " if c.isspace() else c for c in unicodedata.normalize("NFC", text))
    visible = "".join(c for c in text if not unicodedata.category(c).startswith("C"))
    return " ".join(visible.split())


def _checked(verdict: str, true_label: str) -> tuple[str, str]:
    """Both as they are kept. Raises CorrectionRefused."""
    if verdict not in ("", *Verdict.values):
        raise CorrectionRefused(
            "verdict_unknown",
            _("Expected “right”, “wrong” or nothing, received “%(verdict)s”.")
            % {"verdict": clean_words(verdict)[:60]},
        )
    words = clean_words(true_label) if verdict == Verdict.WRONG else ""
    if len(words) > MAX_LABEL_CHARACTERS:
        raise CorrectionRefused(
            "label_too_long",
            _("Expected at most %(most)s characters, received %(number)s. Please say it shorter.")
            % {"most": MAX_LABEL_CHARACTERS, "number": len(words)},
        )
    return verdict, words


def _say(row: Prediction, verdict: str, true_label: str, at: datetime | None) -> None:
    row.verdict, row.true_label = verdict, true_label
    row.corrected_at = at if verdict else None


class _Classes:
    """What the recognizers of some predictions may answer: their live versions, and those that did."""

    def __init__(self, rows: Sequence[Prediction]) -> None:
        live = Q(state=ModelVersion.State.LIVE, recognizer__in={row.recognizer_id for row in rows})
        versions = ModelVersion.objects.filter(live | Q(pk__in={row.version_id for row in rows}))
        self._names: dict[int, dict[str, str]] = {}
        for recognizer_id, names in versions.order_by("number").values_list(
            "recognizer_id", "class_names"
        ):
            spelled = self._names.setdefault(recognizer_id, {})
            spelled.update({name.casefold(): name for name in names})
            spelled.update({name: name for name in names})

    def spelled(self, row: Prediction, words: str) -> str:
        """The class that is meant by these words, else the words."""
        names = self._names.get(row.recognizer_id, {})
        return names.get(words) or names.get(words.casefold()) or words
