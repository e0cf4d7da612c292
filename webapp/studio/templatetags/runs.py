"""Figures of a run as people read them."""

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webapp.studio.notes import note_text

register = template.Library()
register.filter(note_text)


@register.filter
def duration(seconds: float | None) -> str:
    """75 as "75 seconds", 600 as "10 minutes", 9000 as "2.5 hours"; empty for None."""
    if seconds is None:
        return ""
    if seconds < 90:
        whole = max(1, round(seconds))
        return ngettext("%(number)s second", "%(number)s seconds", whole) % {"number": whole}
    if seconds < 90 * 60:
        whole = round(seconds / 60)
        return ngettext("%(number)s minute", "%(number)s minutes", whole) % {"number": whole}
    return _("%(number)s hours") % {"number": number_format(seconds / 3600, 1)}


@register.filter
def step_seconds(seconds: float | None) -> str:
    """What a step took: "0.1 s", "12 s"; longer ones as `duration` says."""
    if seconds is None:
        return ""
    if seconds >= 90:
        return duration(seconds)
    return _("%(number)s s") % {"number": number_format(seconds, 1 if seconds < 10 else 0)}


@register.filter
def setting_name(name: str) -> str:
    """What the form calls a setting."""
    from webapp.studio.runs.forms import RetrainForm

    field = RetrainForm.base_fields.get(name)
    return str(field.label) if field and field.label else name


@register.filter
def setting_value(value: object) -> str:
    """A setting's value as the page shows it."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    return str(value)
