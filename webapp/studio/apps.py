from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class StudioConfig(AppConfig):
    name = "webapp.studio"
    verbose_name = _("Studio")

    def ready(self) -> None:
        from webapp.studio.curators import curators_create  # models are there only now

        post_migrate.connect(curators_create, sender=self)
