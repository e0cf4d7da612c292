"""A curator's decisions on visitors' pictures: what each shall be learned as, or that it shall not."""

from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from training.sources.csv_manifest import LABEL_SEPARATOR
from webapp.accounts.models import User
from webapp.languages import sentence_of
from webapp.predictions.computed import labels_of
from webapp.predictions.corrections import clean_words
from webapp.predictions.models import Prediction
from webapp.recognizers.models import Recognizer
from webapp.studio.datasets.examples import LabelRefused, names_in
from webapp.studio.loop.retraining import last_run
from webapp.studio.models import Example, Review

Decision = Review.Decision
SEEN_SEPARATOR = " "


class ReviewRefused(Exception):
    """`code` is for the page, `sentence` for people. `label`: what could be a new class."""

    def __init__(self, code: str, sentence: str, label: str = "") -> None:
        super().__init__(sentence)
        self.code, self.sentence, self.label = code, sentence, label


def proposed_label(prediction: Prediction) -> str | None:
    """What it would be learned as if it is accepted: the owner's label, else the answer. None where
    nobody has said what it is, or in words that cannot be a label."""
    several = labels_of(prediction)
    if prediction.verdict == Prediction.Verdict.WRONG:
        said = prediction.true_label
    elif several is not None:
        return LABEL_SEPARATOR.join(several)
    else:
        said = "" if prediction.is_outlier else prediction.label
    try:
        return LABEL_SEPARATOR.join(names_in(said, are_several=several is not None))
    except LabelRefused:
        return None


def classes_of(recognizer: Recognizer) -> list[str]:
    """What a picture may be learned as: the classes of the version that answers, of the dataset, and what
    curators have made one since."""
    live = recognizer.live_version()
    names = set(live.class_names if live else ())
    run = last_run(recognizer)
    latest = run.dataset.latest_version() if run else None
    labels = list(latest.class_counts if latest else ())
    decided = Review.objects.filter(prediction__recognizer=recognizer, taken_at=None)
    labels += decided.exclude(label="").order_by().values_list("label", flat=True).distinct()
    names.update(name for label in labels for name in label.split(LABEL_SEPARATOR) if name)
    return sorted(names, key=str.casefold)


def review_decide(
    *,
    prediction: Prediction,
    decision: str,
    by: User,
    classes: Iterable[str],
    seen: str,
    label: str = "",
    is_new_class: bool = False,
) -> Review:
    """The decision, written down. One that is not taken yet is changed, and one that is where its owner has
    said something else since: what datasets have of the picture follows. Raises ReviewRefused.

    `label`: of what is relabelled. `is_new_class`: it may be none of `classes`. `seen`: `seen_of` the
    prediction as the curator saw it. If its owner has said something else since, nothing is decided;
    and of two curators at the same picture the second is told.
    """
    said_seen, _separator, decided_seen = seen.partition(SEEN_SEPARATOR)
    try:
        with transaction.atomic():
            row = Prediction.objects.present().select_related("version").get(pk=prediction.pk)
            if _moment(row.corrected_at) != said_seen:
                raise ReviewRefused(
                    "said_meanwhile",
                    _("Its owner has said something else meanwhile. Look again."),
                )
            decided = {
                "decision": decision,
                "label": _label_of(row, decision, label, list(classes), is_new_class),
                "decided_by": by,
                "decided_at": timezone.now(),
                "said_at": row.corrected_at,
            }
            current, is_new = Review.objects.select_for_update().get_or_create(
                prediction=row, defaults=decided
            )
            if is_new:
                return current
            is_anew = current.said_at != row.corrected_at
            same = (current.decision, current.label, current.decided_by_id)
            if same == (decision, decided["label"], by.pk) and not is_anew:
                return current  # the same form, sent twice
            if current.taken_at is not None and not is_anew:
                raise ReviewRefused(
                    "taken", _("This picture is in a dataset already. Change its class there.")
                )
            if _moment(current.decided_at) != decided_seen:
                raise ReviewRefused("decided_meanwhile", _meanwhile(current))
            for name, value in decided.items():
                setattr(current, name, value)
            current.save()
            if current.taken_at is not None:
                _examples_follow(current)
    except (Prediction.DoesNotExist, IntegrityError) as error:
        raise ReviewRefused(
            "gone", _("Its owner has deleted this picture. There is nothing to decide.")
        ) from error
    return current


def review_undo(*, prediction: Prediction, by: User) -> bool:
    """Take a decision of one's own back: the picture waits again. False where there is none to take
    back, because it is taken or another curator has decided since."""
    own = Review.objects.filter(prediction=prediction, decided_by=by, taken_at=None)
    return own.delete()[0] > 0


def seen_of(prediction: Prediction) -> str:
    """A name for what its owner says and what is decided, for a form to bring back."""
    review: Review | None = getattr(prediction, "review", None)
    decided_at = review.decided_at if review else None
    return f"{_moment(prediction.corrected_at)}{SEEN_SEPARATOR}{_moment(decided_at)}"


def said_of(review: Review) -> str:
    """A decision in words."""
    if review.decision == Decision.DROPPED:
        return _("dropped")
    if review.decision == Decision.ACCEPTED:
        return _("accepted as “%(label)s”") % {"label": review.label}
    return _("relabelled as “%(label)s”") % {"label": review.label}


def _label_of(
    prediction: Prediction, decision: str, written: str, classes: list[str], is_new_class: bool
) -> str:
    """What the picture shall be learned as. Raises ReviewRefused."""
    if decision == Decision.DROPPED:
        return ""
    if decision == Decision.ACCEPTED:
        label = proposed_label(prediction)
        if label is None:
            raise ReviewRefused(
                "nothing_to_accept",
                _("Nobody has said what this is. Expected a class, or that it is dropped."),
            )
    elif decision == Decision.RELABELLED:
        label = clean_words(written)
        if not label:
            raise ReviewRefused(
                "no_label", _("Expected what this picture shows, received nothing.")
            )
    else:
        raise ReviewRefused(
            "decision_unknown",
            _("Expected “accepted”, “relabelled” or “dropped”, received “%(decision)s”.")
            % {"decision": clean_words(decision)[:60]},
        )
    try:
        names = names_in(label, are_several=labels_of(prediction) is not None) if label else []
    except LabelRefused as error:
        raise ReviewRefused(f"label_{error.code}", sentence_of(error)) from error
    spelled = {name.casefold(): name for name in classes} | {name: name for name in classes}
    known = [spelled.get(name) or spelled.get(name.casefold()) for name in names]
    if None in known and not is_new_class:
        raise ReviewRefused(
            "no_class",
            _("“%(label)s” is none of the classes. Choose one, or make it a new class.")
            % {"label": label},
            label,
        )
    return LABEL_SEPARATOR.join(one or name for one, name in zip(known, names, strict=True))


def _examples_follow(review: Review) -> None:
    """What datasets have of the picture, as it is decided on what its owner has said since."""
    examples = Example.objects.filter(prediction=review.prediction_id)
    curator = Example.Excluded.CURATOR
    if review.decision == Decision.DROPPED:
        examples.included().update(excluded=curator)
    else:
        examples.update(label=review.label)
        examples.filter(excluded=curator).update(excluded="")


def _moment(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def _meanwhile(review: Review) -> str:
    return _(
        "%(name)s has decided meanwhile: %(decision)s. Nothing was changed. Decide again if "
        "you see it differently."
    ) % {"name": review.decided_by or _("Somebody"), "decision": said_of(review)}
