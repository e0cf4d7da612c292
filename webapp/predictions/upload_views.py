"""The upload page: pictures in, and on to their answers; as a form, or file by file from a script."""

import uuid

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from webapp import metrics
from webapp.accounts.guests import guests_welcome
from webapp.accounts.models import User
from webapp.predictions.choices import choices, newest_choice
from webapp.predictions.fetching import fetched
from webapp.predictions.forms import FileForm, UploadForm
from webapp.predictions.incoming import AddressRefused, unpacked
from webapp.predictions.refusals import refusal, try_again
from webapp.predictions.services import (
    Added,
    SlotTaken,
    UploadFull,
    UploadNotKept,
    num_new_of_file,
    num_new_of_form,
    upload_accept,
    upload_add,
)
from webapp.predictions.visitors import max_pictures, sender


@guests_welcome
@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """The form; posted, its pictures are kept and the visitor sent on to their answers."""
    if request.method == "GET":
        initial = {"recognizer": newest_choice(request.user.pk)}
        return _page(request, UploadForm(initial=initial, person=request.user))
    form = UploadForm(request.POST, request.FILES, person=request.user)
    if not form.is_valid():
        return _page(request, form, status=422)
    files = form.cleaned_data["pictures"]
    if address := form.cleaned_data.get("address"):
        try:
            files.append(fetched(request, address))
        except AddressRefused as refused:
            if not files:
                form.add_error("address", str(refused))
                return try_again(_page(request, form, status=refused.status))
            messages.warning(request, str(refused))  # the files go on all the same
    found = unpacked(files, max_pictures=max_pictures(request))
    recognizer, number = form.cleaned_data["recognizer"], form.cleaned_data["upload"]

    def num_new(guest: User | None) -> int:
        return num_new_of_form(owner=guest, recognizer=recognizer, upload=number, files=found.files)

    try:
        accepted = upload_accept(
            owner=sender(request, num_new=num_new),
            recognizer=recognizer,
            upload=number,
            files=found.files,
        )
    except UploadNotKept:
        return _not_kept(request)
    for note in found.notes:
        messages.warning(request, note)
    return redirect("answers", upload_id=accepted[0].upload)


@guests_welcome
@require_POST
def upload_file(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """One file of an upload, from the page's script; what became of it as JSON. Sent again, because
    nothing was heard, it is not kept twice."""
    form = FileForm(request.POST, request.FILES, person=request.user)
    if not form.is_valid():
        return refusal(request, 422, form.sentence)
    try:
        file = form.cleaned_data["file"] or fetched(request, form.cleaned_data["address"])
        found = unpacked([file], max_pictures=max_pictures(request))
        slot = form.cleaned_data["position"]

        def num_new(guest: User | None) -> int:
            return num_new_of_file(owner=guest, upload=upload_id, slot=slot, found=found)

        added = upload_add(
            owner=sender(request, num_new=num_new),
            recognizer=form.cleaned_data["recognizer"],
            upload=upload_id,
            slot=slot,
            found=found,
        )
    except AddressRefused as refused:
        return refusal(request, refused.status, str(refused))
    except SlotTaken:
        metrics.refused("slot_taken")
        return refusal(
            request, 409, _("Another file has come in this one's place. Please try again.")
        )
    except UploadFull:
        metrics.refused("too_many_files")
        sentence = _(
            "Expected at most %(num_files)s pictures in one upload, and that many have come. "
            "Please send this one in another upload."
        )
        return refusal(request, 413, sentence % {"num_files": settings.MAX_FILES_PER_UPLOAD})
    except UploadNotKept:
        return _not_kept(request)
    return JsonResponse(_report(request, upload_id, added), status=201)


def _page(request: HttpRequest, form: UploadForm, *, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "choices": choices(request.user),
        "max_files": settings.MAX_FILES_PER_UPLOAD,
        "max_bytes": settings.PICTURE_LIMITS.max_bytes,
        # What frames the file in its request counts, too.
        "max_zip_bytes": settings.MAX_UPLOAD_BYTES - 65_536,
    }
    return render(request, "predictions/upload.html", context, status=status)


def _report(request: HttpRequest, upload_id: uuid.UUID, added: Added) -> dict[str, object]:
    """`token`: for the next request; who was nobody before this one may have got a new one."""
    notes = added.unpacked.notes
    is_whole = not notes
    if num := added.unpacked.num_from_zips:
        sentence = ngettext("%(num)s picture was in it.", "%(num)s pictures were in it.", num)
        notes.insert(0, sentence % {"num": num})
        if num_failed := sum(bool(row.failure_sentence) for row in added.predictions):
            sentence = ngettext(
                "%(num)s of them could not be taken; its answer says why.",
                "%(num)s of them could not be taken; their answers say why.",
                num_failed,
            )
            notes.insert(1, sentence % {"num": num_failed})
    return {
        "page": reverse("answers", kwargs={"upload_id": upload_id}),
        "predictions": [
            {
                "id": row.public_id,
                "page": reverse("answer", kwargs={"public_id": row.public_id}),
                "name": row.file_name,
                "state": row.state,
                "failure": row.failure_sentence,
            }
            for row in added.predictions
        ],
        "notes": notes,
        "is_whole": is_whole,
        "token": get_token(request),
    }


def _not_kept(request: HttpRequest) -> HttpResponse:
    metrics.refused("not_kept")
    sentence = _("The pictures could not be kept just now. Please send them again in a moment.")
    return refusal(request, 503, sentence)
