"""Probabilities as people read them."""

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _

register = template.Library()
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


@register.filter
def percent(share: float | None) -> str:
    """0.9731 as "97.3 %", which no line breaks. Never 100 % or 0 % for what is not quite: that would be
    a lie."""
    return percent_plain(share).replace(" ", NO_BREAK_SPACE)


def percent_plain(share: float | None) -> str:
    """The same for terminals and other programs."""
    if share is None:
        return "–"
    tenths = round(share * 1000)
    if share < 1:
        tenths = min(tenths, 999)
    if tenths == 0 and share > 0:
        return _("< 0.1 %")
    return _("%(number)s %%") % {"number": number_format(tenths / 10, 1)}
