"""What a training or a reading leaves for its curators to know, each told in their own language.

A note is kept as its English sentence, which is the key of the others, and what the sentence is filled
with: texts, numbers, and notes.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop

from classifier.errors import ClassifierError
from training.dataset.findings import KINDS, MAX_NAMED, Finding, shown
from webapp.told import filled

Note = dict[str, Any]

_WITH_PLACES = gettext_noop("%(said)s For example: %(places)s.")


def note_of(sentence: str, **params: Any) -> Note:
    """A sentence of the catalogues, with what fills it."""
    return {"sentence": sentence, "params": {name: _plain(value) for name, value in params.items()}}


def error_note(error: ClassifierError) -> Note:
    return note_of(error.sentences[error.code], **error.params)


def finding_note(finding: Finding) -> Note:
    """The finding, with the first places that it speaks of."""
    said = line_note(finding.code, finding.num, finding.params)
    places = [shown(" = ".join(item.paths)) for item in finding.items[:MAX_NAMED]]
    return note_of(_WITH_PLACES, said=said, places="; ".join(places)) if places else said


def line_note(code: str, num: int, params: Mapping[str, Any]) -> Note:
    """A finding of this kind, which must be one of KINDS."""
    filled = dict(params)
    if code == "unchecked" and isinstance(filled["reason"], str):
        filled["reason"] = note_of(filled["reason"])
    return note_of(KINDS[code].sentence, num=num, **filled)


def note_text(note: Note | str) -> str:
    """The note in the reader's language. A text is one of an earlier release and stays as it is."""
    if isinstance(note, str):
        return note
    params = {
        name: note_text(value) if isinstance(value, dict) else value
        for name, value in note["params"].items()
    }
    return filled(note["sentence"], params)


def _plain(value: Any) -> Any:
    if isinstance(value, ClassifierError):
        return error_note(value)
    return value if isinstance(value, int | float | dict) else shown(str(value))
