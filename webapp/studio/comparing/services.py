"""What decides whether a version may answer: its comparison with the one that does, or a curator's reason."""

import logging
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from webapp.accounts.models import User
from webapp.recognizers.models import ModelVersion, Promotion, Recognizer
from webapp.recognizers.services import version_promote
from webapp.recognizers.swap import PromotionRefused
from webapp.studio.gone import SubjectGone
from webapp.studio.jobs.services import job_create, job_is_unwanted, job_renew
from webapp.studio.models import Job, TrainingRun

logger = logging.getLogger(__name__)

# Kept in the log as it stands here, and read in each reader's language.
ROLLED_BACK = gettext_noop("Rolled back.")
LOGGED = ("num", "gained", "lost", "share", "interval", "verdict", "champion", "challenger")
UNDER_WAY_OR_DONE = (*Job.OPEN_STATES, Job.State.SUCCEEDED)


class ReasonWanted(PromotionRefused):
    """The version is worse beyond chance, and nobody has said why it shall answer all the same."""


class NothingKnown(PromotionRefused):
    """Nobody has compared the version with the one that answers, nor said that this does not matter."""


def comparison_request(
    *, version: ModelVersion, champion: ModelVersion, by: User | None
) -> tuple[Job, bool]:
    """A queued job that compares a version with another one, and whether it is new. One comparison of
    a version is open at a time: it may be with a third."""
    return job_create(
        kind=Job.Kind.COMPARE, version=version, other_version=champion, requested_by=by
    )


def comparison_queue_if_new(*, version: ModelVersion) -> Job | None:
    """A comparison of a version that was just trained with the one that answers; None where there is
    nothing to compare it with, it was asked for already, or one of them was deleted meanwhile."""
    champion = version.recognizer.live_version()
    if champion is None or champion == version:
        return None
    if _comparisons(version, champion).filter(state__in=UNDER_WAY_OR_DONE).exists():
        return None
    try:
        return comparison_request(version=version, champion=champion, by=None)[0]
    except SubjectGone:
        return None


def has_champion(version: ModelVersion) -> bool:
    """Whether another version answers, with which this one can be compared."""
    champion = version.recognizer.live_version()
    return champion is not None and champion != version


def automatic_promote(
    *, job: Job, version: ModelVersion, champion: ModelVersion, figures: Mapping[str, Any]
) -> bool:
    """Let a version answer whose run nobody has asked for, where operator and curator have allowed that and
    its comparison is not worse. False where it stays what it is: also where a curator has asked for the
    comparison or has cancelled it, or the version has been live, since what they have decided stands."""
    if job.requested_by_id is not None or not settings.AUTO_PROMOTE:
        return False
    wanted = TrainingRun.objects.filter(
        version=version,
        is_automatic=True,
        promote_when_done=True,
        version__state=ModelVersion.State.CANDIDATE,
        version__promoted_at=None,
    )
    if figures.get("verdict") == "worse" or not wanted.exists():
        return False

    def expect_wanted() -> None:
        # Asked again in the transaction that switches: trying it out and loading it take a while.
        is_ours = job_renew(job=job) and not job_is_unwanted(job=job)
        if not (is_ours and wanted.exists()):
            raise PromotionRefused("Its comparison was cancelled, or somebody has decided of it.")

    try:
        version_promote(
            version=version,
            by=None,
            instead_of=champion.number,
            figures=_logged(figures),
            is_automatic=True,
            at_last=expect_wanted,
        )
    except PromotionRefused as refused:
        logger.warning("%s was not promoted by itself: %s", version, refused)
        return False
    return True


def last_comparison(version: ModelVersion, champion: ModelVersion) -> Job | None:
    """The newest job that compares the two, whatever its state."""
    return _comparisons(version, champion).first()


def result_of(version: ModelVersion, champion: ModelVersion) -> Mapping[str, Any] | None:
    """The newest comparison of the two that came to an end; None where there is none."""
    done = _comparisons(version, champion).filter(state=Job.State.SUCCEEDED).first()
    return done.result if done else None


def candidate_promote(
    *,
    version: ModelVersion,
    by: User | None,
    instead_of: int | None = None,
    reason: str = "",
    is_unknown_accepted: bool = False,
) -> ModelVersion:
    """The version, live, as a curator wants it; a line of the log says why.

    Raises ReasonWanted for one that is worse beyond chance, without a reason; NothingKnown for one that
    was not compared, unless that is accepted; and what `version_promote` raises. A first version needs
    none of it. `instead_of`: see there.
    """
    champion = version.recognizer.live_version()
    live_number = champion.number if champion else 0
    shown = live_number if instead_of is None else instead_of
    figures: Mapping[str, Any] = {}
    # If another one answers by now, that is what the curator has to hear.
    if champion is not None and champion != version and live_number == shown:
        figures = result_of(version, champion) or {}
        if figures.get("verdict") == "worse" and not reason.strip():
            raise ReasonWanted(
                _(
                    "Version %(number)s is worse than version %(other)s, beyond what chance would do; "
                    "nothing was changed. Write why it shall answer all the same, and promote again."
                )
                % {"number": version.number, "other": champion.number}
            )
        if not figures and not is_unknown_accepted:
            raise NothingKnown(
                _(
                    "Version %(number)s was not compared with version %(other)s, so nobody knows whether "
                    "it is better; nothing was changed. Compare them, or confirm that it shall answer "
                    "without that."
                )
                % {"number": version.number, "other": champion.number}
            )
    return version_promote(
        version=version,
        by=by,
        instead_of=shown,
        reason=reason.strip(),
        figures=_logged(figures),
    )


def version_before(recognizer: Recognizer, number: int) -> ModelVersion | None:
    """The version that answered before the one of that number did last, of those that still have their
    files; None where none did."""
    with_files = recognizer.versions.exclude(number=number).exclude(bundle_digest="")
    log = Promotion.objects.filter(recognizer=recognizer)
    last = log.filter(version__number=number).first()
    if last is None:
        # The log began later than this version: of those that have answered, the one promoted last.
        retired = with_files.filter(state=ModelVersion.State.RETIRED)
        return retired.order_by("-promoted_at").first()
    earlier = log.filter(pk__lt=last.pk, version__in=with_files.order_by())
    if (line := earlier.select_related("version").first()) is not None:
        return line.version
    # The first that the log knows of may have replaced one that it does not.
    began = log.filter(pk__lte=last.pk, before__in=with_files.order_by())
    line = began.select_related("before").first()
    return line.before if line else None


def recognizer_roll_back(
    *, recognizer: Recognizer, by: User | None, instead_of: int
) -> ModelVersion:
    """The version that answered before number `instead_of`, live again. Raises PromotionRefused: also
    where another was promoted meanwhile."""
    before = version_before(recognizer, instead_of)
    if before is None:
        raise PromotionRefused(
            gettext_noop("No version has answered before version %(number)s; nothing was changed."),
            number=instead_of,
        )
    return version_promote(version=before, by=by, instead_of=instead_of, reason=ROLLED_BACK)


def _logged(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Of a comparison's figures, what the log of promotions keeps."""
    return {name: figures[name] for name in LOGGED if name in figures}


def _comparisons(version: ModelVersion, champion: ModelVersion) -> QuerySet[Job]:
    return Job.objects.filter(
        kind=Job.Kind.COMPARE, version=version, other_version=champion
    ).order_by("-id")
