"""Labels and file names as names on a disk: on any system, in their place, and none taken for another."""

import hashlib
import unicodedata

from webapp.predictions.corrections import answered_label
from webapp.predictions.models import Prediction

NONE_OF_THESE = "none-of-these"
# Judged wrong by somebody who did not say what it is: the answer would be a wrong label.
UNLABELLED = "unlabelled"
MAX_FOLDER_BYTES, MAX_STEM_BYTES = 120, 60
# Remembered to tell apart what some systems do not; more labels than that all get a mark.
MAX_REMEMBERED = 20_000
_FORBIDDEN = frozenset('<>:"/\\|?*')
_PORTS = [f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"]
_DEVICES = frozenset(["con", "prn", "aux", "nul", "conin$", "conout$", *_PORTS])


class Folders:
    """The folder of each label in one archive. Two labels are never in one folder, not even where a
    system takes capitals and small letters for the same."""

    def __init__(self) -> None:
        self._labels = {NONE_OF_THESE: "", UNLABELLED: ""}

    def folder_of(self, row: Prediction) -> str | None:
        """None for what has no answer."""
        if row.state != Prediction.State.DONE:
            return None
        if row.verdict == Prediction.Verdict.WRONG:
            return self._named(row.true_label) if row.true_label else UNLABELLED
        label = answered_label(row)
        return self._named(label) if label else NONE_OF_THESE

    def _named(self, label: str) -> str:
        folder = _harmless(label, MAX_FOLDER_BYTES)
        if folder != label:
            return _marked(folder, label)
        key = folder.casefold()
        if key not in self._labels and len(self._labels) < MAX_REMEMBERED:
            self._labels[key] = label
        return folder if self._labels.get(key) == label else _marked(folder, label)


def file_name_for(row: Prediction) -> str:
    """One of its own for each: something of what it was called, and its public number."""
    stem = _harmless(row.file_name.rpartition(".")[0] or row.file_name, MAX_STEM_BYTES)
    return f"{stem}-{row.public_id.hex}.jpg"


def _harmless(text: str, max_bytes: int) -> str:
    """A name that every system takes, and takes for nothing else; never empty."""
    text = unicodedata.normalize("NFC", text)
    kept = "".join(
        "_"
        if c in _FORBIDDEN or (unicodedata.category(c).startswith(("C", "Z")) and c != " ")
        else c
        for c in text
    )
    kept = kept.encode(errors="replace")[:max_bytes].decode(errors="ignore")
    # A dash in front is an option to many a program.
    kept = kept.rstrip(" .").lstrip(" .-")
    if kept.partition(".")[0].rstrip(" ").casefold() in _DEVICES:
        kept = f"_{kept}"
    return kept or "_"


def _marked(folder: str, label: str) -> str:
    """With a mark that no other label has."""
    digest = hashlib.sha256(label.encode(errors="surrogatepass")).hexdigest()
    return f"{folder}-{digest[:8]}"
