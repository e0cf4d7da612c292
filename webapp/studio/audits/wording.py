"""Words for an audit's findings, in the reader's language: what was found, what a training would do
with it, and what the buttons do."""

from typing import Any

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from classifier.errors import InvalidImage
from training.dataset.findings import KINDS
from webapp.studio.audits.deciding import ACCEPT, CONFIRM, LEAVE_OUT, RESTORE, TAKE_LABEL
from webapp.studio.audits.keeping import KeptFinding, KeptItem
from webapp.studio.wording import run_failure_sentence
from webapp.told import filled

LEVELS = {"blocks": _("blocks"), "warns": _("warning"), "notes": _("note")}
# In two or three words, for where many findings are listed.
TITLES = {
    "unreadable": _("No pictures"),
    "copies": _("Exact copies"),
    "contradictions": _("One picture, several labels"),
    "straddling": _("Like one that is measured on"),
    "alike": _("Alike, of one class"),
    "alike_other_label": _("Alike, of different classes"),
    "lost": _("Classes without pictures"),
    "tiny": _("Small pictures"),
    "extreme": _("Very long or high pictures"),
    "blank": _("Blank pictures"),
    "placeholder": _("Nearly blank pictures"),
    "few": _("Small classes"),
    "imbalance": _("Classes of very different size"),
    "suspects": _("Doubtful labels"),
    "unchecked": _("Labels that were not checked"),
}
# What happens to what stays, so that a curator knows what need not be decided.
EFFECTS = {
    "unreadable": _("A training passes over these files by itself."),
    "copies": _("A training passes over all but the first of each group by itself."),
    "contradictions": _("A training passes over all of them by itself: none is learned from."),
    "straddling": _(
        "A training does not learn from the marked one of each pair by itself, so that what is measured "
        "stays honest."
    ),
    "alike": _("A training learns from both, or measures on both."),
    "alike_other_label": _("A training takes both as they are labelled, unless one is marked."),
    "lost": _("A training leaves these classes out by itself."),
    "tiny": _("A training takes them as they are, enlarged and so blurred."),
    "extreme": _("A training takes them, and sees only their middle."),
    "blank": _("A training takes them as they are labelled."),
    "placeholder": _("A training takes them as they are labelled."),
    "few": _("A training takes these classes; its answers for them will be poor."),
    "imbalance": _("A training takes them as they are; rare classes are answered less often."),
    "suspects": _("A training takes them as they are labelled."),
}
ADVICE = {
    "unreadable": _("Leave them out here, or replace the files by their originals."),
    "copies": _("Leaving them out here keeps them out of the lists as well."),
    "contradictions": _("Say which label is right, and one copy is kept under it."),
    "straddling": _("Leave the marked ones out here, and later audits no longer name them."),
    "alike": _("Leave one of each pair out, unless both are wanted."),
    "alike_other_label": _("Look which of the labels is right."),
    "lost": _("Add pictures of them, or leave it at that."),
    "tiny": _("Leave them out, replace them by larger ones, or train at a smaller image size."),
    "extreme": _("Leave them out, or crop the files to what they show."),
    "blank": _("Leave them out."),
    "placeholder": _("Look at them; leave out those that show nothing."),
    "few": _("Add pictures."),
    "imbalance": _("Add pictures of the rare classes."),
    "suspects": _(
        "Look at each: take the other class, or say that the label is right, and no audit asks again."
    ),
    "unchecked": _("Audit again when this is mended."),
}
_FOR_ALL = {
    "copies": _("Leave out all but the first of each"),
    "straddling": _("Leave out all that are marked"),
    "alike": _("Leave out one of each pair"),
}
_FOR_ONE = {
    "copies": _("Leave out all but the first"),
    "straddling": _("Leave out the marked one"),
    "alike": _("Leave out the second"),
    "contradictions": _("Leave out all"),
    "alike_other_label": _("Leave out both"),
}


def sentence(finding: KeptFinding) -> str:
    """What was found."""
    params: dict[str, Any] = dict(finding.params)
    if finding.refusal:
        return run_failure_sentence(finding.refusal, params)
    if finding.code == "unchecked":
        params["reason"] = run_failure_sentence(params["reason"], params)
    params = {"num": finding.num, **params, "names": _names(finding)}
    return filled(KINDS[finding.code].sentence, params)


def title(finding: KeptFinding) -> str:
    """Two or three words; what blocks has but its sentence."""
    return str(TITLES.get(finding.code, ""))


def note(item: KeptItem) -> str:
    """What is told of a single item."""
    if item.error:
        code, params = item.error
        known = InvalidImage.sentences.get(code)
        return filled(known, params) if known else ""
    if item.shares:
        own, other = (round(100 * share) for share in item.shares)
        words = {
            "label": ", ".join(item.labels[0].split("|")) if item.labels[0] else "–",
            "share": own,
            "other": item.suggestion or "–",
            "other_share": other,
        }
        if item.suggestion:
            return (
                gettext(
                    "Labelled %(label)s (%(share)s %%), looks like %(other)s (%(other_share)s %%)."
                )
                % words
            )
        return gettext("Labelled %(label)s (%(share)s %%), which other heads doubt.") % words
    return item.note


def button(
    action: str, code: str, *, suggestion: str = "", label: str = "", for_all: bool = False
) -> str:
    """What a button says."""
    if action == TAKE_LABEL:
        words = {"label": label or "–"}
        if code == "contradictions":
            return gettext("Keep it as %(label)s") % words
        return gettext("Both are %(label)s") % words
    if action == ACCEPT:
        if for_all:
            return gettext("Take the other class for all")
        return gettext("Move to %(label)s") % {"label": suggestion}
    if action == CONFIRM:
        return gettext("All labels are right") if for_all else gettext("The label is right")
    if action == RESTORE:
        return gettext("Restore")
    own = (_FOR_ALL if for_all else _FOR_ONE).get(code)
    if own is not None:
        return str(own)
    return gettext("Leave out all") if for_all else gettext("Leave out")


def done(action: str, num: int) -> str:
    """What a press has done."""
    words = {"num": num}
    if not num:
        return gettext("Nothing was left to change: it was done before, perhaps by somebody else.")
    if action == LEAVE_OUT:
        return (
            ngettext("%(num)s picture is left out.", "%(num)s pictures are left out.", num) % words
        )
    if action == CONFIRM:
        return ngettext("%(num)s label is right.", "%(num)s labels are right.", num) % words
    if action == ACCEPT:
        return (
            ngettext(
                "%(num)s picture has another class.", "%(num)s pictures have another class.", num
            )
            % words
        )
    if action == RESTORE:
        return (
            ngettext("%(num)s picture is restored.", "%(num)s pictures are restored.", num) % words
        )
    return ngettext("%(num)s picture was changed.", "%(num)s pictures were changed.", num) % words


def undone(num: int) -> str:
    """What taking a decision back has done."""
    if not num:
        return gettext(
            "Nothing was left to take back: it was done before, perhaps by somebody else."
        )
    return ngettext(
        "%(num)s picture is again as it was.", "%(num)s pictures are again as they were.", num
    ) % {"num": num}


def _names(finding: KeptFinding) -> str:
    names = ", ".join(finding.classes)
    more = finding.num - len(finding.classes)
    if more <= 0:
        return names
    return gettext("%(names)s and %(num)s more") % {"names": names, "num": more}
