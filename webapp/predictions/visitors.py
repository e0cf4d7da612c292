"""Who asks, and what is theirs. Another person's prediction is not there, and neither is a deleted
one."""

from collections.abc import Callable

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from webapp.accounts.guests import guest_of, guest_pictures_count, guest_sign_in
from webapp.accounts.models import User
from webapp.predictions.models import Prediction, PredictionQuerySet


def visitor(request: HttpRequest) -> User:
    if not isinstance(request.user, User):  # LoginRequiredMiddleware has seen to it
        raise Http404
    return request.user


def max_pictures(request: HttpRequest) -> int:
    """How many of one upload are taken: of guests no more than they may send in an hour."""
    if isinstance(request.user, User) and not request.user.is_guest:
        return int(settings.MAX_FILES_PER_UPLOAD)
    return int(min(settings.MAX_FILES_PER_UPLOAD, settings.GUEST_PICTURES_PER_HOUR))


def sender(request: HttpRequest, *, num_new: Callable[[User | None], int]) -> User:
    """Whose the pictures are that came with this request, to be asked once it is found to be right: in
    a view that is `guests_welcome` nobody becomes a guest by it, and a guest's pictures are counted.
    `num_new`: how many will be kept for this guest that are not kept yet; None is one who is none so
    far. Raises GuestsWait."""
    if isinstance(request.user, User) and not request.user.is_guest:
        return request.user
    if number := num_new(guest_of(request)):
        guest_pictures_count(request, number=number)
    return visitor(request) if request.user.is_authenticated else guest_sign_in(request)


def own_predictions(request: HttpRequest) -> PredictionQuerySet:
    return Prediction.objects.present().filter(owner=visitor(request))


def own_answers(request: HttpRequest) -> QuerySet[Prediction]:
    """The same with what a page says of who answered."""
    rows = own_predictions(request)
    return rows.select_related("recognizer", "version").defer("version__metrics")
