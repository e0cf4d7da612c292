"""Which version answered when, and the way back to the one before."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from webapp.recognizers.models import Recognizer
from webapp.recognizers.swap import PromotionRefused
from webapp.studio.comparing.log import log_page
from webapp.studio.comparing.services import recognizer_roll_back, version_before
from webapp.studio.comparing.views import shown_live
from webapp.studio.pages import curator, curator_page, number_of, page


@curator_page
@require_GET
def promotions(request: HttpRequest, recognizer_id: int) -> HttpResponse:
    recognizer = get_object_or_404(Recognizer, pk=recognizer_id)
    live = recognizer.live_version()
    return page(
        request,
        "studio/comparing/promotions.html",
        title=_("Promotions of %(recognizer)s") % {"recognizer": recognizer},
        recognizer=recognizer,
        live=live,
        previous=version_before(recognizer, live.number) if live else None,
        log=log_page(recognizer, before=number_of(request.GET.get("before"))),
    )


@curator_page
@require_POST
def roll_back(request: HttpRequest, recognizer_id: int) -> HttpResponse:
    """One click back to the version that answered before."""
    recognizer = get_object_or_404(Recognizer, pk=recognizer_id)
    instead_of = shown_live(request)
    try:
        version = recognizer_roll_back(
            recognizer=recognizer,
            by=curator(request),
            instead_of=recognizer.live_number() if instead_of is None else instead_of,
        )
    except PromotionRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("%(version)s answers again.") % {"version": version})
    return redirect("studio:promotions", recognizer.pk)
