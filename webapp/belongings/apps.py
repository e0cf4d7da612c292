from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BelongingsConfig(AppConfig):
    """What a person has here: all of it to take along, or gone. No tables of its own."""

    name = "webapp.belongings"
    verbose_name = _("Belongings")
