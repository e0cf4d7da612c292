"""Who asks, and what is theirs. Another person's prediction is not there, and neither is a deleted
one."""

from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from webapp.accounts.models import User
from webapp.predictions.models import Prediction, PredictionQuerySet


def visitor(request: HttpRequest) -> User:
    if not isinstance(request.user, User):  # LoginRequiredMiddleware has seen to it
        raise Http404
    return request.user


def own_predictions(request: HttpRequest) -> PredictionQuerySet:
    return Prediction.objects.present().filter(owner=visitor(request))


def own_answers(request: HttpRequest) -> QuerySet[Prediction]:
    """The same with what a page says of who answered."""
    rows = own_predictions(request)
    return rows.select_related("recognizer", "version").defer("version__metrics")
