"""A new dataset: of a folder on the server, or of a ZIP that the page's script sends in pieces."""

from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from webapp.languages import sentence_of
from webapp.studio.datasets.adding import (
    dataset_add_folder,
    dataset_add_upload,
    dataset_of_upload,
    new_folders,
)
from webapp.studio.datasets.incoming import (
    PIECE_BYTES,
    Incoming,
    incoming_append,
    incoming_begin,
    incoming_drop,
    incoming_get,
)
from webapp.studio.datasets.refusals import FolderRefused, UploadRefused
from webapp.studio.datasets.services import MAX_NAME_CHARACTERS
from webapp.studio.models import Dataset
from webapp.studio.pages import curator, curator_page, number_of, page


@curator_page
@require_http_methods(["GET", "POST"])
def dataset_new(request: HttpRequest) -> HttpResponse:
    """Choose a folder, or send a ZIP."""
    chosen, problem, status = request.POST.get("folder_name", "").replace("\0", ""), "", 200
    if request.method == "POST":
        try:
            dataset = dataset_add_folder(
                folder_name=chosen,
                name=_name(request.POST.get("name", "")),
                created_by=curator(request),
            )
        except FolderRefused as error:
            problem, status = sentence_of(error), 422
        else:
            messages.success(request, _("The folder is being read."))
            return redirect("studio:dataset", dataset.pk)
    return page(
        request,
        "studio/datasets/new.html",
        title=_("New dataset"),
        status=status,
        folders=new_folders(),
        chosen=chosen,
        problem=problem,
        piece_bytes=PIECE_BYTES,
    )


def _told(view: Callable[[HttpRequest], JsonResponse]) -> Callable[[HttpRequest], JsonResponse]:
    """A refusal as JSON, for the script to show."""

    @wraps(view)
    def told(request: HttpRequest) -> JsonResponse:
        try:
            return view(request)
        except UploadRefused as error:
            return JsonResponse({"problem": sentence_of(error), "code": error.code}, status=422)

    return told


@curator_page
@require_POST
@_told
def dataset_upload_begin(request: HttpRequest) -> JsonResponse:
    """Announce a ZIP; how much of it is here from before, or the dataset that was made of it."""
    name = _name(request.POST.get("name", ""))
    incoming = incoming_begin(
        user=curator(request),
        file_name=request.POST.get("file_name", "").replace("\0", ""),
        num_bytes=number_of(request.POST.get("num_bytes")) or 0,
        modified=request.POST.get("modified", "")[:40],
        name=name,
    )
    existing = dataset_of_upload(incoming)
    if existing and existing.state != Dataset.State.FAILED:
        if not incoming.num_received:
            incoming_drop(key=incoming.key)
        return JsonResponse({"address": reverse("studio:dataset", args=[existing.pk])})
    if name and not existing and Dataset.objects.filter(name=name).exists():
        raise UploadRefused("name_taken", name=name)
    return JsonResponse({"upload": incoming.key, "received": incoming.num_received})


@curator_page
@require_POST
@_told
def dataset_upload_piece(request: HttpRequest) -> JsonResponse:
    """A piece, as the request's body, that belongs `at` a byte; how many bytes there are then."""
    incoming = _incoming(request)
    if int(request.META.get("CONTENT_LENGTH") or 0) > PIECE_BYTES:
        raise UploadRefused("not_understood")
    try:
        piece = request.read(PIECE_BYTES)
    except UnreadablePostError as error:  # nobody hears it
        raise UploadRefused("not_understood") from error
    at = number_of(request.GET.get("at")) or 0
    return JsonResponse({"received": incoming_append(incoming=incoming, at=at, piece=piece)})


@curator_page
@require_POST
@_told
def dataset_upload_finish(request: HttpRequest) -> JsonResponse:
    """All of it is here: where the page of its dataset is."""
    dataset = dataset_add_upload(incoming=_incoming(request), created_by=curator(request))
    return JsonResponse({"address": reverse("studio:dataset", args=[dataset.pk])})


@curator_page
@require_POST
def dataset_upload_drop(request: HttpRequest) -> JsonResponse:
    """Leave nothing of what has come so far."""
    incoming_drop(key=request.GET.get("upload", ""))
    return JsonResponse({})


def _incoming(request: HttpRequest) -> Incoming:
    incoming = incoming_get(request.GET.get("upload", ""))
    if incoming is None:
        raise UploadRefused("not_understood")
    return incoming


def _name(name: str) -> str:
    return " ".join(name.replace("\0", "").split())[:MAX_NAME_CHARACTERS]
