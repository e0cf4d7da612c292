"""Names that others gave: as one spelling of a class, and as part of a sentence."""

from unicodedata import normalize

from training.errors import DatasetRefused

MAX_SHOWN = 200


class ClassNames:
    """The class names of one dataset. Two spellings of the same letters (NFC, and NFD as a Mac
    writes it) are one class; names that differ only in case are two for some systems and one for
    others, so neither is right."""

    def __init__(self) -> None:
        self._by_key: dict[str, str] = {}
        self._kept: dict[str, str] = {}

    def keep(self, name: str) -> str:
        """The name in NFC. Raises DatasetRefused when it differs from an earlier one only in case."""
        if name in self._kept:
            return self._kept[name]
        composed = normalize("NFC", name)
        known = self._by_key.setdefault(caseless(composed), composed)
        if known != composed:
            raise DatasetRefused("case", name=shown(composed), other=shown(known))
        # One string for all rows, whichever line it was read from.
        self._kept[name] = known
        return known


def caseless(name: str) -> str:
    """What two names have in common that a system which ignores case takes for one."""
    return normalize("NFC", normalize("NFC", name).casefold())


def shown(name: str) -> str:
    """A name as part of a sentence: short, on one line, and text whatever its bytes are."""
    if not name:
        return "nothing"
    text = name.encode(errors="surrogateescape").decode(errors="backslashreplace")
    text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
