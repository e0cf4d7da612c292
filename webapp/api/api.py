"""API v1: how it is mounted, and what every refusal looks like."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from ninja.errors import HttpError, ValidationError

from webapp import metrics
from webapp.api.corrections import router as corrections
from webapp.api.document import DocumentedAPI
from webapp.api.keys import ApiKeyAuth
from webapp.api.predictions import router as predictions
from webapp.api.recognizers import router as recognizers
from webapp.api.webhooks import router as webhooks
from webapp.database import DATABASE_AWAY
from webapp.predictions.middleware import UPLOAD_API
from webapp.problems import Problem

logger = logging.getLogger(__name__)

api = DocumentedAPI(
    title="Ocellus",
    version="1",
    urls_namespace="api",
    auth=ApiKeyAuth(),
    docs_url=None,  # its page would bring scripts of its own; ours is in docs.py
)
api.add_router("", predictions)
api.add_router("", corrections)
api.add_router("", recognizers)
api.add_router("", webhooks)


def problem_of(error: Exception) -> Problem:
    """What an exception means for whoever asked."""
    match error:
        case Problem():
            return error
        case ValidationError():
            return _invalid(error.errors)
        case TooManyFilesSent():
            return Problem("too_many_files", num_files=settings.MAX_FILES_PER_UPLOAD)
        case RequestDataTooBig():
            return Problem("too_large", megabytes=settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1_048_576)
        case SuspiciousOperation() | MultiPartParserError() | UnreadablePostError() | HttpError():
            return Problem("not_understood")
        case _ if isinstance(error, DATABASE_AWAY):
            return Problem("unavailable")
        case OSError():  # large files go through the disk while they are received
            return Problem("not_kept")
    return Problem("failed")


def answer_problem(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    error = error if isinstance(error, Exception) else error()
    problem = problem_of(error)
    if problem.status >= 500 and problem is not error:
        logger.error("%s %s: %s", request.method, request.path, problem.code, exc_info=error)
    if request.method == "POST" and request.path == UPLOAD_API:
        metrics.refused(problem.code)
    return problem.response()


def _invalid(errors: Sequence[Mapping[str, Any]]) -> Problem:
    places = [".".join(str(part) for part in error["loc"]) for error in errors]
    if "file.pictures" in places:
        if any(error["type"] == "too_long" for error in errors):
            return Problem("too_many_files", num_files=settings.MAX_FILES_PER_UPLOAD)
        return Problem("no_pictures")
    problems = [f"{place}: {error['msg']}" for place, error in zip(places, errors, strict=True)]
    return Problem("invalid", problems="; ".join(problems))


# The handlers of ninja's own that are more special than `Exception` would come first.
for _kind in (Exception, HttpError, ValidationError):
    api.add_exception_handler(_kind, answer_problem)
