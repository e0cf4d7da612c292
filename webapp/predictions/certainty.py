"""How sure an answer is, in words.

The probabilities are calibrated on pictures that were not trained on, so that of all answers of 90 %
nine in ten are right, and a word can stand for a range. The ranges are those of the IPCC's guidance note
on uncertainties (Mastrandrea et al. 2010), the two lowest in words of our own.
"""

from django.utils.translation import pgettext_lazy

# From which probability on a word is said, the surest first.
WORDS = (
    (0.99, pgettext_lazy("how sure an answer is", "almost certain")),
    (0.90, pgettext_lazy("how sure an answer is", "very likely")),
    (0.66, pgettext_lazy("how sure an answer is", "likely")),
    (0.33, pgettext_lazy("how sure an answer is", "uncertain")),
    (0.0, pgettext_lazy("how sure an answer is", "a guess")),
)


def in_words(probability: float) -> str:
    """The word for a calibrated probability, 0 to 1, in the reader's language."""
    return str(next((word for lowest, word in WORDS if probability >= lowest), WORDS[-1][1]))
