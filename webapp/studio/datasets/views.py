"""The pages of a dataset: browse it, rename it, read it again, delete it."""

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRefresh

from webapp.studio.datasets.adding import dataset_import
from webapp.studio.datasets.browsing import NO_PAGE, NOTHING, Census, Filters, page_of
from webapp.studio.datasets.deletion import belongings_of, dataset_delete
from webapp.studio.datasets.forms import RenameForm
from webapp.studio.datasets.frame import dataset_or_404, dataset_page, job_context
from webapp.studio.datasets.tiles import class_links, tiles_of
from webapp.studio.datasets.undo import undo_token
from webapp.studio.models import Dataset, Example
from webapp.studio.pages import curator, curator_page, number_of

# A list of more would be longer than anybody reads; the field takes the others by name.
MAX_CLASSES = 500


@curator_page
@require_GET
def dataset(request: HttpRequest, dataset_id: int) -> HttpResponse:
    """Its pictures, by class and by what became of them."""
    shown = dataset_or_404(dataset_id)
    # The rows of one that is still being read, or could not be, would look like all of it.
    is_whole = shown.state == Dataset.State.READY
    filters, census = Filters.parse(request.GET), Census.of(shown) if is_whole else NOTHING
    after, before = (number_of(request.GET.get(name)) or 0 for name in ("after", "before"))
    classes = census.classes(filters.show)
    page = page_of(shown, filters, after=after, before=before) if is_whole else NO_PAGE
    below = f"{reverse('studio:dataset', args=[shown.pk])}examples/"
    return dataset_page(
        request,
        "browse.html",
        dataset=shown,
        tab="pictures",
        filters=filters,
        census=census,
        classes=class_links(classes, filters, limit=MAX_CLASSES),
        num_classes=len(classes),
        labels=census.labels[:MAX_CLASSES],
        reasons=[
            (why, Example.Excluded(why).label, number) for why, number in census.left_out.items()
        ],
        page=page,
        tiles=tiles_of(page.examples, filters, below=below),
        after=after,
        before=before,
        undo=undo_token(request, shown),
        query=f"?{filters.address}" if filters.address else "",
    )


@curator_page
@require_GET
def dataset_job(request: HttpRequest, dataset_id: int) -> HttpResponse:
    """How far the reading is, for its page to ask again; when it has ended, the page is loaded anew."""
    context = job_context(dataset_or_404(dataset_id))
    if context["job"] is None or not context["job"].is_open:
        return HttpResponseClientRefresh()
    return render(request, "studio/datasets/_job.html", context)


@curator_page
@require_http_methods(["GET", "POST"])
def dataset_settings(request: HttpRequest, dataset_id: int) -> HttpResponse:
    """Its name, where its files are, and the ways to read it again and to delete it."""
    shown = dataset_or_404(dataset_id)
    form = RenameForm(request.POST or None, instance=dataset_or_404(dataset_id))
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["name"]
        try:
            with transaction.atomic():
                num_renamed = Dataset.objects.filter(pk=shown.pk).update(name=name)
        except IntegrityError:  # another one was given that name at the same moment
            form.add_error("name", form.fields["name"].error_messages["unique"])
        else:
            if not num_renamed:
                raise Http404
            messages.success(request, _("The dataset is called “%(name)s” now.") % {"name": name})
            return redirect("studio:dataset_settings", shown.pk)
    return dataset_page(
        request,
        "settings.html",
        dataset=shown,
        tab="settings",
        form=form,
        has_files=shown.path.is_dir(),
    )


@curator_page
@require_POST
def dataset_read_again(request: HttpRequest, dataset_id: int) -> HttpResponse:
    """Look for pictures that came and went."""
    shown = dataset_or_404(dataset_id)
    _job, is_new = dataset_import(dataset=shown, requested_by=curator(request))
    if not is_new:
        messages.info(request, _("The dataset is being read already."))
    return redirect("studio:dataset", shown.pk)


@curator_page
@require_http_methods(["GET", "POST"])
def dataset_remove(request: HttpRequest, dataset_id: int) -> HttpResponse:
    """What goes with it is shown first."""
    shown = dataset_or_404(dataset_id)
    name = shown.name
    if request.method == "POST":
        if dataset_delete(dataset=shown):
            messages.success(request, _("The dataset “%(name)s” was deleted.") % {"name": name})
            return redirect("admin:studio_dataset_changelist")
        messages.error(request, _("The dataset was not deleted: something stands in the way."))
    return dataset_page(
        request,
        "delete.html",
        dataset=shown,
        tab="settings",
        belongings=belongings_of(shown),
    )
